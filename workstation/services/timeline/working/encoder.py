"""Events into blocks of columns: what travels from a loader to its own working set and to the screen's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.working.arena import joined
from workstation.services.timeline.working.raws import BUNDLE, Packer, gathered

_PLACES = {name: place for place, name in enumerate(Event.__struct_fields__)}
_WIDTH = len(_PLACES)
#: Fields with a code for each distinct value. An id has none: every event has its own.
CODED = {name: attribute for name, attribute in FIELDS.items() if name != "event.id"}
#: What a time must lie within to be shown at all: the years 1 to 9999, microseconds.
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_astuple: Callable[[Event], tuple[Any, ...]] = msgspec.structs.astuple
_said = attrgetter("_value_")
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


class Coded(msgspec.Struct, frozen=True, array_like=True):
    """One field of a block.

    ``values`` are the distinct values that no block before had (``arena.joined``), ``count`` of them; they take the
    next codes. ``codes`` are unsigned, little endian, ``width`` bytes each; of width 0 there is one, of four bytes,
    for every event.
    """

    values: bytes
    count: int
    codes: bytes
    width: int

    def numbers(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """Return the codes; a single one where all are the same."""
        return np.frombuffer(self.codes, f"<u{self.width or 4}")


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Events as columns, in the order in which they came.

    ``number`` counts an encoder's blocks from 0: they mean something only one after the other. ``feed`` is the
    source's place among the sources. ``times`` and ``ingested`` are microseconds, signed 64-bit, little endian;
    ``ingested`` is empty where no event says it. A field that none of the events has is not in ``columns``. ``raws``
    are the records (``raws.Records``), ``packed`` or not. ``stream`` names the encoder.
    """

    number: int
    count: int
    feed: int
    times: bytes
    ingested: bytes
    ids: bytes
    columns: dict[str, Coded]
    raws: bytes
    packed: bool
    stream: int = 0

    def to_bytes(self) -> bytes:
        """Return the block as it travels over a pipe: msgpack."""
        return _encoder.encode(self)

    @staticmethod
    def from_bytes(data: bytes) -> Block:
        """Return a block that came over a pipe. Raises msgspec.DecodeError: it is none."""
        return _decoder.decode(data)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Block)


class _Codes(dict[str, int]):
    """Value → code; a new value gets the next one."""

    def __init__(self) -> None:
        super().__init__({"": 0})
        self.new: list[str] = []

    def __missing__(self, value: str) -> int:
        code = self[value] = len(self)
        self.new.append(value)
        return code


class Encoder:
    """Makes blocks of events for one working set (and its twins in other processes), each block after the other.

    Args:
        stream: tells the encoders apart that make blocks for one working set.
    """

    def __init__(self, stream: int = 0) -> None:
        self._stream = stream
        self._codes = {name: _Codes() for name in CODED}
        self._number = 0
        self._packer = Packer()
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pack")

    def encode(self, events: Sequence[Event], feed: int = 0) -> Block:
        """Return events as a block.

        A time outside the years 1 to 9999 becomes the first or the last instant of them.

        Args:
            events: of one source, in the order in which they came.
            feed: the source's place among the sources, from 0.
        """
        flat = list(chain.from_iterable(map(_astuple, events)))
        columns = {name: flat[place::_WIDTH] for name, place in _PLACES.items()}
        columns["outcome"] = list(map(_said, columns["outcome"]))
        return self.encode_columns(columns, feed)

    def encode_columns(self, columns: Mapping[str, Sequence[Any]], feed: int = 0) -> Block:
        """Return events as a block, of their values by attribute of :class:`Event`, all of one length.

        ``outcome`` is the text of a known :class:`Outcome`; an attribute that is left out is absent.
        """
        ids = columns["id"]
        records = gathered(columns.get("raw") or [b""] * len(ids), columns.get("digest", ()))
        # Packing lets other threads run: it goes on beside the rest.
        packing = self._aside.submit(self._packer.packed, records) if len(records) >= BUNDLE // 4 else None
        times = _instants(columns["time_us"])
        ingested = columns.get("ingested_us", ())
        coded = {
            name: found
            for name, attribute in CODED.items()
            if attribute in columns and (found := self._coded(self._codes[name], columns[attribute])) is not None
        }
        block = Block(
            number=self._number,
            count=len(ids),
            feed=feed,
            times=times.tobytes(),
            ingested=_instants(ingested).tobytes() if any(ingested) else b"",
            ids=joined(ids),
            columns=coded,
            raws=packing.result() if packing else records,
            packed=packing is not None,
            stream=self._stream,
        )
        self._number += 1
        return block

    @staticmethod
    def _coded(codes: _Codes, column: Sequence[str]) -> Coded | None:
        if not column:
            return None
        first = column[0]
        # Most fields of an account's page have one value: that is cheaper to see than to look each of them up.
        if first == column[-1] == column[len(column) // 2] and column.count(first) == len(column):
            if not first:
                return None
            numbers, width = np.array([codes[first]], "<u4").tobytes(), 0
        else:
            found = list(map(codes.__getitem__, column))
            width = 1 if len(codes) <= 0x100 else 2 if len(codes) <= 0x10000 else 4
            numbers = bytes(found) if width == 1 else np.fromiter(found, f"<u{width}", len(found)).tobytes()
        new, codes.new = codes.new, []
        return Coded(joined(new), len(new), numbers, width)


def _instants(column: Sequence[int]) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64]
    try:
        found = np.fromiter(column, "<i8", len(column))
    except OverflowError:
        found = np.fromiter((min(max(us, _FIRST_US), _LAST_US) for us in column), "<i8", len(column))
    found.clip(_FIRST_US, _LAST_US, out=found)
    return found


def outcome_of(text: str) -> Outcome:
    """Return the outcome that a value of the working set stands for; what is absent or unheard of is unknown."""
    return _OUTCOMES.get(text, Outcome.UNKNOWN)
