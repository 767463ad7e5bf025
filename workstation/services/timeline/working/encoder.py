"""Events into blocks of columns: what travels from a loader to its own working set and to the screen's."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.timeline.batch import CODED, Batch, Column
from workstation.services.timeline.event import Event
from workstation.services.timeline.working.arena import joined
from workstation.services.timeline.working.raws import BUNDLE, Packer, gathered


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
        batch = Batch.of(events)
        records = gathered(batch.raws, batch.digests)
        # Packing lets other threads run: it goes on beside the rest.
        packing = self._aside.submit(self._packer.packed, records) if len(records) >= BUNDLE // 4 else None
        columns = {
            name: self._coded(self._codes[name], column)
            for name, attribute in CODED.items()
            if (column := batch.columns.get(attribute)) is not None and len(batch)
        }
        block = Block(
            number=self._number,
            count=len(batch),
            feed=feed,
            times=batch.times.tobytes(),
            ingested=b"" if batch.ingested is None else batch.ingested.tobytes(),
            ids=joined(batch.ids),
            columns={name: found for name, found in columns.items() if found is not None},
            raws=packing.result() if packing else records,
            packed=packing is not None,
            stream=self._stream,
        )
        self._number += 1
        return block

    @staticmethod
    def _coded(codes: _Codes, column: Column) -> Coded | None:
        table = list(map(codes.__getitem__, column.values))
        if not any(table):
            return None
        if len(table) == 1:
            numbers, width = np.array(table, "<u4").tobytes(), 0
        else:
            width = 1 if len(codes) <= 0x100 else 2 if len(codes) <= 0x10000 else 4
            numbers = np.array(table, f"<u{width}")[column.codes].tobytes()
        new, codes.new = codes.new, []
        return Coded(joined(new), len(new), numbers, width)
