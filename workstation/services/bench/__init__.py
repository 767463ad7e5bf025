"""What an analyst does at the desk, a file a part: queue, account, packet, mail, acts."""
