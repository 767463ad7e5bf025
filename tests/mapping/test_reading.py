"""Cutting streams into records."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import huge_line
from workstation.services.errors import Invalid
from workstation.services.timeline.mapping import read_pieces

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=6), JSON, max_size=4), max_size=6)


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, sizes: Iterator[int]) -> None:
        self._data, self._sizes = data, sizes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken = self._data[: min(next(self._sizes), size)]
        self._data = self._data[len(taken) :]
        return taken


def flat(stream: Any) -> list[bytes]:
    return [record for piece in read_pieces(stream) for record in piece]


def cut(data: bytes) -> list[bytes]:
    return flat(io.BytesIO(data))


def sizes(many: list[int]) -> Iterator[int]:
    while True:
        yield from many


@settings(max_examples=60, deadline=None)
@given(records=RECORDS, indent=st.sampled_from([None, 1]), some=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_an_array_gives_each_element_with_its_own_bytes_however_it_comes(
    records: list[object], indent: int | None, some: list[int]
) -> None:
    elements = [json.dumps(record, indent=indent, ensure_ascii=False).encode() for record in records]
    data = b" [ " + b" ,\n ".join(elements) + b"\n] "
    assert cut(data) == elements
    assert flat(Trickle(data, sizes(some))) == elements
    assert cut(b'{"Records":[' + b",".join(elements) + b"]}\n") == elements
    assert cut(gzip.compress(data)) == elements


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.binary(min_size=1, max_size=30), max_size=6),
    some=st.lists(st.integers(1, 7), min_size=1, max_size=4),
)
def test_lines_are_kept_to_the_byte_but_for_their_end(lines: list[bytes], some: list[int]) -> None:
    lines = [b"x" + line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    for end in (b"\n", b"\r\n"):
        data = end.join([*lines, b""])
        assert cut(data) == lines
        assert flat(Trickle(data, sizes(some))) == lines


def test_blank_lines_are_no_records_and_the_last_line_needs_no_end() -> None:
    assert cut(b'\n  \n{"a":1}\n\r\n\t\n{"b":2}') == [b'{"a":1}', b'{"b":2}']
    assert cut(b"") == cut(b" \n ") == cut(b"[]") == []


def test_a_byte_order_mark_belongs_to_the_file() -> None:
    assert cut(b'\xef\xbb\xbf{"a":1}\n{"b":2}') == [b'{"a":1}', b'{"b":2}']
    assert cut(b'\xef\xbb\xbf[{"a":1}]') == [b'{"a":1}']


def test_files_that_were_put_together() -> None:
    trail = b'{"Records": [{"a":1}]}\n'
    assert cut(trail * 2) == [b'{"a":1}', b'{"a":1}']
    assert cut(gzip.compress(trail) * 2) == [b'{"a":1}', b'{"a":1}']
    assert cut(b'[{"a":1}][{"b":2}]') == [b'{"a":1}', b'{"b":2}']


def test_text_that_begins_with_a_bracket_is_text() -> None:
    assert cut(b"[2026-03-01 06:12:40] hello\n[x]\n") == [b"[2026-03-01 06:12:40] hello", b"[x]"]


def test_a_bracket_within_a_log_cannot_swallow_the_rest() -> None:
    assert cut(b'{"a":1}\n[{"\n{"b":2}\n') == [b'{"a":1}', b'[{"', b'{"b":2}']


def test_broken_elements_and_a_cut_off_array_are_not_lost() -> None:
    assert cut(b'[{"a":1}, {"b":,}, nonsense, {"c":3}]') == [b'{"a":1}', b'{"b":,}', b"nonsense", b'{"c":3}']
    assert cut(b'[{"a":1}, {"b": "half') == [b'{"a":1}', b'{"b": "half']
    assert cut(b'[{"a":1}] trailing') == [b'{"a":1}', b" trailing"]


@pytest.mark.parametrize("wrap", [b"%s\n", b"[%s]"])
def test_ten_megabytes_in_one_record(wrap: bytes) -> None:
    record = b'{"a":"' + huge_line().replace(b"\x1b", b"\\\\").replace(b"\x07", b'\\"') + b'"}'
    assert cut(wrap % record) == [record]


def test_damaged_compression_is_said_after_what_could_be_read() -> None:
    data = gzip.compress(b'{"a":1}\n{"b":2}\nrest', mtime=0)
    got: list[bytes] = []
    with pytest.raises(Invalid, match="compressed data"):
        for piece in read_pieces(io.BytesIO(data[:-8])):
            got.extend(piece)
    assert got == [b'{"a":1}', b'{"b":2}', b"rest"]
