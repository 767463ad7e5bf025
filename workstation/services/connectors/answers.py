"""What an answer's status and headers mean to us: one table for every system.

==========================  ==============================================================
status                      error
==========================  ==============================================================
429, 503                    SourceBusy, with the seconds of Retry-After where it was said
401, 403                    SourceDenied
404, 410 with JSON          SourceMissing
404 as a page               SourceGarbled: a proxy's page says nothing about an account
412                         SourceChanged
408, other 5xx              SourceDown
other 4xx                   Invalid: the request was refused, nothing was done
anything else but 2xx       SourceGarbled
==========================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from workstation.services.clock import Clock
from workstation.services.connectors.decoding import too_deep
from workstation.services.errors import (
    Invalid,
    SourceBusy,
    SourceChanged,
    SourceDenied,
    SourceDown,
    SourceGarbled,
    SourceMissing,
    WorkstationError,
)
from workstation.services.text import clean

#: Longest waiting time in seconds that we believe; a header that says more says "not today".
RETRY_AFTER_MAX_S = 3600.0
#: Characters of the system's own words that a sentence quotes.
QUOTED = 200
#: Where systems put their words: RFC 9457 first, then OAuth (RFC 6749) and Keycloak.
_WORDS = ("detail", "title", "errorMessage", "error_description", "error", "message")
PROXY_HINT = "A proxy or a sign-in page may answer in its place: check the address, then the way to it."


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer: the status, the headers with lower-case names, and the body unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_json(self) -> bool:
        """Whether the answer says that it is JSON (``application/json`` or any ``+json``)."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind in ("application/json", "text/json") or kind.endswith("+json")

    @property
    def etag(self) -> str:
        """The strong entity tag without its quotes; ``""`` where there is none or a weak one (RFC 9110, 8.8.3)."""
        tag = self.headers.get("etag", "")
        return tag[1:-1] if len(tag) > 2 and tag[0] == tag[-1] == '"' else ""


def require_json(answer: Answer, system: str) -> None:
    """Refuse a successful answer that has a body which is no JSON.

    Raises:
        SourceGarbled: it is a page or of another type.
    """
    if answer.body and not answer.is_json:
        kind = clean(answer.headers.get("content-type", "no content type"), 60)
        page = answer.body.lstrip()[:1] == b"<"
        what = "a web page" if page else f"something that is not JSON ({kind})"
        raise SourceGarbled(f"{system} answered with {what}.", PROXY_HINT)


def refusal(answer: Answer, system: str, clock: Clock, secrets: Iterable[str] = ()) -> WorkstationError:
    """Return the error that an answer other than 2xx stands for (see the table above).

    Args:
        answer: the whole answer.
        system: how the person knows the system.
        clock: for a Retry-After that is a date.
        secrets: what must not be quoted even if the system repeats it.
    """
    words = _words(answer, secrets)
    said = f": {words}" if words else ""
    match answer.status:
        case 429 | 503:
            after = retry_after(answer.headers.get("retry-after", ""), clock)
            hint = "Try again later." if after is None else f"It asks to wait {after:.0f} s."
            return SourceBusy(f"{system} is busy ({answer.status}){said}.", hint, retry_after=after)
        case 401 | 403:
            return SourceDenied(
                f"{system} refused our credential ({answer.status}){said}.",
                "Its token may have expired or lack a right: ask who runs this installation.",
            )
        case 404 | 410 if answer.is_json:
            return SourceMissing(f"{system} knows no such thing ({answer.status}){said}.", "Check the id.")
        case 404 | 410:
            return SourceGarbled(f"{system} answered {answer.status} with a page of somebody else.", PROXY_HINT)
        case 412:
            return SourceChanged(
                f"{system} says that it changed since it was read{said}.", "Read it again and decide anew."
            )
        case status if status >= 500 or status == 408:
            return SourceDown(
                f"{system} failed ({status}){said}.", "Try again; if it stays, tell who runs that system."
            )
        case status if status >= 400:
            return Invalid(f"{system} refused the request ({status}){said}.", "Nothing was done.")
        case status:
            return SourceGarbled(f"{system} answered {status}, which means nothing here.", PROXY_HINT)


def retry_after(value: str, clock: Clock) -> float | None:
    """Return seconds to wait from a Retry-After header (RFC 9110, 10.2.3), at most one hour; None if unreadable."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), RETRY_AFTER_MAX_S)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - clock.now()).total_seconds(), 0.0), RETRY_AFTER_MAX_S)


def _words(answer: Answer, secrets: Iterable[str]) -> str:
    """Return the system's own words, cleaned and cut, without anything that is a secret."""
    if not answer.is_json or too_deep(answer.body):
        return ""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if not isinstance(body, dict):
        return ""
    said = next((body[name] for name in _WORDS if isinstance(body.get(name), str) and body[name]), "")
    for secret in secrets:
        if secret:
            said = said.replace(secret, "•••")
    return clean(said, QUOTED).rstrip(". ")
