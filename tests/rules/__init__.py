"""The rules, attacked as raw SQL under each role."""
