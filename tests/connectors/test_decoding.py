"""Bytes into structs: depth, shape, zones, and packing."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.connectors import decoding
from workstation.services.connectors.decoding import DEPTH, Inflater, decode, decode_now, too_deep
from workstation.services.errors import SourceGarbled

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(alphabet='[]{}"\\ab\n\u202e')
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='{["\\a', max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


class TestDepth:
    @given(values, st.integers(0, 6), st.booleans())
    @settings(max_examples=150, deadline=None)
    def test_is_counted_as_a_parser_would(self, value: Any, limit: int, ascii_: bool) -> None:
        assert too_deep(json.dumps(value, ensure_ascii=ascii_).encode(), limit) is (depth(value) > limit)

    @pytest.mark.parametrize("body", [b"[" * 2_000_000, b'{"a":' * 500_000, b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1)])
    def test_a_tower_is_refused(self, body: bytes) -> None:
        with pytest.raises(SourceGarbled, match="deeper"):
            decode_now(body, dict[str, Any], "log")

    def test_the_last_level_is_allowed(self) -> None:
        assert depth(decode_now(b"[" * DEPTH + b"]" * DEPTH, list[Any], "log")) == DEPTH


class Shape(msgspec.Struct):
    at: datetime | None = None
    of: dict[str, tuple[datetime, ...]] = {}


class TestShape:
    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b'{"at": 7}', b'{"at": "soon"}', b'{"at": "\xff"}', b"{}{}", b"NaN", b"<html>"]
    )
    def test_anything_else_is_refused(self, body: bytes) -> None:
        with pytest.raises(SourceGarbled):
            decode_now(body, Shape, "log")

    @pytest.mark.parametrize(
        "body", [b'{"at": "2026-11-23T12:00:00"}', b'{"of": {"a": ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00"]}}']
    )
    def test_a_time_without_a_zone_is_refused(self, body: bytes) -> None:
        with pytest.raises(SourceGarbled, match="no zone"):
            decode_now(body, Shape, "log")

    def test_a_time_with_a_zone_is_taken(self) -> None:
        assert decode_now(b'{"at": "2026-11-23T13:00:00+01:00"}', Shape, "log").at is not None

    async def test_what_is_large_is_decoded_off_the_loop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        threads: list[threading.Thread] = []
        real = decoding.decode_now

        def watched(body: bytes, into: Any, system: str) -> Any:
            threads.append(threading.current_thread())
            return real(body, into, system)

        monkeypatch.setattr(decoding, "decode_now", watched)
        for size in (10, decoding.THREAD_FROM):
            body = json.dumps(["x" * size]).encode()
            assert await decode(body, list[str], "log") == ["x" * size]
        assert threads[0] is threading.main_thread() and threads[1] is not threading.main_thread()


class TestInflater:
    @given(st.binary(max_size=300), st.integers(1, 64), st.integers(0, 300))
    @settings(max_examples=80, deadline=None)
    def test_gives_all_up_to_the_limit_and_never_more(self, content: bytes, step: int, limit: int) -> None:
        packed, inflater, out = gzip.compress(content), Inflater(limit), b""
        for start in range(0, len(packed), step):
            piece = inflater.feed(packed[start : start + step])
            if piece is None:
                assert len(content) > limit
                return
            out += piece
        assert out == content and inflater.complete
