"""Outgoing mail: plain text, one recipient, an identity that is known before it is sent.

The Message-ID follows from the case, the mail's number in it and the draft: whoever builds the mail
again after a crash gets the same one, and can ask the mailbox whether it went out.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy

import msgspec

from workstation.services.errors import Invalid
from workstation.services.mail import tokens
from workstation.services.mail.address import recipient as one_recipient
from workstation.services.mail.ports import House, OutRow

#: Longest subject in characters; longer ones are cut by mail programs.
SUBJECT_MAX = 200
#: Message-IDs kept in References: the first (the thread's root) and the newest ones.
REFERENCES_MAX = 20
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BODY_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as it goes over the wire: bytes with CRLF and 7-bit lines, and its one recipient, both frozen."""

    message_id: str
    recipient: str
    raw: bytes


class _Ids(UnstructuredHeader, BaseHeader):
    """A header of Message-IDs, one a line.

    The standard library encodes an id that does not fit in 78 characters as an RFC 2047 word, which no
    mail program reads as an id again: the thread falls apart. Folding only between ids is what RFC 5322,
    2.2.3 means, and a line may have 998 characters.
    """

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: " + f"{policy.linesep} ".join(self.split()) + policy.linesep


class _Subject(UnstructuredHeader, BaseHeader):
    """The subject. The standard library's folding drops blanks between words of other scripts."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: " + f"{policy.linesep} ".join(_encoded(str(self))) + policy.linesep


def _encoded(text: str) -> list[str]:
    """Return `text` as lines of a header: the ASCII words in front as they are, the rest as RFC 2047 words.

    45 bytes make a word of 72 characters (at most 75, RFC 2047, 2); characters are never cut.
    """
    if text.isascii() and "=?" not in text:
        return [text]
    plain = re.match(r"(?:[!-~]+ )*(?=.)", text)
    head = plain[0] if plain and "=?" not in text else ""
    chunks = [b""]
    for char in text[len(head) :]:
        if len(chunks[-1]) + len(char.encode()) > 45:
            chunks.append(b"")
        chunks[-1] += char.encode()
    words = [f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=" for chunk in chunks]
    return [head.rstrip(), *words] if head else words


def _policy() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in ("in-reply-to", "references", "message-id"):
        registry.map_to_type(name, _Ids)
    registry.map_to_type("subject", _Subject)
    return SMTP.clone(cte_type="7bit", header_factory=registry)


_POLICY = _policy()


def draft_hash(recipient: str, subject: str, body: str) -> str:
    """Return the SHA-256 (hex) of what the analyst wrote and to whom, length-prefixed."""
    fields = [text.encode("utf-8", "surrogatepass") for text in (recipient, subject, body)]
    return hashlib.sha256(b"".join(b"%d:%b" % (len(field), field) for field in fields)).hexdigest()


def message_id(case_ref: str, sequence: int, draft: str, domain: str) -> str:
    """Return the Message-ID ``<ws.{32 hex digits}@domain>`` of the `sequence`-th mail of a case.

    Args:
        case_ref: such as ``CS-48213``.
        sequence: the mail's number in the case, from 1; the same text sent again has another one.
        draft: what :func:`draft_hash` returned.
        domain: our own domain, ASCII.
    """
    digest = hashlib.sha256(f"{case_ref}|{sequence}|{draft}".encode()).hexdigest()
    return f"<ws.{digest[:32]}@{domain}>"


def is_message_id(text: str) -> bool:
    """Return whether `text` is one Message-ID in angle brackets: ASCII, no blank, at most 252 characters."""
    return bool(_MESSAGE_ID.match(text))


def build(row: OutRow, *, house: House, now: datetime, key: bytes | None = None) -> Letter:
    """Return the mail of an outbox row.

    Args:
        row: what to send; one without a case is the house's own (a page to leads) and carries no token.
        house: who sends it.
        now: the time that ``Date`` says, aware.
        key: signs the subject's case token, see :mod:`workstation.services.mail.tokens`.

    Raises:
        Invalid: the recipient is not one plain address, the subject holds a control character or line
            break, or the text is empty or holds control characters. Words are never repaired: a mail that
            is not what the analyst saw is not sent. (Ids of the thread and the language, which nobody sees,
            are left out where they are malformed.)
    """
    to = one_recipient(row.recipient)
    if to.lower() == house.address.lower():
        raise Invalid("The recipient is our own address.", "Check the contact on the account.")
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(house.brand, addr_spec=_one_line("sender", house.address))
    mail["To"] = Address(addr_spec=to)
    subject = _subject(row.subject)
    mail["Subject"] = tokens.with_token(subject, row.case_ref, key) if row.case_ref else subject
    mail["Date"] = now
    mail["Message-ID"] = _id(row.message_id)
    _thread(mail, row)
    if row.case_ref:
        mail["X-Workstation-Case"] = tokens.check_ref(row.case_ref)
    mail.set_content(_body(row.body))  # takes every Content-* header off first
    if _LANGUAGE.match(row.language):
        mail["Content-Language"] = row.language
    return Letter(message_id=row.message_id, recipient=to, raw=mail.as_bytes())


def _thread(mail: EmailMessage, row: OutRow) -> None:
    # Some programs write no id, or none that is one; an answer is not held back for that.
    refs = [ref for ref in row.refs.split() if is_message_id(ref)]
    parent = row.in_reply_to.strip()
    if is_message_id(parent):
        mail["In-Reply-To"] = parent
        refs = [ref for ref in refs if ref != parent] + [parent]
    if len(refs) > REFERENCES_MAX:
        refs = [refs[0], *refs[-(REFERENCES_MAX - 1) :]]
    if refs:
        mail["References"] = " ".join(refs)


def _id(text: str) -> str:
    if not is_message_id(text):
        raise Invalid("The mail's own Message-ID is malformed.", "This is a fault of the program; report it.")
    return text


def _one_line(what: str, text: str) -> str:
    if _CONTROL.search(text):
        raise Invalid(f"The {what} holds a line break or control character.", "Write it again as one line.")
    return text


def _subject(text: str) -> str:
    subject = _one_line("subject", text).strip()
    if not subject:
        raise Invalid("The subject is empty.", "Write one.")
    if len(subject) > SUBJECT_MAX:
        raise Invalid(f"The subject has more than {SUBJECT_MAX} characters.", "Shorten it.")
    return subject


def _body(text: str) -> str:
    lines = text.replace("\r\n", "\n")
    if _BODY_CONTROL.search(lines):
        raise Invalid("The text holds control characters.", "Remove them; plain text needs none.")
    if not lines.strip():
        raise Invalid("The text is empty.", "Write the answer.")
    return lines.rstrip("\n") + "\n"
