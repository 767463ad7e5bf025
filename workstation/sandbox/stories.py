"""Which story a client tells, and the kind of case that intake makes of it: from the words, never from the truth."""

from __future__ import annotations

from typing import Any

from workstation.sandbox.cast import DAY, HOUR
from workstation.sandbox.draft import Draft
from workstation.sandbox.heads import Story
from workstation.sandbox.vocabulary import instant
from workstation.services.clock import from_micros, parse_instant, to_micros

#: Story in ``letters/*.toml`` → kind of case.
KINDS: dict[str, str] = {
    "withdrawn": "account_takeover",
    "no_signal": "account_takeover",
    "strange_login": "suspicious_activity",
    "locked": "access_lost",
    "forgot": "access_lost",
    "lost_phone": "second_factor_lost",
    "new_number": "contact_change",
    "mail_changed": "contact_change",
    "travel": "withdrawal_hold",
    "held": "withdrawal_hold",
    "phished": "phishing_report",
    "settings_lock": "settings_lock",
    "caller": "other",
}


def tell(draft: Draft, key: str, *, writer: str = "client", spoofed: bool = False, **params: Any) -> None:
    """Decide what the first mail will say.

    Args:
        draft: the account; its ``began_us`` and ``opened_us`` are set.
        key: one of :data:`KINDS`.
        writer: ``client`` or ``intruder``.
        spoofed: the mail carries the client's address and is not from his provider.
        **params: what the story's holes are filled with.
    """
    known = {"day": day_of(draft, draft.began_us), "city": draft.person.city, "device": draft.person.main.label}
    draft.story = Story(
        tell=key,
        kind=KINDS[key],
        language=draft.person.language,
        writer=writer,
        opened_us=draft.opened_us,
        # A client names the day, not the minute: the hour before the first sign of it is as near as intake gets.
        trouble_us=draft.began_us - draft.began_us % HOUR - HOUR,
        funds_usd=draft.balance,
        params=known | params,
        spoofed=spoofed,
    )


def day_of(draft: Draft, at_us: int) -> str:
    """Return the client's own date of that moment, ``YYYY-MM-DD``."""
    return from_micros(at_us + int(draft.person.offset_h * HOUR)).date().isoformat()


def say_devices(draft: Draft) -> None:
    """Let the client say what he signs in with; true as far as the log of the last fortnight shows only that."""
    person = draft.person
    since = instant(draft.began_us - 14 * DAY)
    used = {e["device.id"] for e in signed_in(draft) if e["@timestamp"] >= since}
    true = used <= {person.main.id, person.phone_app.id} | draft.bad_devices
    draft.say("only_device", true, device=person.main.label, phone=person.phone_app.label)


def never_there(draft: Draft) -> dict[str, str]:
    """Return a day and city in which nobody signed in to this account: what somebody says who does not know."""
    known = {day_of(draft, to_micros(parse_instant(e["@timestamp"]))) for e in signed_in(draft)}
    days = (day_of(draft, draft.began_us - n * DAY) for n in range(1, 60))
    quiet = next((day for day in days if day not in known), None)
    if quiet is not None:
        return {"day": quiet, "city": draft.person.city}
    cities = sorted(set(draft.atlas.cities) - {e["source.geo.city_name"] for e in signed_in(draft)})
    return {"day": day_of(draft, draft.began_us - DAY), "city": draft.rng.choice(cities)}


def signed_in(draft: Draft) -> list[dict[str, Any]]:
    """Return the sign-ins that worked."""
    return [e for e in draft.events if e["event.action"] == "sign_in" and e["event.outcome"] == "success"]
