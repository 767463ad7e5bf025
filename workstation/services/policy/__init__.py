"""The policy as a file: what it may say, its hash, and the signatures of the two people who change it."""
