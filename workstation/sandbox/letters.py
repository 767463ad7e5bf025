"""The mails of clients and to clients, in eight languages (``tongues/*.toml``), as RFC 5322 wants them."""

from __future__ import annotations

import hashlib
import random
import tomllib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from workstation.sandbox.heads import Actor, Statement, Story
from workstation.services.accounts.model import Account
from workstation.services.clock import from_micros

SUPPORT = "support@exchange.example"
BRAND = "Sandbox Exchange"
#: The name that the exchange's own mail server writes into Authentication-Results (RFC 8601, 2.2).
MX = "mx.exchange.example"
#: Providers that publish no DMARC policy: their mail is never more than "unknown".
NO_DMARC = frozenset({"boiteauxlettres.example", "caixa-postal.example"})
EXCERPT = 280
_POLICY = SMTP.clone(cte_type="8bit")


class Told(msgspec.Struct, frozen=True):
    """The ways in which one story is told."""

    subject: tuple[str, ...]
    body: tuple[str, ...]


class Reset(msgspec.Struct, frozen=True):
    """What the exchange writes by itself."""

    subject: str
    body: str
    code: str


class Answers(msgspec.Struct, frozen=True):
    """How answers begin, and what is said when all was said."""

    opening: tuple[str, ...]
    nothing_more: tuple[str, ...]


class Tongue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of the clients."""

    months: tuple[str, ...]
    date: str
    thousands: str
    quote: str
    greetings: tuple[str, ...]
    closings: tuple[str, ...]
    upset: tuple[str, ...]
    devices: dict[str, str]
    reset: Reset
    story: dict[str, Told]
    says: dict[str, str]
    answer: Answers


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is ready: its bytes, and what a case shows of it."""

    raw: bytes
    message_id: str
    subject: str
    excerpt: str


@cache
def tongue(language: str) -> Tongue:
    """Return the texts of a language.

    Raises:
        FileNotFoundError: there are none.
    """
    path = Path(__file__).parent / "tongues" / f"{language}.toml"
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Tongue)


def first_mail(account: Account, actor: Actor, story: Story, rng: random.Random) -> Mail:
    """Return the mail with which a case begins.

    Args:
        account: whose case it is.
        actor: who writes it: the client or the intruder.
        story: what it tells.
        rng: chooses among the ways to tell it, and the typing errors.
    """
    words = tongue(story.language)
    told = words.story[story.tell]
    holes = _holes(story.params, story.language)
    which = rng.randrange(len(told.body))
    body = told.body[which].format(**holes)
    if rng.random() < 0.5:
        body += " " + rng.choice(words.upset)
    if rng.random() < 0.5:
        body = typos(body, rng)
    sender = account_address(account) if story.spoofed else actor.writes_from
    subject = told.subject[which].format(**holes)
    text = _page(rng.choice(words.greetings), body, rng.choice(words.closings).format(name=actor.name))
    return _mail(actor.name, sender, subject, text, story.opened_us, spoofed=story.spoofed, excerpt=body)


def answer(
    actor: Actor,
    story: Story,
    statements: list[Statement],
    received: EmailMessage,
    at_us: int,
    rng: random.Random,
) -> Mail:
    """Return somebody's answer to a mail of support, with the mail quoted below.

    Args:
        actor: who answers.
        story: in whose language.
        statements: what is said this time; when empty, that there is nothing more to say.
        received: the mail that is answered.
        at_us: when, microseconds.
        rng: chooses the words.
    """
    words = tongue(story.language)
    said = [words.says[s.code].format(**_holes(s.params, story.language)) for s in statements]
    gap = "" if story.language == "ja" else " "
    body = rng.choice(words.answer.opening) + "\n\n" + gap.join(said or [rng.choice(words.answer.nothing_more)])
    if rng.random() < 0.4:
        body = typos(body, rng)
    subject = str(received.get("Subject", ""))
    if not subject.lower().startswith("re:"):
        subject = f"Re: {subject}"
    text = _page("", body, actor.name) + "\n" + _quoted(received, words)
    mail_id = str(received.get("Message-ID", "")).strip()
    references = " ".join([*str(received.get("References", "")).split(), mail_id])
    return _mail(
        actor.name, actor.writes_from, subject, text, at_us,
        excerpt=body, in_reply_to=mail_id, references=references,
    )  # fmt: skip


def reset_mail(account: Account, address: str, secret: str, at_us: int) -> bytes:
    """Return the mail with the link to a new password."""
    words = tongue(account.language).reset
    text = words.body.format(link=f"https://exchange.example/reset?token={secret}")
    return _own(address, words.subject, text, at_us)


