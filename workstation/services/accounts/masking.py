"""What of an account is shown: no whole name, address or number. Masking twice changes nothing."""

from __future__ import annotations

import msgspec

from workstation.services.accounts.model import Account, Contact, ContactKind
from workstation.services.text import mask_email, mask_tail

DOTS = "••••"


def masked(account: Account) -> Account:
    """Return the account as screens may hold it: no full name, address or number."""
    name = " ".join(mask_name(word) for word in account.name.split())
    user = mask_email(account.username) if "@" in account.username else mask_name(account.username)
    return msgspec.structs.replace(
        account, name=name, username=user, contacts=tuple(masked_contact(c) for c in account.contacts)
    )


def mask_name(word: str) -> str:
    """Return the first letter of a name and dots."""
    return word[:1] + DOTS if word else ""


def masked_contact(contact: Contact) -> Contact:
    """Return the contact with its value masked."""
    hide = mask_email if contact.kind is ContactKind.EMAIL else mask_tail
    return msgspec.structs.replace(contact, value=hide(contact.value))
