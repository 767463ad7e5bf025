"""What a client is told after an act, and where: on every channel that was verified before the trouble."""

from __future__ import annotations

from datetime import datetime, timedelta

from workstation.services.accounts.model import Account, ContactKind
from workstation.services.acts.attending import WarnClient
from workstation.services.acts.broker import Notice, TellClient
from workstation.services.acts.veto import Waiting
from workstation.services.clock import from_micros
from workstation.services.mail import templates
from workstation.services.mail.message import draft_hash, message_id
from workstation.services.mail.ports import House
from workstation.services.text import clean
from workstation.services.views import Template

#: An address that was replaced this recently is told as well: whoever replaced it may be the intruder.
RECENTLY = timedelta(days=30)


def teller(house: House) -> TellClient:
    """Return the function that composes the notices of an executed act."""

    def tell(notice: Notice, account: Account) -> list[dict[str, str]]:
        values = {
            "ref": notice.case_ref,
            "brand": house.brand,
            "act": notice.act,
            "time": f"{notice.settled:%Y-%m-%d %H:%M} UTC",
            "name": clean(account.name, 80).split()[0] if account.name.strip() else notice.case_ref,
        }
        words = templates.render("act_done", notice.language or account.language, values)
        return [
            {
                "message_id": message_id(notice.case_ref, 0, draft_hash(address, notice.id, words.body), house.domain),
                "recipient": address,
                "subject": words.subject,
                "body": words.body,
                "language": words.language,
            }
            for address in channels(account, notice)
        ]

    return tell


def warner(house: House) -> WarnClient:
    """Return the function that composes the notices of an act that waits, each with the link that stops it."""

    def warn(waiting: Waiting, account: Account, link: str) -> list[dict[str, str]]:
        hours = (waiting.not_before - waiting.created).total_seconds() / 3600
        values = {
            "ref": waiting.case_ref,
            "brand": house.brand,
            "act": waiting.act,
            "time": f"{waiting.not_before:%Y-%m-%d %H:%M} UTC",
            "hours": f"{hours:.2g}",
            "until": f"{waiting.until:%Y-%m-%d %H:%M} UTC",
            "name": clean(account.name, 80).split()[0] if account.name.strip() else waiting.case_ref,
        }
        language = templates.load(waiting.language or account.language).tag
        words: templates.Words | Template = (
            templates.with_stop_link(language, values, link)
            if link
            else templates.render("cooldown_notice", language, values)
        )
        return [
            {
                "message_id": message_id(
                    waiting.case_ref, 0, draft_hash(address, waiting.id, words.body), house.domain
                ),
                "recipient": address,
                "subject": words.subject,
                "body": words.body,
                "language": language,
            }
            for address in verified(account, waiting.created)
        ]

    return warn


def verified(account: Account, now: datetime) -> list[str]:
    """Return every e-mail address that was verified and is in force, or was replaced lately: any of them may say no."""
    found = {
        contact.value
        for contact in account.contacts
        if contact.kind is ContactKind.EMAIL
        and contact.verified_at is not None
        and (contact.replaced_at is None or contact.replaced_at >= now - RECENTLY)
    }
    return sorted(found)


def channels(account: Account, notice: Notice) -> list[str]:
    """Return the e-mail addresses that are told: verified before the trouble, in force then or replaced lately."""
    since = from_micros(notice.trouble_since_us)
    found = {
        contact.value
        for contact in account.contacts
        if contact.kind is ContactKind.EMAIL
        and contact.verified_at is not None
        and contact.verified_at < since
        and (contact.replaced_at is None or contact.replaced_at >= since - RECENTLY)
    }
    return sorted(found)
