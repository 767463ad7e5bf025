"""What keeps a mail from being sent.

Honest about what it is: patterns for the mistakes that people make in good faith. Somebody who wants to
smuggle a fact past it can; review and audit are for them. It reads the client's language, English and the
language that the text looks written in, and all eight where it cannot tell.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import cache
from urllib.parse import urlsplit

from workstation.services.accounts.model import Account, ContactKind
from workstation.services.mail import templates
from workstation.services.mail.language import UNKNOWN, guess
from workstation.services.mail.message import SUBJECT_MAX
from workstation.services.text import clean, is_clean

#: Longest text in characters: about three pages.
BODY_MAX = 10_000
#: Fewest characters of a value that is searched for: "iOS" would be found in many words.
_VALUE_MIN = 4
_REF = re.compile(r"\[?\bCS-\d{1,12}(?:-[A-Z2-7]{8})?\b\]?")
_EMAIL = re.compile(r"[\w.+•*…-]{1,64}@(?:[\w•*-]{1,63}\.){0,5}[\w•*-]{2,63}")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}:/{1,3}[^\s<>\"']{1,2000}|\bwww\.[^\s<>\"']{1,2000}", re.IGNORECASE)
_BARE_HOST = re.compile(
    r"(?<![\w@./•-])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,5}([^\W\d_]{2,24})(?![\w@])", re.IGNORECASE
)
#: Endings of names that programs do not turn into links. ``zip`` and ``mov`` are top-level domains and are not here.
_FILES = frozenset({"pdf", "jpg", "jpeg", "png", "heic", "doc", "docx", "txt", "csv", "xls", "xlsx"})
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.(?:\d{1,3}|[x*•]{1,3})){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w:])",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![\w.])\+?\d(?:[\s().\-/]{0,2}\d){3,19}(?!\w)")
_MASKED = re.compile(r"\w[•*]{2,}|[•*…]{2,}[\s-]?\w|(?<!\w)[xX]{2,}[\s-]?\d{1,6}(?!\w)")
#: "ending in 42": the end of a phone number or card is what a guesser needs to know.
_ENDING = re.compile(
    r"(?:\b(?:end(?:ing|s) (?:in|with)|ende(?:t|nd) (?:auf|mit)|termina(?:d[oa])? (?:em|en|con|com)"
    r"|se termin\w+ par|kończ\w+ (?:się )?na)|末尾[がのは]?|下\w桁[がのは]?)\W{0,3}\d{2,6}(?!\d)"
    r"|\b\d{2,6}\b.{0,6}\bile bit\w+",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w.,])\d{1,3}(?:[.,'\u00a0\u202f ]\d{3})*(?:[.,]\d{1,2})?(?![\w])|(?<![\w.,])\d+(?:[.,]\d{1,2})?(?!\w)"
)
_MONEY = re.compile(r"(?:[$€£¥]|\b(?:USDT?|USDC|EUR|GBP|BTC|ETH)\b)", re.IGNORECASE)
_SECRET = re.compile(r"(?<![\w-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{20,}")
#: A single line break is where a program wrapped the line; an empty line ends a sentence.
_SENTENCE = re.compile(
    r"[.!?;]+(?:\s|\Z)|[。！？]|\n\s*\n|\b(?:but|aber|mas|pero|mais|ale|ama|fakat)\b|ですが|しかし", re.IGNORECASE
)


def check(
    subject: str, body: str, *, account: Account, language: str, hosts: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return what keeps the mail from being sent, a sentence each with what to do; empty when nothing does.

    Args:
        subject: without the case's token, or with it.
        body: the text as it would be sent.
        account: whose data must not be quoted.
        language: the client's language tag.
        hosts: the exchange's own web hosts (ASCII, lower case); without any, no link passes.
    """
    out = list(_form(subject, body))
    # A text that is refused for its length need not be read whole: this runs while somebody types.
    body = body[:BODY_MAX]
    text = _REF.sub(" ", f"{subject[:BODY_MAX]}\n\n{body}")
    out += _quoted(text, account)
    out += _links(text, hosts)
    for tag in _languages(language, body):
        out += _phrases(text, tag)
    return tuple(dict.fromkeys(out))


def _form(subject: str, body: str) -> Iterator[str]:
    if not subject.strip():
        yield "The subject is empty: write one."
    if not body.strip():
        yield "The text is empty: write the answer."
    if len(subject) > SUBJECT_MAX:
        yield f"The subject has {len(subject)} characters: shorten it to {SUBJECT_MAX}."
    if len(body) > BODY_MAX:
        yield f"The text has {len(body):,} characters: shorten it to {BODY_MAX:,}."
    for hole in sorted({found[0] for found in re.finditer(r"\{[^{}\n]{0,40}\}", subject + body[:BODY_MAX])}):
        yield f"The hole {clean(hole, 50)} is not filled: write what belongs there, or take the sentence out."
    if "\n" in subject or "\r" in subject:
        yield "The subject has a line break: write it as one line."
    if not is_clean(subject[:BODY_MAX].replace("\n", " ")) or not is_clean(body[:BODY_MAX].replace("\r\n", "\n")):
        yield "The text holds control or invisible characters: delete them, or paste it again as plain text."


