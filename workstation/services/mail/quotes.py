"""What the client wrote now, without the mails quoted below it, in the eight languages of the templates.

The whole text is always kept beside it; this only decides what is shown first.
"""

from __future__ import annotations

import re

#: How programs introduce a quotation: Gmail, Apple Mail, Thunderbird, Outlook on the web. Each is
#: searched in a line, and in up to three lines joined, because long introductions are wrapped.
_INTROS = (
    r"On\b.{4,200}\bwrote\s*:",
    r"Am\b.{4,200}\bschrieb\b.{0,120}:",
    r".{4,160}\bschrieb am\b.{4,80}:",
    r"(?:Em|A|No dia)\b.{4,200}\bescreveu(?: no dia\b.{0,80})?\s*:",
    r".{4,160}\bescreveu (?:no dia|em)\b.{4,80}:",
    r"El\b.{4,200}\bescribi(?:ó|o)\s*:",
    r"Le\b.{4,200}\ba écrit\s*:",
    r"(?:W dniu|Dnia|\w{2,4}[.,]{1,2})\s.{4,200}\b(?:pisze|napisał(?:\(a\)|a)?|użytkownik)(?!\w).{0,120}:",
    r"Wiadomość napisana przez\b.{4,200}:",
    r".{4,200}\b(?:tarihinde|tarihli)\b.{0,160}\b(?:yazdı|şunu yazdı|şunları yazdı|yazmış)\s*:?",
    r".{0,60}\d{4}年\d{1,2}月\d{1,2}日.{0,160}(?:[:：>]|のメール|書きました|wrote)\s*[:：]?",
    r".{0,200}のメール\s*[:：]",
    r".{0,160}(?:さん|様)?(?:は|が)書きました\s*[:：]",
)
_INTRO = re.compile(r"\s*(?:" + "|".join(_INTROS) + r")\s*\Z", re.IGNORECASE)
_CUE = re.compile(
    r"wrote|schrieb|escreveu|escribi|écrit|pisze|napisa|użytkownik|yazdı|yazmış|年|のメール|書きました", re.IGNORECASE
)
_DIVIDER = re.compile(
    r"\s*(?:_{10,}|-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht"
    r"|mensagem original|mensagem encaminhada|mensaje original|mensaje reenviado|message (?:d'origine|original)"
    r"|message transféré|wiadomość oryginalna|oryginalna wiadomość|treść oryginalnej wiadomości|özgün ileti"
    r"|orijinal mesaj|iletilen mesaj|元のメッセージ|転送メッセージ|original ?メッセージ)\s*-{2,})\s*\Z",
    re.IGNORECASE,
)
#: The first and the following lines of the header block that Outlook puts above a quotation.
_FROM = re.compile(r"\s*\*?(?:From|Von|De|Od|Kimden|Gönderen|差出人|送信者)\s*[:：]\*?\s*\S", re.IGNORECASE)
_THEN = re.compile(
    r"\s*\*?(?:Sent|Date|To|Subject|Gesendet|Datum|An|Betreff|Enviad[oa](?: em| el)?|Data|Para|Assunto|Fecha|Asunto"
    r"|Envoyé|À|Objet|Wysłano|Do|Temat|Gönderildi|Gönderme|Tarih|Kime|Konu|送信日時|日時|宛先|件名)\s*[:：]",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"(?:--\s?|\s*(?:Sent from my|Get Outlook for|Von meinem \w+ gesendet|Gesendet (?:von|mit)"
    r"|Enviado (?:do meu|desde mi|de mi)|Envoyé de(?:puis)? mon|Wysłan[eo] z(?: mojego)?|iPhone['’]?umdan gönderildi"
    r"|.{0,20}iPhone.{0,3}から送信)\b.{0,60})\Z",
    re.IGNORECASE,
)
#: Longest line that is looked at; a longer one is no introduction.
_LINE_MAX = 300


def fresh(text: str) -> str:
    """Return `text` without quoted mails and mobile signatures; all of it where nothing else would remain."""
    lines = text.split("\n")
    cut, taken = _cut(lines)
    above = lines[:cut]
    below = lines[cut + taken :]
    if any(line.startswith(">") for line in below) and taken and not _is_block(lines, cut):
        above += [line for line in below if not line.startswith(">")]
    kept = [line for line in above if not line.startswith(">")]
    answer = "\n".join(_without_signature(kept)).strip()
    return answer or text.strip()


def _cut(lines: list[str]) -> tuple[int, int]:
    """Return where the quotation begins and how many lines introduce it; the end and 0 without one."""
    for index, line in enumerate(lines):
        if len(line) <= _LINE_MAX:
            if _is_block(lines, index):
                return index, 1
            taken = _introduction(lines, index)
            if taken:
                return index, taken
    return len(lines), 0


def _is_block(lines: list[str], index: int) -> bool:
    """Return whether a divider, or a header block as Outlook writes it, stands at `index`."""
    if index >= len(lines):
        return False
    if _DIVIDER.match(lines[index]):
        return True
    if not _FROM.match(lines[index]):
        return False
    return sum(bool(_THEN.match(line[:_LINE_MAX])) for line in lines[index + 1 : index + 6]) >= 2


def _introduction(lines: list[str], index: int) -> int:
    """Return how many lines from `index` on are the introduction of a quotation, 0 for none."""
    for count in (1, 2, 3):
        wrapped = lines[index : index + count]
        if len(wrapped) < count or not all(line.strip() for line in wrapped):
            return 0
        if _introduces(wrapped):
            # Where the introduction begins further down, what stands above it is the answer's last line.
            return 0 if count > 1 and _introduces(wrapped[1:]) else count
    return 0


def _introduces(lines: list[str]) -> bool:
    joined = " ".join(line.strip() for line in lines)
    short = len(joined) <= 2 * _LINE_MAX
    return short and bool(_CUE.search(joined) and _INTRO.match(joined)) and _looks_dated(joined)


def _looks_dated(line: str) -> bool:
    """An introduction names a time or an address; "On Monday my bank wrote:" does not."""
    return bool(re.search(r"\d{1,2}[:.h]\d{2}|\d{4}|[\w.+-]@[\w-]", line))


def _without_signature(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines):
        if len(line) <= _LINE_MAX and _SIGNATURE.match(line) and any(kept.strip() for kept in lines[:index]):
            return lines[:index]
    return lines
