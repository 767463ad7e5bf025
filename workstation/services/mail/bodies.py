"""The words of a mail and what hangs on it: text, HTML as text, attachments that stay shut."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

import msgspec

from workstation.services.mail import headers
from workstation.services.mail.mime import Part
from workstation.services.text import clean

#: Characters of text that are kept, and bytes of a part that are decoded for it.
TEXT_MAX, PART_MAX = 200_000, 2 * 1024 * 1024
#: Bytes and elements of HTML that are laid out; beyond, tags are only taken off.
HTML_MAX, NODES_MAX = 512 * 1024, 20_000
ATTACHMENTS_MAX = 50
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])"
)
#: What is never closed reaches to the end; else each opening would be tried to the end anew.
_TAGS = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|head|title)\b.*?(?:</\1\s{0,9}>|\Z)|<[^<>]{0,5000}>", re.DOTALL | re.IGNORECASE
)


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """What hangs on a mail. It is never opened; saved, it gets a name of ours.

    `size` is in bytes after decoding, `name` is for the eye only: no path, nothing invisible.
    """

    name: str
    type: str
    size: int
    sha256: str

    def summary(self) -> str:
        """Return one line for the screen, such as ``id.pdf · application/pdf · 12,345 bytes · sha256 2cf24dba5fb0``."""
        return f"{self.name} · {self.type} · {self.size:,} bytes · sha256 {self.sha256[:12]}"


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """All text of a mail, its attachments, and what was odd about them."""

    text: str
    html_only: bool
    attachments: tuple[Attachment, ...]
    problems: tuple[str, ...]


def read(parts: Iterable[Part]) -> Body:
    """Return the text and attachments of the parts.

    Plain text is preferred over HTML wherever both are there: it is what the sender's program says
    that the HTML says, and it hides nothing.
    """
    plain: list[str] = []
    html: list[str] = []
    files: list[Attachment] = []
    problems: list[str] = []
    for part in parts:
        if part.problem:
            problems.append(f"A part is kept shut as an attachment: {part.problem}.")
        if _is_text(part):
            (html if part.type == "text/html" else plain).append(_text(part, problems))
        elif len(files) < ATTACHMENTS_MAX:
            files.append(_attachment(part, len(files) + 1, problems))
        else:
            problems.append(f"Only the first {ATTACHMENTS_MAX} attachments are listed.")
    words = "\n\n".join(text for text in plain if text.strip())
    html_only = not words and any(text.strip() for text in html)
    if html_only:
        words = "\n\n".join(from_html(text) for text in html if text.strip())
    if len(words) > TEXT_MAX:
        problems.append(f"The text has {len(words):,} characters; the first {TEXT_MAX:,} are shown.")
        words = words[:TEXT_MAX]
    unique = tuple(dict.fromkeys(problems))
    return Body(text=words, html_only=html_only, attachments=tuple(files), problems=unique)


def _is_text(part: Part) -> bool:
    readable = part.type in ("text/plain", "text/html") and part.disposition != "attachment"
    return readable and not part.name and not part.problem


def _text(part: Part, problems: list[str]) -> str:
    charset = part.params.get("charset", "")
    if len(part.body) > PART_MAX:
        problems.append("A part of the text is very long and was cut.")
    text, as_said = headers.decode(part.payload(PART_MAX), charset)
    if not as_said:
        problems.append(f"The text is not in the character set it names ({clean(charset, 40)}); letters may be wrong.")
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


def _attachment(part: Part, number: int, problems: list[str]) -> Attachment:
    data = part.payload()
    name = clean_name(part.name, number)
    if part.name and clean(part.name, 2_000) != part.name:
        problems.append(f"The name of attachment {number} hides characters: {name}.")
    elif re.search(r"[/\\]", part.name):
        problems.append(f"The name of attachment {number} holds a path, which was taken off.")
    kind = part.type if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}", part.type) else ""
    return Attachment(
        name=name,
        type=kind or "application/octet-stream",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def clean_name(name: str, number: int) -> str:
    """Return a file name for the eye: the last component only, hidden characters spelt out, at most 120 characters."""
    last = re.split(r"[/\\\x00]", name)[-1].strip().strip(".")
    return clean(unicodedata.normalize("NFC", last), 120).strip() or f"attachment-{number}"


def from_html(html: str) -> str:
    """Return the text that a reader of `html` would see, links as ``[words](target)``.

    Hidden text (``display:none`` and the like) is left out: it is bait for filters, not for the reader.
    Text in the background's colour cannot be told and stays.
    """
    if len(html) <= HTML_MAX:
        laid_out = _laid_out(html)
        if laid_out is not None and laid_out.strip():
            return laid_out
    # Malformed, a bomb, or deeper than the parser goes (256 elements): everything, without layout.
    return _TAGS.sub(" ", html[:PART_MAX])


def _laid_out(html: str) -> str | None:
    """Return the HTML laid out by inscriptis, None where the document is malformed or a bomb."""
    import lxml.etree as etree  # type: ignore[import-untyped]
    import lxml.html  # type: ignore[import-untyped]
    from inscriptis.css_profiles import RELAXED_CSS_PROFILE  # type: ignore[import-untyped]
    from inscriptis.html_engine import Inscriptis  # type: ignore[import-untyped]
    from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]

    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        tree = lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
        if not _disarm(tree):
            return None
        config = ParserConfig(css=RELAXED_CSS_PROFILE.copy(), display_links=True)
        return str(Inscriptis(tree, config).get_text())
    except (etree.LxmlError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError):
        # The layout engine is not made for enemies; whatever it stumbles over is shown without layout.
        return None


def _disarm(tree: object) -> bool:
    """Take hidden elements and every attribute but link targets off the tree; False for too many elements.

    Margins, paddings and column spans of a hostile size would make the layout allocate without end.
    """
    nodes = list(tree.iter())  # type: ignore[attr-defined]
    if len(nodes) > NODES_MAX:
        return False
    for node in nodes:
        hidden = node.get("hidden") is not None or _HIDDEN.search((node.get("style") or "").lower())
        if hidden and node.getparent() is not None:
            node.drop_tree()
            continue
        for name in set(node.attrib) - {"href"}:
            del node.attrib[name]
    return True