def code_message(number: str, code: str, at_us: int) -> bytes:
    """Return a short message with a sign-in code, kept as a mail so that it can be looked at."""
    return _own(f"{number.lstrip('+')}@sms.exchange.example", "SMS", tongue("en").reset.code.format(code=code), at_us)


def account_address(account: Account) -> str:
    """Return the client's own address, the one that was on the account before any other."""
    return next(c.value for c in account.contacts if c.kind == "email")


def typos(text: str, rng: random.Random) -> str:
    """Return `text` with one to three letters swapped with their neighbours, as in haste; numbers stay right."""
    words = text.split(" ")
    long = [n for n, word in enumerate(words) if len(word) > 5 and word.isascii() and word.isalpha()]
    for n in rng.sample(long, min(len(long), rng.randint(1, 3))):
        at = rng.randrange(1, len(words[n]) - 2)
        word = words[n]
        words[n] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def _holes(params: dict[str, Any], language: str) -> dict[str, str]:
    words = tongue(language)
    out = {name: str(value) for name, value in params.items()}
    if "day" in out:
        _, month, day = out["day"].split("-")
        out["day"] = words.date.format(d=int(day), month=words.months[int(month) - 1])
    if "amount" in out:
        out["amount"] = f"{float(out['amount']):,.0f}".replace(",", words.thousands)
    if "device" in out:
        out["device"] = words.devices.get(out["device"], out["device"])
    return out


def _page(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _quoted(received: EmailMessage, words: Tongue) -> str:
    part = received.get_body(("plain",))
    lines = part.get_content().splitlines() if part is not None else []
    day = received["Date"].datetime
    when = words.date.format(d=day.day, month=words.months[day.month - 1])
    # Japanese programs write the whole date in figures.
    when = f"{day.year}年{when} {day:%H:%M}" if words.months[0] == "1月" else f"{when} {day.year} {day:%H:%M}"
    return "\n".join([words.quote.format(when=when, sender=SUPPORT), "", *(f"> {line}".rstrip() for line in lines)])


def _mail(
    name: str,
    sender: str,
    subject: str,
    text: str,
    at_us: int,
    *,
    excerpt: str,
    spoofed: bool = False,
    in_reply_to: str = "",
    references: str = "",
) -> Mail:
    domain = sender.rpartition("@")[2]
    digest = hashlib.sha256(f"{sender}|{at_us}|{subject}|{text}".encode()).hexdigest()
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = formataddr((name, sender))
    mail["To"] = SUPPORT
    mail["Subject"] = subject
    mail["Date"] = format_datetime(from_micros(at_us - at_us % 1_000_000))
    mail["Message-ID"] = message_id = f"<{digest[:24]}@{domain}>"
    mail.set_content(text, cte="quoted-printable" if text.isascii() or "é" in text else "base64")
    # Trace headers and threads go in by hand, one a line: folding would cut ids and results apart.
    top = [
        f"Return-Path: <{sender}>",
        f"Authentication-Results: {_results(sender, domain, spoofed)}",
        f"Received: from mail.{'bulk-relay.example' if spoofed else domain} by {MX} with ESMTPS; {mail['Date']}",
    ]
    if in_reply_to:
        top.append(f"In-Reply-To: {in_reply_to}")
        top.append("References: " + "\r\n ".join(references.split()))
    raw = "\r\n".join(top).encode() + b"\r\n" + mail.as_bytes()
    return Mail(raw=raw, message_id=message_id, subject=subject, excerpt=" ".join(excerpt.split())[:EXCERPT])


def _results(sender: str, domain: str, spoofed: bool) -> str:
    if spoofed:
        spf, dkim, dmarc = "fail", "dkim=none", "fail"
    else:
        dmarc = "none" if domain in NO_DMARC else "pass"
        spf, dkim = "pass", "dkim=none" if domain in NO_DMARC else f"dkim=pass header.d={domain}"
    return f"{MX}; spf={spf} smtp.mailfrom={sender}; {dkim}; dmarc={dmarc} header.from={domain}"


def _own(address: str, subject: str, text: str, at_us: int) -> bytes:
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = formataddr((BRAND, "no-reply@exchange.example"))
    mail["To"] = address
    mail["Subject"] = subject
    mail["Date"] = format_datetime(from_micros(at_us - at_us % 1_000_000))
    digest = hashlib.sha256(f"{address}|{at_us}|{text}".encode()).hexdigest()
    mail["Message-ID"] = f"<{digest[:24]}@exchange.example>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text, cte="8bit")  # the link stays in one piece
    return mail.as_bytes()
