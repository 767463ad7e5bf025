"""What our own mail server found out about a sender: SPF, DKIM, DMARC (RFC 8601).

Anybody can write an Authentication-Results header into a mail. Only the topmost one that carries our
server's own name counts; that server must remove others that carry it (RFC 8601, section 5), which
``docs/mail.md`` says how to set up. What is absent is *unknown*, never *pass*.
"""

from __future__ import annotations

import re

import msgspec

from workstation.services.mail import headers

_RESULTS = frozenset({"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "policy", "hardfail"})
_METHODS = ("spf", "dkim", "dmarc")
_VALUE_MAX = 8_000
_COMMENT = re.compile(r"\([^()]{0,2000}\)")
_RESULT = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]{0,30})(?:\s*/\s*\d+)?\s*=\s*([A-Za-z]{1,30})\b")
_PROPERTY = re.compile(r"\b(header|smtp|policy|body)\.([a-z-]{1,30})\s*=\s*\"?([^\s;\"]{1,300})", re.IGNORECASE)
_AUTHSERV = re.compile(r"\s*\"?([^\s;\"=()]{1,255})\"?\s*(?:\d+\s*)?(?:;|\Z)")


class Authenticity(msgspec.Struct, frozen=True, kw_only=True):
    """The three results in RFC 8601's words, or ``unknown``.

    `origin` says where they come from: ``ours`` (read by the book), ``ours, tolerant`` (our server's
    header, but malformed), ``unnamed`` (the topmost header names no server, as Microsoft 365 writes it:
    not trusted), ``none`` (no header with our server's name). `dkim_domain` is the domain that
    signed, `from_domain` the one that DMARC compared.
    """

    spf: str = "unknown"
    dkim: str = "unknown"
    dmarc: str = "unknown"
    dkim_domain: str = ""
    from_domain: str = ""
    origin: str = "none"

    def summary(self) -> str:
        """Return one line for the screen, such as ``DMARC pass · DKIM pass · SPF unknown``."""
        return f"DMARC {self.dmarc} · DKIM {self.dkim} · SPF {self.spf}"


def vouched(summary: str) -> bool:
    """Return whether a line that :meth:`Authenticity.summary` began says that our server vouches for the sender."""
    return summary == "DMARC pass" or summary.startswith("DMARC pass ")


class _Result(msgspec.Struct, frozen=True):
    method: str
    value: str
    properties: dict[str, str]


def judge(fields: headers.Fields, our_authserv: str, sender_domain: str) -> Authenticity:
    """Return what the topmost Authentication-Results header of our server says.

    Args:
        fields: the mail's headers from the top.
        our_authserv: our server's name (authserv-id); empty trusts nobody.
        sender_domain: the domain of the From header as it is shown to the analyst. A DMARC result about
            another domain says nothing about this one and becomes ``unknown``.
    """
    ours = our_authserv.strip().lower()
    found = [value[:_VALUE_MAX] for value in headers.all_of(fields, "authentication-results")]
    names = [_AUTHSERV.match(_COMMENT.sub(" ", value)) for value in found]
    for value, named in zip(found, names, strict=True):
        if ours and named and named[1].lower() == ours:
            return _read(value, sender_domain.lower())
    return Authenticity(origin="unnamed" if names and names[0] is None else "none")


def _read(value: str, sender_domain: str) -> Authenticity:
    results, origin = _by_the_book(value), "ours"
    if results is None:
        results, origin = _tolerant(value), "ours, tolerant"
    best = {method: _best([r for r in results if r.method == method], sender_domain) for method in _METHODS}
    about = _domain(best["dmarc"].properties.get("header.from", ""))
    dmarc = best["dmarc"].value if sender_domain and about in ("", sender_domain) else "unknown"
    return Authenticity(
        spf=best["spf"].value,
        dkim=best["dkim"].value,
        dmarc=dmarc,
        dkim_domain=_domain(best["dkim"].properties.get("header.d") or best["dkim"].properties.get("header.i", "")),
        from_domain=about,
        origin=origin,
    )


def _best(results: list[_Result], sender_domain: str) -> _Result:
    """Return the result that counts of several (a mail may carry many signatures).

    A passing signature of the sender's domain, else a passing one, else the first. Two different DMARC
    results contradict each other and count as none.
    """
    if not results:
        return _Result("", "unknown", {})
    if results[0].method == "dmarc" and len({r.value for r in results}) > 1:
        return _Result("dmarc", "unknown", {})
    passing = [r for r in results if r.value == "pass"]
    aligned = [r for r in passing if _domain(r.properties.get("header.d", "")) == sender_domain]
    return (aligned or passing or results)[0]


def _by_the_book(value: str) -> list[_Result] | None:
    """Return the results as authres reads them, None where the header is not as RFC 8601 wants it."""
    import authres

    try:
        header = authres.AuthenticationResultsHeader.parse_value(value)
    except (authres.core.AuthResError, ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return None
    return [
        _Result(
            str(found.method).lower(),
            _word(str(found.result)),
            {f"{p.type}.{p.name}".lower(): str(p.value or "") for p in found.properties},
        )
        for found in header.results
        if isinstance(found, authres.core.AuthenticationResult)
    ]


def _tolerant(value: str) -> list[_Result]:
    """Return the results of a malformed header of ours: statements between semicolons.

    Quoted strings and comments are taken off first: a sender chooses what stands in them (the local part
    of an envelope address, say), and ``"x; dmarc=pass"`` is no result. Where quotes or parentheses do not
    pair, nothing can be told.
    """
    bare = re.sub(r'"(?:[^"\\]|\\.)*+"', "x", value)
    for _ in range(5):
        bare = _COMMENT.sub(" ", bare)
    if any(mark in bare for mark in '"()'):
        return []
    out: list[_Result] = []
    for statement in bare.split(";")[1:]:
        found = _RESULT.match(statement)
        if found:
            properties = {f"{kind}.{name}".lower(): text for kind, name, text in _PROPERTY.findall(statement)}
            out.append(_Result(found[1].lower(), _word(found[2]), properties))
    return out


def _word(result: str) -> str:
    word = result.lower()
    return {"hardfail": "fail"}.get(word, word) if word in _RESULTS else "unknown"


def _domain(text: str) -> str:
    return text.rpartition("@")[2].strip().rstrip(".").lower()