def _quoted(text: str, account: Account) -> Iterator[str]:
    """Yield what of the account's data, or of its masked form, stands in `text`."""
    if _EMAIL.search(text):
        yield 'An e-mail address is quoted: leave it out; say "the address on the account".'
    if _phones(text, account):
        yield "A phone number, or the end of one, is quoted: leave it out."
    if _MASKED.search(_EMAIL.sub(" ", text)) or _ENDING.search(text):
        yield "Masked data, or how a value ends, is quoted: leave it out; the rest can be guessed."
    if any(_is_ip(found[0]) for found in _IP.finditer(text)):
        yield "An IP address is quoted: leave it out; name the country or the day if the client must know."
    if _balance(text, account.balance_usd):
        yield "The balance, or a sum close to it, is quoted: leave it out."
    if _holds(text, (session.device for session in account.sessions)):
        yield "A device of the account is named: leave it out; ask the client to name theirs."
    if _holds(text, (part for thing in account.standing for part in (thing.id, thing.label))) or _SECRET.search(text):
        yield "An API key, a withdrawal address or something that looks like one is quoted: leave it out."
    ids = (*(s.id for s in account.sessions), *(f.id for f in account.factors), *(f.label for f in account.factors))
    if _holds(text, ids):
        yield "A session or second factor of the account is named: leave it out."


def _phones(text: str, account: Account) -> bool:
    known = [re.sub(r"\D", "", c.value) for c in account.contacts if c.kind is ContactKind.PHONE]
    # Of a masked number only its end is known: enough to stop a longer one that ends alike.
    tails = tuple(digits for digits in known if 2 <= len(digits) < 6)
    for found in _DIGITS.finditer(text):
        digits = re.sub(r"\D", "", found[0]).lstrip("0")
        if any(
            len(digits) >= 4 and len(phone) >= 6 and (phone.endswith(digits) or digits.endswith(phone))
            for phone in known
        ):
            return True
        if len(digits) >= 6 and tails and digits.endswith(tails):
            return True
        if found[0].startswith("+") and len(digits) >= 8:
            return True
    return False


def _is_ip(text: str) -> bool:
    if re.search(r"[x*•]", text, re.IGNORECASE):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return text not in ("::", "::1")


def _balance(text: str, balance: float | None) -> bool:
    """Return whether a number in `text` gives the balance away.

    With a currency beside it, anything within 5 % (a rounded balance is one too); without, only the exact
    whole number, and only from 1,000 up, where it is no accident.
    """
    if balance is None or balance < 1:
        return False
    for found in _NUMBER.finditer(text):
        value = _value(found[0])
        beside = text[max(0, found.start() - 6) : found.start()] + " " + text[found.end() : found.end() + 6]
        if _MONEY.search(beside) and abs(value - balance) <= 0.05 * balance:
            return True
        if balance >= 1_000 and int(value) == int(balance):
            return True
    return False


def _value(number: str) -> float:
    cents = re.search(r"[.,](\d{1,2})\Z", number)
    whole = re.sub(r"\D", "", number[: cents.start()] if cents else number)
    return float(f"{whole or 0}.{cents[1] if cents else 0}")


def _holds(text: str, values: Iterable[str]) -> bool:
    folded = text.casefold()
    for value in values:
        wanted = value.strip().casefold()
        if len(wanted) >= _VALUE_MIN and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", folded):
            return True
    return False


def _links(text: str, hosts: frozenset[str]) -> Iterator[str]:
    for found in _URL.finditer(text):
        if not _own(found[0].rstrip(".,;:!?)"), hosts):
            yield f"The link {clean(found[0], 60)} does not lead to our own https site: take it out."
    rest = _EMAIL.sub(" ", _URL.sub(" ", text))
    for bare in _BARE_HOST.finditer(rest):
        if bare[1].lower() not in _FILES:
            yield (
                f"{clean(bare[0], 60)} would become a link in the client's mail program: take it out, "
                "or put a blank after the full stop if it is the end of a sentence."
            )


def _own(link: str, hosts: frozenset[str]) -> bool:
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return False
    plain = link.isascii() and "@" not in parts.netloc and "\\" not in link
    return plain and parts.scheme == "https" and port in (None, 443) and (parts.hostname or "") in hosts


def _languages(language: str, body: str) -> tuple[str, ...]:
    looks = guess(body)
    if looks == UNKNOWN:
        return templates.LANGUAGES
    return tuple(dict.fromkeys(tag for tag in (templates.known(language), "en", looks) if tag))


def _phrases(text: str, tag: str) -> Iterator[str]:
    confirms, secrets, asks, nots = _compiled(tag)
    name = templates.load(tag).name
    for sentence in _SENTENCE.split(text):
        plain = " ".join(sentence.split())
        if confirms.search(plain):
            yield (
                f"A sentence ({name}) tells the client whether something they said is right: "
                f'"{clean(plain, 80)}". Take it out; neither confirm nor deny.'
            )
        if secrets.search(plain) and asks.search(plain) and not nots.search(plain):
            yield (
                f'A sentence ({name}) asks for a password or code: "{clean(plain, 80)}". '
                "Take it out; we never ask for one."
            )


@cache
def _compiled(tag: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    phrases = templates.load(tag).linter
    thing = "(?:" + "|".join(phrases.things) + ")"
    # Japanese has no blanks between words; everywhere else a word must stand alone.
    edge = ("", "") if tag == "ja" else (r"(?<!\w)", r"(?!\w)")

    def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
        return re.compile(edge[0] + "(?:" + "|".join(patterns) + ")" + edge[1], re.IGNORECASE)

    confirms = re.compile("|".join(p.replace("{thing}", thing) for p in phrases.confirms), re.IGNORECASE)
    return confirms, any_of(phrases.secrets), any_of(phrases.asks), any_of(phrases.nots)
