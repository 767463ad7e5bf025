"""Header blocks and header values of mails that a stranger wrote: never raises, always bounded.

The standard library's parsers are not used on these bytes: they recurse by nesting, raise on some
inputs (``LookupError`` for an unknown charset, ``IndexError`` for cut-off addresses) and read an address
list in ways that a sender can bend (CVE-2023-27043).
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

#: Bytes of one header block, and headers in it, that are looked at.
BLOCK_MAX, FIELDS_MAX = 256 * 1024, 400
#: Characters of one header value.
VALUE_MAX = 16 * 1024

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_WORD = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[A-Za-z-]{0,20})?\?([bBqQ])\?([^?\s]{0,2000})\?=")
#: A quote that is never closed reaches to the end; it must match, or every ``;`` would be tried anew.
_PARAM = re.compile(
    r';\s*+([A-Za-z0-9!#$&^_.+\'*-]{1,80}+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;"]*+))', re.DOTALL
)
_ID = re.compile(r"<([\x21-\x3b\x3d\x3f-\x7e]{1,250})>")
#: Charsets that mail is written in. Others are refused, because Python's codec table also holds
#: transforms (``punycode``, ``unicode_escape``) that are no charsets.
_CHARSETS = re.compile(
    r"(?:utf-?(?:8|16|16le|16be)|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|(?:windows|cp)-?(?:125\d|874|932|936|949|950)|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5|shift[_-]?jis|sjis|euc-(?:jp|kr)|iso-2022-(?:jp|kr)|tis-620|mac(?:-?roman|intosh))\Z"
)

_NOT_B64 = bytes(sorted(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")))

Fields = list[tuple[str, str]]


def split(part: memoryview) -> tuple[Fields, memoryview, bool]:
    """Return the headers of `part` (name in lower case, value unfolded), its body, and whether all was read.

    A line that is no header and no continuation ends the block as an empty line does (RFC 5322, 2.2):
    what follows is the body.
    """
    block = bytes(part[:BLOCK_MAX])
    raw: list[tuple[bytes, list[bytes]]] = []
    at = 0
    while at < len(block):
        end = block.find(b"\n", at)
        line = block[at : end if end >= 0 else len(block)].rstrip(b"\r")
        after = end + 1 if end >= 0 else len(block)
        if not line:
            at = after
            break
        named = _NAME.match(line)
        if line[:1] in b" \t" and raw:
            raw[-1][1].append(line.strip())
        elif named:
            raw.append((named[1], [line[named.end() :].strip()]))
        elif not (at == 0 and line.startswith(b"From ")):
            break
        at = after
        if len(raw) > FIELDS_MAX:
            break
    whole = len(raw) <= FIELDS_MAX and (at < BLOCK_MAX or len(part) <= BLOCK_MAX)
    fields = [(n.decode("ascii").lower(), _guess(b" ".join(v))[:VALUE_MAX]) for n, v in raw[:FIELDS_MAX]]
    return fields, part[at:], whole


def all_of(fields: Fields, name: str) -> list[str]:
    """Return the values of every header of that name (lower case), from the top."""
    return [value for key, value in fields if key == name]


def first(fields: Fields, name: str) -> str:
    """Return the topmost value of that name, or an empty string."""
    return next((value for key, value in fields if key == name), "")


def ids(value: str, limit: int = 100) -> tuple[str, ...]:
    """Return the last `limit` Message-IDs in `value`, in order and in angle brackets."""
    return tuple(f"<{found}>" for found in _ID.findall(value)[-limit:])


def words(value: str) -> str:
    """Return `value` with its RFC 2047 encoded words decoded; what cannot be decoded stays as it is."""
    out: list[str] = []
    at = 0
    pending: tuple[str, bytes] | None = None
    for found in _WORD.finditer(value):
        between = value[at : found.start()]
        charset, data = found[1], _word_bytes(found[2], found[3])
        if pending and not between.strip() and pending[0].lower() == charset.lower():
            # Programs cut a word in the middle of a character: bytes are joined before they are decoded.
            pending = (charset, pending[1] + data)
        else:
            out.append(_flush(pending) + ("" if pending and not between.strip() else between))
            pending = (charset, data)
        at = found.end()
    return "".join(out) + _flush(pending) + value[at:]


def _flush(pending: tuple[str, bytes] | None) -> str:
    return decode(pending[1], pending[0])[0] if pending else ""


def _word_bytes(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if kind in "qQ":
        return binascii.a2b_qp(data, header=True)
    return b64(data)


def b64(data: bytes) -> bytes:
    """Decode base64 as far as it goes: other characters are skipped, missing padding is added."""
    kept = data.translate(None, _NOT_B64)
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    return base64.b64decode(kept + b"=" * (-len(kept) % 4))


def decode(data: bytes, charset: str) -> tuple[str, bool]:
    """Return `data` as text and whether it was what `charset` promised.

    An unknown charset or bytes that do not fit: UTF-8 if they are that, else Latin-1, which has a
    character for every byte.
    """
    name = charset.strip().strip("\"'").lower()
    if name and name not in ("us-ascii", "ascii") and _CHARSETS.match(name):
        try:
            return data.decode(name), True
        except (UnicodeError, LookupError):
            return _guess(data), False
    return _guess(data), not name or (name in ("us-ascii", "ascii") and data.isascii())


def _guess(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def params(value: str) -> tuple[str, dict[str, str]]:
    """Return the token before the first ``;`` in lower case, and the parameters (RFC 2045, RFC 2231).

    Of a parameter given twice the first counts. Continuations (``name*0*=``) are joined, percent
    escapes decoded by their charset, encoded words inside quotes (which many programs write) too.
    """
    plain: dict[str, str] = {}
    parts: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, quoted, bare in _PARAM.findall(value):
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted else bare.strip()
        base, _, number = name.lower().rstrip("*").partition("*")
        if number.isascii() and number.isdigit() and len(number) < 4:
            parts.setdefault(base, {}).setdefault(int(number), (text, name.endswith("*")))
        elif name.endswith("*"):
            parts.setdefault(base, {}).setdefault(0, (text, True))
        else:
            plain.setdefault(base, words(text))
    plain.update({base: _rfc2231(numbered) for base, numbered in parts.items()})
    return value.partition(";")[0].strip().lower(), plain


def _rfc2231(numbered: dict[int, tuple[str, bool]]) -> str:
    charset, data = "utf-8", b""
    for index, number in enumerate(sorted(numbered)):
        text, escaped = numbered[number]
        if escaped and index == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if escaped else text.encode("utf-8", "replace")
    return decode(data, charset)[0]
