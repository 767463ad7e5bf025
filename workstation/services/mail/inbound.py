"""A mail that came in, as far as a program may believe it.

Everything in it was chosen by whoever sent it, but for :class:`Authenticity`, which our own server
wrote. The raw bytes stay as evidence; nothing here opens, follows or executes anything.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from workstation.services.mail import bodies, headers, mime, quotes, tokens
from workstation.services.mail.authenticity import Authenticity, judge
from workstation.services.mail.bodies import Attachment
from workstation.services.mail.language import guess
from workstation.services.text import clean, scripts

#: Bytes of a mail that are looked at. Servers accept 25 to 35 MB (Gmail 25, Microsoft 365 up to 150).
RAW_MAX = 40 * 1024 * 1024
SUBJECT_MAX, NAME_MAX, ADDRESS_MAX = 500, 200, 254

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[^\s<>@\"(),;:\\\[\]]{1,190}\Z")
_SOME_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
#: Scripts whose letters pass for each other's (UTS 39). Han and Kana mix in every Japanese name.
_LOOK_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL"})
_UNFIT = re.compile("[\x00\ud800-\udfff]")


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that came in. Texts are Untrusted: they are shown through ``clean()`` only.

    Attributes:
        message_id: with angle brackets, or empty; chosen by the sender, so not unique by itself.
        sender: the one address in From, domain in lower case; empty where there is none or several.
        sender_name: what the sender calls themself.
        text: what was written now; `full_text` is with everything quoted below.
        html_only: there was no plain text, `text` is made of HTML.
        language: one of the templates' languages, or ``?`` below 12 letters or where it cannot be told.
        case_token: the case reference in the subject, `token_tag` the signature beside it, or empty.
        sent_at: what the Date header claims (UTC).
        auto_submitted: written by a machine (RFC 3834): never answered automatically.
        size: bytes of the raw mail; `sha256` is theirs.
        warnings: what an analyst should know before believing it, in sentences.
    """

    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    sender: str
    sender_name: str
    subject: str
    text: str
    full_text: str
    html_only: bool
    language: str
    case_token: str
    token_tag: str
    attachments: tuple[Attachment, ...]
    auto_submitted: bool
    authenticity: Authenticity
    sent_at: datetime | None
    size: int
    sha256: str
    warnings: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether our own server vouches for the sender's address: DMARC pass for its domain."""
        return bool(self.sender) and self.authenticity.dmarc == "pass"

    def standing(self) -> str:
        """Return one line for the screen: what our server found out, and every warning behind ``⚠``."""
        return " ⚠ ".join((self.authenticity.summary(), *self.warnings))


def parse(raw: bytes, our_authserv: str, *, brand: str = "", our_address: str = "") -> Inbound:
    """Return what `raw` says. Never raises, whatever `raw` is, and takes time in proportion to its size.

    Args:
        raw: the mail as it came (RFC 5322; CRLF or LF).
        our_authserv: the name of our own server in Authentication-Results; empty trusts nobody.
        brand: our name, and `our_address` our address: a stranger who carries them is flagged.
    """
    fields, content, whole = headers.split(memoryview(raw)[:RAW_MAX])
    body = bodies.read(mime.leaves(fields, content))
    sender, name, warnings = _sender(fields, brand, our_address)
    subject = _fit(headers.words(headers.first(fields, "subject")), SUBJECT_MAX)
    if not whole or len(raw) > RAW_MAX:
        warnings.append("The mail is larger than a mail may be; not all of it was read.")
    case_token, token_tag = tokens.find(subject)
    full = _fit(body.text, bodies.TEXT_MAX)
    text = quotes.fresh(full)
    return Inbound(
        message_id=next(iter(headers.ids(headers.first(fields, "message-id"), 1)), ""),
        in_reply_to=next(iter(headers.ids(headers.first(fields, "in-reply-to"))), ""),
        references=headers.ids(headers.first(fields, "references")),
        sender=sender,
        sender_name=name,
        subject=subject,
        text=text,
        full_text=full,
        html_only=body.html_only,
        language=guess(text),
        case_token=case_token,
        token_tag=token_tag,
        attachments=body.attachments,
        auto_submitted=_automatic(fields),
        authenticity=judge(fields, our_authserv, sender.rpartition("@")[2]),
        sent_at=_date(headers.first(fields, "date")),
        size=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        warnings=(*warnings, *body.problems),
    )


