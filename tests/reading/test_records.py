"""Raw records, however a source writes them: nothing of the client is left, and what is left is the same record."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reading.house import OLD, account, event
from workstation.services.accounts.model import Contact, ContactKind
from workstation.services.reading.finding import Finder, unescaped, unquoted
from workstation.services.reading.masker import Masker
from workstation.services.reading.records import REMEMBERED, Records

CLIENT = account(
    "A1",
    name='Мария "Mimi" Ängström',
    username="jangs77",
    contacts=(
        Contact(kind=ContactKind.EMAIL, value="carla.canarina@mail.invalid", verified_at=OLD),
        Contact(kind=ContactKind.EMAIL, value='"odd one"@mail.invalid', verified_at=OLD),
        Contact(kind=ContactKind.PHONE, value="+49 151 2345 6789", verified_at=OLD),
    ),
)
WORDS = ("мария", "ängström", "mimi", "jangs77", "carla.canarina", "odd one")
DIGITS = "1512345678"


def every_letter_escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


#: How a client's data comes to stand inside of a JSON string.
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "in capitals": lambda text: json.dumps(text.upper(), ensure_ascii=False)[1:-1],
    "taken apart": lambda text: json.dumps(unicodedata.normalize("NFD", text), ensure_ascii=False)[1:-1],
    "escaped": lambda text: json.dumps(text)[1:-1],
    "escaped in capitals": lambda text: json.dumps(text.upper())[1:-1].replace("\\U", "\\u"),
    "every letter escaped": every_letter_escaped,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"in": text}))[1:-1],
    "a URL's": lambda text: "https://x.invalid/?q=" + quote(text, safe=""),
    "after a line's end": lambda text: "line\\n" + json.dumps(text)[1:-1],
    "after an escape that stays": lambda text: "\\u0022" + json.dumps(text)[1:-1],
    "after a URL's line end": lambda text: "%0A" + quote(text),
}
SECRETS = (
    "Мария",
    "Ängström",
    "Mimi",
    "jangs77",
    "carla.canarina@mail.invalid",
    '"odd one"@mail.invalid',
    "+49 151 2345 6789",
    "+4915123456789",
    "0151/2345-6789",
)
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="@+%\\0123456789"), max_size=8)


def within(value: Any) -> Any:
    """The JSON object that a text is; None where it is none."""
    try:
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else None
    except ValueError:
        return None


def texts(value: Any) -> list[str]:
    """All that can be read in a record: keys, values, and JSON within them."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    inner = within(value)
    return [str(value), unquote(str(value)), *(texts(inner) if inner is not None else ())]


def readable(raw: bytes) -> str:
    whole = "\n".join(texts(json.loads(raw)))
    return unicodedata.normalize("NFC", whole).lower()


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    if (inner := within(value)) is not None:
        return [shape(inner)]
    # A number that is masked can only be a text.
    return "text" if isinstance(value, str | int) and not isinstance(value, bool) else value


