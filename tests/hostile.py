"""What the world sends to break a terminal tool, by name, for every test that shows text from outside.

``HOSTILE`` holds texts and bytes small enough for any test; ``huge_line()`` makes the ten-megabyte one when it is
wanted. Nothing here may ever reach a terminal as it is.
"""

from __future__ import annotations

import unicodedata

ESC, BEL, ST = "\x1b", "\x07", "\x1b\\"
#: A text that is easy to find again in what was shown.
CANARY = "CANARY"

HOSTILE: dict[str, str | bytes] = {
    # Sequences that a terminal obeys (ECMA-48, xterm's control sequences).
    "osc 0 title": f"{ESC}]0;{CANARY}{BEL}",
    "osc 2 title, st": f"{ESC}]2;{CANARY}{ST}",
    "osc 8 link": f"{ESC}]8;;https://evil.example/{ST}bank{ESC}]8;;{ST}",
    "osc 52 clipboard": f"{ESC}]52;c;Q0FOQVJZ{BEL}",
    "osc 52 unterminated": f"{ESC}]52;c;Q0FOQVJZ",
    "osc 1337 file": f"{ESC}]1337;File=name=eA==;inline=1:AAAA{BEL}",
    "csi clear": f"{ESC}[2J{ESC}[H",
    "csi colour": f"{ESC}[31mred{ESC}[0m",
    "csi report": f"{ESC}[6n{ESC}[c",
    "csi mouse on": f"{ESC}[?1003h{ESC}[?1049l",
    "dcs": f"{ESC}P+q544e{ST}",
    "apc": f"{ESC}_G{CANARY}{ST}",
    "pm": f"{ESC}^{CANARY}{ST}",
    "sos": f"{ESC}X{CANARY}{ST}",
    "reset": f"{ESC}c",
    "escape alone": ESC,
    "c1 csi": "\x9b2J",
    "c1 osc": f"\x9d0;{CANARY}\x9c",
    "c1 dcs": "\x90q\x9c",
    "c1 nel": "a\x85b",
    "nul": "a\x00b",
    "bell": f"a{BEL}b",
    "backspace": "password\b\b\b\b\b\b\b\bxxxxxxxx",
    "carriage return": "harmless\revil",
    "line feed": "one row\nanother row",
    "vertical tab and form feed": "a\x0bb\x0cc",
    "tab": "a\tb",
    "delete": "a\x7fb",
    "shift out": "\x0elqk\x0f",
    # Text that is not what it seems (CVE-2021-42574; UTS 39; UTR 36).
    "bidi override": "invoice\u202efdp.exe",
    "bidi isolate": "a\u2067b\u2069c",
    "bidi marks": "a\u200eb\u200fc\u061cd",
    "zero width": "pay\u200bpal\u200c\u200d\u2060\ufeff",
    "soft hyphen": "pay\u00adpal",
    "hangul filler": "a\u3164b\u115f\u1160\uffa0c",
    "braille blank": "a\u2800b",
    "tags": "a" + "".join(chr(0xE0000 + ord(char)) for char in "hidden") + "\U000e007f",
    "variation selectors": "a\ufe0fb\U000e0100c",
    "interlinear": "a\ufff9b\ufffac\ufffbd",
    "line separators": "a\u2028b\u2029c",
    "zalgo": "Z" + "\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 20 + "algo",
    "zalgo with joiners between": "Z" + "\u0300\u034f" * 20,
    "enclosing marks": "a\u20dd\u20dd\u20dd\u20dd\u20dd",
    "homoglyphs": "p\u0430yp\u0430l.com",
    "private use": "a\ue000b\U000f0000c",
    "noncharacter": "a\uffffb\ufdd0c",
    "unassigned": "a\u0378b",
    "half a surrogate pair": "a\ud83db",
    "blank only": "\u00a0\u2003\u3000",
    # Markup of Textual and Rich.
    "markup action": "[@click=app.quit]x[/]",
    "markup close": "[/]",
    "markup wrong close": "[/foo]",
    "markup colour": "[red]",
    "markup link": "[link=https://evil.example]bank[/link]",
    "markup open": "[bold",
    "markup variable": "$accent [$error]x[/]",
    "markup escape": r"\[red]x\[/red]",
    "markup list": '{"b": [true, false]}',
    "emoji code": ":warning:",
    # Honest text that breaks columns.
    "cjk": "中文帳號日本語한국어",
    "fullwidth": "ＡＢＣ１２３",
    "emoji": "👍🏽🇵🇹",
    "emoji zwj": "👩\u200d👩\u200d👧\u200d👦",
    "right to left": "שלום עולם مرحبا",
    "combining": "e\u0301 n\u0303 กี่ ạ\u0302",
    "ligature": "ﷺ",
    "long word": "a" * 5_000,
    "empty": "",
    # Spreadsheets (OWASP ASVS 1.2.10), queries, paths.
    "formula": "=cmd|' /C calc'!A0",
    "formula fullwidth": "＝1+1",
    "sql": "'; drop table ws.case; --",
    "lucene": 'a" OR event.action:* OR "',
    "path": "../../etc/passwd",
    "format": "%s%n{0}{self.__class__}",
    "json": '"}, {"event.id": "forged',
    "ndjson": '{"event.id": "1"}\n{"event.id": "forged"}',
    # Bytes that are no text.
    "invalid utf-8": b"caf\xe9 \xff\xfe \xc0\xaf \xed\xa0\x80",
    "cut utf-8": "👍".encode()[:3],
    "c1 as bytes": b"\x9b2J\x9d0;x\x9c",
    "escape as bytes": b"\x1b]52;c;Q0FOQVJZ\x07",
    "overlong nul": b"a\xc0\x80b",
    "utf-16": "CANARY".encode("utf-16"),
    "every byte": bytes(range(256)),
}

#: The texts among them.
HOSTILE_TEXTS: dict[str, str] = {name: text for name, text in HOSTILE.items() if isinstance(text, str)}


def huge_line(size: int = 10_000_000) -> bytes:
    """Return one line of `size` bytes that is full of sequences a terminal obeys."""
    unit = f"{ESC}]0;{CANARY}{BEL}".encode() + b"x" * 51
    return (unit * (size // len(unit) + 1))[:size]


def obeyed(shown: str) -> list[str]:
    """Return the characters of `shown` that a terminal would obey, hide or reorder; none may be in shown text.

    Judged by Unicode's own categories, apart from the code under test: controls (a line feed too), formats,
    surrogates, private and unassigned characters, line and paragraph separators, and what has no ink.
    """
    inkless = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
    inkless |= set(range(0xE0100, 0xE01F0))
    return [
        f"U+{ord(char):04X}"
        for char in shown
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or ord(char) in inkless
    ]
