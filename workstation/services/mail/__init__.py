"""Mail to and from clients: threads, templates, the outbox, the courier."""
