"""The parts of a MIME mail, found without recursion and within fixed limits (RFC 2045, 2046)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

import msgspec

from workstation.services.mail import headers

#: How deep multiparts may nest, and how many parts a mail may have. Real mail stays below 6 and 40.
DEPTH_MAX, PARTS_MAX = 8, 100


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf of the tree. `problem` says in a word why it is shown as it is, or is empty."""

    type: str
    params: dict[str, str]
    disposition: str
    name: str
    encoding: str
    body: memoryview
    problem: str = ""

    def payload(self, limit: int | None = None) -> bytes:
        """Return the decoded bytes; `limit` is the number of *encoded* bytes that are looked at."""
        data = bytes(self.body if limit is None else self.body[:limit])
        if self.encoding == "base64":
            return headers.b64(data)
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(data)
        return data


def leaves(fields: headers.Fields, body: memoryview) -> Iterator[Part]:
    """Yield the leaves of a mail in reading order, at most :data:`PARTS_MAX` of them.

    A multipart that is nested deeper than :data:`DEPTH_MAX` or lacks its boundary is yielded as one leaf
    with a `problem`. A mail inside the mail (``message/rfc822``) is a leaf: it is somebody else's word.
    """
    waiting: list[tuple[headers.Fields, memoryview, int, str]] = [(fields, body, 0, "text/plain")]
    seen = 0
    while waiting:
        head, content, depth, default = waiting.pop()
        seen += 1
        kind, args = headers.params(headers.first(head, "content-type"))
        kind = kind if "/" in kind else default
        if seen > PARTS_MAX:
            yield _leaf(head, kind, args, content, "too many parts")
            return
        inner = _inside(kind, args, content, depth)
        if isinstance(inner, str):
            yield _leaf(head, kind, args, content, inner)
            continue
        standard = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        for part in reversed(inner):
            below, rest, _ = headers.split(part)
            waiting.append((below, rest, depth + 1, standard))


def _inside(kind: str, args: dict[str, str], content: memoryview, depth: int) -> list[memoryview] | str:
    """Return the parts of a multipart, or for a leaf its problem."""
    if not kind.startswith("multipart/"):
        return ""
    if depth >= DEPTH_MAX:
        return "nested too deep"
    return _between(content, args.get("boundary", "")) or "a multipart without parts"


def _between(content: memoryview, boundary: str) -> list[memoryview]:
    mark = boundary.rstrip().encode("utf-8", "replace")
    if not mark or len(mark) > 200:
        return []
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(mark) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[memoryview] = []
    start: int | None = None
    for found in line.finditer(content):
        if start is not None:
            parts.append(_without_newline(content[start : found.start()]))
        start = None if found[1] else found.end()
        if start is None or len(parts) > PARTS_MAX:
            return parts
    if start is not None:
        parts.append(_without_newline(content[start:]))  # cut off: what there is of the last part
    return parts


def _without_newline(part: memoryview) -> memoryview:
    """Return `part` without the line end that closes the boundary line before it."""
    start = bytes(part[:2])
    return part[2:] if start == b"\r\n" else part[1:] if start[:1] == b"\n" else part


def _leaf(head: headers.Fields, kind: str, args: dict[str, str], content: memoryview, problem: str) -> Part:
    disposition, more = headers.params(headers.first(head, "content-disposition"))
    return Part(
        type=kind,
        params=args,
        disposition=disposition,
        name=more.get("filename") or args.get("name", ""),
        encoding=headers.first(head, "content-transfer-encoding").partition(";")[0].strip().lower(),
        body=content,
        problem=problem,
    )
