"""Mailboxes behind :class:`workstation.services.mail.ports.Mailbox`, a file a kind."""
