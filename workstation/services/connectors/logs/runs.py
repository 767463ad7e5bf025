"""Events put in order that may not fit into memory: sorted runs, packed and encrypted on disk, merged when read.

The file has no name from the moment it is made and its key is never written, so what is on the disk ends with this
process, however that ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import msgspec
import numpy as np
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workstation.services.timeline.batch import Batch, Column, size_of

#: Bytes of raw records that are sorted in memory at once; with what Python adds, half as much again.
RUN = 64 * 1024 * 1024
#: Events that are packed together; of each run one such piece is in memory while runs are merged.
_PIECE = 4_000


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """A batch as it lies on the disk. ``columns`` are values, codes and how wide these are; times are 64-bit."""

    ids: list[str]
    times: bytes
    columns: dict[str, tuple[list[str], bytes, str]]
    raws: list[bytes]
    ingested: bytes
    digests: list[str]


_NONE = Batch.of(())
_decoder = msgspec.msgpack.Decoder(_Packed)


class Runs:
    """Collects events in any order and gives them newest first, as often as asked.

    Args:
        run: bytes of raw records that are sorted in memory at once.
    """

    def __init__(self, run: int = RUN) -> None:
        self._limit = run
        self._fresh: list[Batch] = []
        self._bytes = 0
        self._count = 0
        self._runs: list[list[tuple[int, int, int]]] = []
        self._file: IO[bytes] | None = None
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._pieces = 0
        self._packer = zstandard.ZstdCompressor(level=1)
        self._unpacker = zstandard.ZstdDecompressor()

    def __len__(self) -> int:
        return self._count

    @property
    def on_disk(self) -> int:
        """Bytes of the file."""
        return sum(length for run in self._runs for _, length, _ in run)

    def add(self, events: Batch) -> None:
        """Take events. Raises OSError where the disk is full."""
        if not events:
            return
        self._fresh.append(events.newest_first())
        self._count += len(events)
        self._bytes += size_of(events.raws)
        if self._bytes > self._limit:
            self._spill()

    def newest_first(self) -> Iterator[Batch]:
        """Yield all events, those of one moment in the order in which they came, and never in two batches.

        Raises:
            OSError: the disk cannot be read.
        """
        yield from _merged([_Run(self._read(run)) for run in self._runs] + self._in_memory())

    def _in_memory(self) -> list[_Run]:
        """Return each batch as a run: most files are in order, and then there is next to nothing to merge."""
        return [_Run(iter([events])) for events in self._fresh]

    def close(self) -> None:
        """Forget everything."""
        self._fresh.clear()
        self._runs.clear()
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        file = self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        run: list[tuple[int, int, int]] = []
        for piece in _cut(_merged(self._in_memory())):
            packed = self._packer.compress(msgspec.msgpack.encode(_packed(piece)))
            # A counter never comes twice with this key (NIST SP 800-38D, 8.2.1).
            data = self._cipher.encrypt(self._pieces.to_bytes(12, "big"), packed, None)
            run.append((file.seek(0, 2), len(data), self._pieces))
            file.write(data)
            self._pieces += 1
        self._runs.append(run)
        self._fresh.clear()
        self._bytes = 0

    def _read(self, run: list[tuple[int, int, int]]) -> Iterator[Batch]:
        for offset, length, piece in run:
            assert self._file is not None, "there is a run"
            self._file.seek(offset)
            packed = self._cipher.decrypt(piece.to_bytes(12, "big"), self._file.read(length), None)
            yield _unpacked(_decoder.decode(self._unpacker.decompress(packed)))


class _Run:
    """A run that is merged: what was read of it and not given yet, newest first."""

    def __init__(self, pieces: Iterator[Batch]) -> None:
        self._pieces = pieces
        self.waiting = _NONE
        self.ended = False
        self.read_on()

    @property
    def reached_us(self) -> int:
        """Down to which time it was read."""
        return int(self.waiting.times[-1])

    def read_on(self) -> None:
        """Read the next piece."""
        piece = next(self._pieces, None)
        self.ended = piece is None
        self.waiting = self.waiting if piece is None else Batch.joined([self.waiting, piece])

    def newer(self, floor_us: int | None) -> Batch:
        """Give what is newer than a time; everything, where there is none."""
        times = self.waiting.times
        if floor_us is not None and not (len(times) and times[0] > floor_us):
            return _NONE
        count = len(times) if floor_us is None else int(np.searchsorted(-times, -floor_us))
        given, self.waiting = self.waiting[:count], self.waiting[count:]
        return given


def _merged(runs: Sequence[_Run]) -> Iterator[Batch]:
    """Merge runs; of one moment an earlier run's events come first.

    What is newer than the time down to which every run was read can be joined by nothing any more.
    """
    while True:
        floor_us = max((run.reached_us for run in runs if not run.ended), default=None)
        given = Batch.joined([run.newer(floor_us) for run in runs]).newest_first()
        if given:
            yield given
        if floor_us is None:
            return
        for run in runs:
            if not run.ended and (not run.waiting or run.reached_us == floor_us):
                run.read_on()


def _cut(batches: Iterator[Batch]) -> Iterator[Batch]:
    for events in batches:
        for begin in range(0, len(events), _PIECE):
            yield events[begin : begin + _PIECE]


def _packed(events: Batch) -> _Packed:
    columns = {
        name: (column.values, column.codes.tobytes(), column.codes.dtype.str) for name, column in events.columns.items()
    }
    ingested = b"" if events.ingested is None else events.ingested.tobytes()
    return _Packed(events.ids, events.times.tobytes(), columns, list(events.raws), ingested, list(events.digests))


def _unpacked(packed: _Packed) -> Batch:
    columns = {name: Column(values, _numbers(codes, width)) for name, (values, codes, width) in packed.columns.items()}
    ingested = _numbers(packed.ingested, "<i8") if packed.ingested else None
    return Batch(packed.ids, _numbers(packed.times, "<i8"), columns, packed.raws, ingested, packed.digests)


def _numbers(data: bytes, kind: str) -> Any:
    return np.frombuffer(data, kind)
