"""The distinct values of a field, looked through as one piece of memory, upper and lower case alike."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import re2

from workstation.services.errors import Invalid
from workstation.services.timeline.working.arena import END, Arena, utf8
from workstation.services.timeline.working.frame import Check, Mask, never

#: Answers that are kept for the same question: what a person changes from key to key is a few terms.
_ANSWERS = 32
#: The longest expression: people write a line, machines write bombs.
PATTERN_MAX = 1_000
#: Bytes looked through in one piece.
_PIECE = 4 * 1024 * 1024
#: Bytes between two questions whether anybody still wants the answer.
_STEP = 512 * 1024
#: From so many finds a piece on they are found by comparing all of it at once.
_MANY = 4_000
#: What means something else where values stand in lines: anchors of the whole text, single bytes, changes of mode.
_NOT_BY_LINES = re.compile(r"\\[AzZCQE]|\(\?[^:P<]|\(\?P?<?[^:P<>]*[ims-]+[:)]")


class Distinct:
    """The :class:`~workstation.services.timeline.working.frame.Values` of a field.

    Any number of threads may ask while one adds.
    """

    def __init__(self) -> None:
        self._as_it_came = Arena()
        # The same arena for as long as no value differs from its case-folded self.
        self._folded = self._as_it_came
        self._answers: OrderedDict[Hashable, Mask] = OrderedDict()

    def __len__(self) -> int:
        return len(self._as_it_came)

    def __getitem__(self, code: int) -> str:
        return self._as_it_came[code]

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        apart = self._folded is not self._as_it_came
        answers = sum(answer.nbytes for answer in list(self._answers.values()))
        return self._as_it_came.nbytes + answers + (self._folded.nbytes if apart else 0)

    def bytes_of(self, code: int) -> bytes:
        """Return a value as UTF-8."""
        return self._as_it_came.bytes_of(code)

    def extend(self, data: bytes, ends: npt.NDArray[np.int64] | None = None) -> None:
        """Add values as :func:`~workstation.services.timeline.working.arena.joined` made them."""
        if not data:
            return
        folded = _folded(data)
        if self._folded is self._as_it_came and folded != data:
            apart = Arena()
            # What is here already is its own folded self.
            apart.extend(bytes(self._as_it_came.data[1:]))
            apart.extend(folded)
            # First: whoever asks meanwhile finds every value that is counted as it is folded.
            self._folded = apart
            self._as_it_came.extend(data, ends)
            return
        if self._folded is not self._as_it_came:
            self._folded.extend(folded)
        self._as_it_came.extend(data, ends)

    def equal(self, text: str) -> Mask:
        """Return which values are `text`, case folded."""
        needle = utf8(text.casefold())
        return self._asked(("=", text), lambda first, last: self._find(END + needle + END, first, last, 1))

    def containing(self, text: str) -> Mask:
        """Return in which values `text` occurs, case folded. All of them contain ``""``."""
        needle = utf8(text.casefold())
        if not needle:
            return np.ones(len(self), np.bool_)
        return self._asked(("~", text), lambda first, last: self._find(needle, first, last, 0))

    def latest(self, text: str, enough: int, check: Check = never) -> list[int]:
        """Return the codes of values in which `text` occurs, case folded: those that came last, the last of them first.

        It looks back only until it has `enough`, so a part of one of a million ids is found without looking at all.

        Args:
            text: what is looked for.
            enough: how many codes are wanted; fewer are all that there are.
            check: asked between steps of about a millisecond.
        """
        needle, arena = utf8(text.casefold()), self._folded
        starts = arena.starts()
        found: list[int] = []
        stop = len(starts) - 1 if needle and arena.may_hold(needle) else 0
        while stop > 0 and len(found) < enough:
            check()
            # In the type of the starts: another one would have all of them copied.
            from_ = starts.dtype.type(max(0, int(starts[stop]) - _STEP))
            first = min(int(np.searchsorted(starts, from_)), stop - 1)
            places = _places(arena.data, needle, int(starts[first]), int(starts[stop]))
            codes = np.unique(np.searchsorted(starts[first : stop + 1], places, side="right") - 1 + first)
            found += codes[::-1].tolist()
            stop = first
        return found[:enough]

    def fullmatch(self, pattern: str) -> Mask:
        """Return which whole values a regular expression matches, in time linear in the values (RE2).

        It is held against the case-folded value (``straße`` is ``strasse``), and its own case does not matter. A dot
        is any character.

        Raises:
            Invalid: it is no expression of RE2, or too large a one.
        """
        if pattern in ("", ".*"):
            return self.equal("") if not pattern else np.ones(len(self), np.bool_)
        if len(pattern) > PATTERN_MAX:
            raise Invalid("The regular expression is too long.", f"At most {PATTERN_MAX:,} characters.")
        whole = _compiled(pattern, by_lines=False)
        lines = None if _NOT_BY_LINES.search(pattern) else _compiled(f"(?m:^(?:{pattern})$)", by_lines=True)
        return self._asked(("/", pattern), lambda first, last: self._match(whole, lines, first, last))

    def where(self, test: Callable[[str], bool]) -> Mask:
        """Return for which values `test` is true; asked once a distinct value."""
        return np.fromiter(map(test, self._texts(self._as_it_came, 0, len(self))), np.bool_)

    def _asked(self, question: Hashable, answer: Callable[[int, int], Mask]) -> Mask:
        """Return what was answered before, and the answer about the values that came since."""
        had, now = self._answers.pop(question, None), len(self)
        known = 0 if had is None else len(had)
        if had is None or known < now:
            more = answer(known, now)
            had = more if had is None else np.concatenate((had, more))
            had.flags.writeable = False
        self._answers[question] = had
        while len(self._answers) > _ANSWERS:
            self._answers.popitem(last=False)
        return had

    def _find(self, needle: bytes, first: int, last: int, within: int) -> Mask:
        """Return which of the values `first` to before `last` hold `needle`, which may take in `within` ends."""
        arena, found = self._folded, np.zeros(last - first, np.bool_)
        if not arena.may_hold(needle):
            return found
        starts = arena.starts()[first : last + 1]
        at, stop = int(starts[0]), int(starts[-1])
        # The end of the value before belongs to what is looked for where ends do.
        at = max(0, at - within)
        for begin in range(at, stop, _PIECE):
            end = min(begin + _PIECE + len(needle) - 1, stop)
            places = _places(arena.data, needle, begin, end)
            if len(places):
                found[np.searchsorted(starts, places + within, side="right") - 1] = True
        if within and first == 0:
            found[0] = needle == END + END
        return found

    def _match(self, whole: Any, lines: Any | None, first: int, last: int) -> Mask:
        arena, found = self._folded, np.zeros(last - first, np.bool_)
        starts = arena.starts()[first : last + 1]
        if lines is None or arena.may_hold(b"\n"):
            return np.fromiter(
                (whole.fullmatch(value) is not None for value in self._bytes(arena, first, last)), np.bool_
            )
        for begin in range(0, last - first, _PIECE // 64):
            end = min(begin + _PIECE // 64, last - first)
            base = int(starts[begin])
            text = bytes(arena.data[base : int(starts[end]) - 1]).replace(END, b"\n")
            hits = np.fromiter((match.start() for match in lines.finditer(text)), np.int64)
            found[np.searchsorted(starts, hits + base, side="right") - 1] = True
        return found

    @staticmethod
    def _bytes(arena: Arena, first: int, last: int) -> list[bytes]:
        starts = arena.starts()
        return bytes(arena.data[int(starts[first]) : int(starts[last]) - 1]).split(END) if last > first else []

    @classmethod
    def _texts(cls, arena: Arena, first: int, last: int) -> list[str]:
        return [value.decode() for value in cls._bytes(arena, first, last)]


def _folded(data: bytes) -> bytes:
    """Return values case folded (str.casefold: Unicode 3.13, full folding, which changes lengths)."""
    ascii_only = len(data.translate(None, bytes(range(128)))) == data.count(END)
    if ascii_only:
        return data.lower()
    return END.join(value.decode().casefold().encode() for value in data[:-1].split(END)) + END


def _places(data: bytearray, needle: bytes, begin: int, end: int) -> npt.NDArray[np.int64]:
    """Return where `needle` begins in a piece."""
    found: list[int] = []
    place = data.find(needle, begin, end)
    while place >= 0:
        if len(found) >= _MANY:
            return np.concatenate((np.array(found), _all_places(bytes(data[place:end]), needle) + place))
        found.append(place)
        place = data.find(needle, place + 1, end)
    return np.array(found, np.int64)


def _all_places(piece: bytes, needle: bytes) -> npt.NDArray[np.int64]:
    octets = np.frombuffer(piece, np.uint8)
    places: npt.NDArray[np.int64] = np.flatnonzero(octets[: len(piece) - len(needle) + 1] == needle[0])
    for number, octet in enumerate(needle[1:], 1):
        places = places[octets[places + number] == octet]
    return places


def _compiled(pattern: str, *, by_lines: bool) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.dot_nl = True
    options.log_errors = False
    options.never_nl = by_lines
    try:
        return re2.compile(utf8(pattern), options)
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise Invalid(
            f"That is no regular expression: {said}.", "RE2 knows no look-around and no back-references."
        ) from error