def stand_in(raw: bytes, why: str) -> Inbound:
    """Return what is filed for a mail that the store refused: nothing of it but its size and hash, and `why`."""
    return msgspec.structs.replace(
        parse(b"", ""), size=len(raw), sha256=hashlib.sha256(raw).hexdigest(), warnings=(why,)
    )


def _fit(text: str, limit: int) -> str:
    """Return `text` cut and without the two things that PostgreSQL cannot keep: NUL and lone surrogates."""
    return _UNFIT.sub("\ufffd", text[:limit])


def _sender(fields: headers.Fields, brand: str, our_address: str) -> tuple[str, str, list[str]]:
    """Return the address and display name of From, and what is odd about them."""
    lines = headers.all_of(fields, "from")
    raw = lines[0] if lines else ""
    address, name = split_address(raw)
    warnings: list[str] = []
    if len(lines) > 1:
        address = ""
        warnings.append("The mail has several From headers; who sent it cannot be told.")
    elif not address:
        warnings.append("The From header is not one plain address; who sent it cannot be told.")
    warnings += _masquerade(address, name, brand, our_address)
    return _fit(address, ADDRESS_MAX), _fit(name, NAME_MAX), warnings


def split_address(value: str) -> tuple[str, str]:
    """Return the address and the display name of a From value; the address is empty unless it is exactly one.

    Only ``address``, ``<address>``, ``name <address>`` and ``"name" <address>`` are read. Comments, groups
    and lists are shown as the name, and name nobody: a reading that two programs disagree on is how a
    sender gets one address past the check and another onto the screen.
    """
    text = value.strip()
    if text.endswith(">"):
        name, _, inner = text[:-1].rpartition("<")
        quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*+)"', name.strip())
        shown = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name.strip()
        bare = quoted is not None or not re.search(r'[<>,;:"()]', name)
        address = inner.strip() if bare else ""
    else:
        shown, address = "", text
    if not _ADDRESS.match(address):
        return "", headers.words(text)
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}", headers.words(shown)


def _masquerade(address: str, name: str, brand: str, our_address: str) -> list[str]:
    out: list[str] = []
    folded = re.sub(r"[\W_]+", "", name.casefold())
    mark = re.sub(r"[\W_]+", "", brand.casefold())
    ours = our_address.lower()
    if address.lower() != ours and ((mark and mark in folded) or (ours and ours in name.lower())):
        out.append("The sender's name carries our own name or address, but the mail is not from us.")
    other = _SOME_ADDRESS.search(name) if address else None
    if other and other[0].lower() != address.lower():
        out.append("The sender's name holds another address than the one that sent the mail.")
    for what, text in (("name", name), ("address", address)):
        mixed = _mixed(text)
        if mixed:
            out.append(f"The sender's {what} mixes scripts in one word: {'+'.join(mixed)}.")
    if "xn--" in address or not address.isascii():
        out.append("The sender's domain is written in another script; compare it letter by letter.")
    if clean(name, 4_000) != name:
        out.append("The sender's name hides characters.")
    return out


def _mixed(text: str) -> list[str]:
    """Return the look-alike scripts that meet in one word of `text`; a name in two scripts is common, a word is not."""
    for word in re.split(r"[\W\d_]+", text):
        met = scripts(word) & _LOOK_ALIKE
        if len(met) > 1:
            return sorted(met)
    return []


def _automatic(fields: headers.Fields) -> bool:
    """Return whether a machine wrote the mail: RFC 3834, and the older habits of vacation programs."""
    said = headers.first(fields, "auto-submitted").partition(";")[0].strip().lower()
    return (
        said not in ("", "no")
        or headers.first(fields, "precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply")
        or headers.first(fields, "content-type").lower().startswith("multipart/report")
        or headers.first(fields, "return-path").strip() == "<>"
        or bool(headers.all_of(fields, "x-autoreply") or headers.all_of(fields, "list-id"))
    )


def _date(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value[:200])
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
