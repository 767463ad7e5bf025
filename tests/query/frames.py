"""A frame over a list of events, as plain as can be: what columns answer is measured against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import re2

from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.working.frame import Check, Codes, Mask, Times, never


class PlainValues:
    """Distinct values in a list."""

    def __init__(self, values: Sequence[str]) -> None:
        self._values = list(values)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, code: int) -> str:
        return self._values[code]

    def equal(self, text: str) -> Mask:
        return self.where(lambda value: value.casefold() == text.casefold())

    def containing(self, text: str) -> Mask:
        return self.where(lambda value: text.casefold() in value.casefold())

    def latest(self, text: str, enough: int, check: Check = never) -> list[int]:
        check()
        found: list[int] = np.flatnonzero(self.containing(text))[::-1].tolist()
        return found[:enough]

    def fullmatch(self, pattern: str) -> Mask:
        options = re2.Options()
        options.case_sensitive, options.dot_nl, options.log_errors = False, True, False
        found = re2.compile(pattern.encode("utf-8", "replace"), options)
        return self.where(lambda value: found.fullmatch(value.casefold().encode("utf-8", "replace")) is not None)

    def where(self, test: Callable[[str], bool]) -> Mask:
        return np.array([test(value) for value in self._values], dtype=np.bool_)


class PlainFrame:
    """Events in the order in which they are given."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._distinct = {
            field: list(dict.fromkeys(["", *(event.value(field) for event in events)])) for field in FIELDS
        }

    def __len__(self) -> int:
        return len(self._events)

    def times(self) -> Times:
        return np.array([event.time_us for event in self._events], dtype=np.int64)

    def ingested(self) -> Times:
        return np.array([event.ingested_us for event in self._events], dtype=np.int64)

    def codes(self, field: str) -> Codes:
        place = {value: code for code, value in enumerate(self._distinct[field])}
        return np.array([place[event.value(field)] for event in self._events], dtype=np.uint16)

    def values(self, field: str) -> PlainValues:
        return PlainValues(self._distinct[field])