def nothing_left(raw: bytes) -> None:
    left = readable(raw)
    assert [word for word in WORDS if word in left] == []
    assert DIGITS not in re.sub(r"[ ().\-/]", "", left)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_secret_is_left(form: str, secret: str) -> None:
    inside = FORMS[form](secret)
    tight = f'{{"a":"x","b":"{inside}","c":["{inside}",{{"d":"by {inside}, twice: {inside}"}}],"n":1}}'
    for text in (tight, tight.replace('","', '", "').replace(":", ": ", 1)):
        raw = text.encode()
        (shown,) = Masker(CLIENT).events([event(1, "A1", raw=raw)])
        nothing_left(shown.raw)
        assert shape(json.loads(shown.raw)) == shape(json.loads(raw))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_record_stays_the_record_that_it_was(data: st.DataObject) -> None:
    secret = st.builds(
        lambda form, text, before, after: f"{json.dumps(before)[1:-1]} {FORMS[form](text)} {json.dumps(after)[1:-1]}",
        st.sampled_from(sorted(FORMS)),
        st.sampled_from(SECRETS),
        PLAIN,
        PLAIN,
    )
    written = data.draw(st.lists(st.one_of(secret, PLAIN.map(lambda t: json.dumps(t)[1:-1])), min_size=1, max_size=4))
    between = data.draw(st.sampled_from((",", ", ", ",\n")))
    raw = ("{" + between.join(f'"k{n}":"{text}"' for n, text in enumerate(written)) + "}").encode()
    (shown,) = Masker(CLIENT).events([event(1, "A1", raw=raw)])
    nothing_left(shown.raw)
    assert shape(json.loads(shown.raw)) == shape(json.loads(raw))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"phone":4915123456789,"n":1}', '{"phone":"••••89","n":1}'),
        (
            b'{"a":[4915123456789, 15123456789],"t":"tel:4915123456789,"}',
            '{"a":["••••89", "••••89"],"t":"tel:••••89,"}',
        ),
        (b"[4915123456789]", '["••••89"]'),
        (b"4915123456789", '"••••89"'),
        (b"no JSON:4915123456789,", "no JSON:••••89,"),
    ],
)
def test_a_number_that_is_masked_stands_as_a_text(raw: bytes, shown: str) -> None:
    assert Records(Finder(CLIENT)).shown([raw]) == [shown.encode()]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"@timestamp":"2026-11-03T14:02:10Z","k":"a\\u0041\\ud83d\\ude00 50%25 %zz \\ud800"}',
        b'{"jangs777":1}',
        b"\xff\xfe not text at all \x1e\x1f",
        b"",
    ],
)
def test_a_record_that_holds_nothing_stays_byte_for_byte(raw: bytes) -> None:
    named = b'{"u":"jangs77"}'
    assert Records(Finder(CLIENT)).shown([raw, named, raw]) == [raw, '{"u":"j••••"}'.encode(), raw]


@settings(max_examples=100, deadline=None)
@given(odd=st.lists(st.sampled_from(['"', ',"', "\x1e", "jangs77", ', "', "Mimi", ",", "x"]), max_size=9).map("".join))
def test_what_we_put_between_records_changes_nothing(odd: str) -> None:
    page = [b'{"a":"b","c":"jangs77"}', odd.encode(), b'{"a":"b"}', odd.encode()]
    alone = [Records(Finder(CLIENT)).shown([raw])[0] for raw in page]
    assert Records(Finder(CLIENT)).shown(page) == alone
    assert not any(word in shown for shown in alone[:1] for word in (b"jangs77", b"Mimi"))


def test_what_is_remembered_changes_nothing_and_has_an_end() -> None:
    records = Records(Finder(CLIENT))
    for number in range(6):
        page = [b'{"i":"%d-%d","u":"jangs77","t":"%s by Mimi"}' % (number, n, b"x" * n) for n in range(400)]
        assert records.shown(page) == Records(Finder(CLIENT)).shown(page)
        kept = records._pieces
        assert kept._clean_size == sum(map(len, kept._clean)) <= REMEMBERED
        assert kept._hidden_size == sum(map(len, kept._hidden)) <= REMEMBERED


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            (
                *("MIMI", "ngstr", "Ä", "МАРИЯ", "carla", ".canarina", "@", '"@timestamp"', '@timestamp"', "x", " "),
                *("\x1e", "+", "-", "49", "151", "2345", "6789", "jangs77", "\\u004dimi", "J%61ngs77", "\\", "%40"),
                *("\u212a", "elvin", "%"),
            )
        ),
        max_size=8,
    ).map("".join)
)
def test_what_is_not_possible_is_not_there(text: str) -> None:
    finder = Finder(account("A2", name="Mimi Ängström Мария Kelvin", username="jangs77", contacts=CLIENT.contacts))
    for read in (text, unescaped(text), unquoted(unescaped(text))):
        assert finder.possible(text.encode()) or not finder.hits(read)
