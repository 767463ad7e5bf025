"""Events put in order that may not fit into memory: sorted runs, packed and encrypted on disk, merged when read.

The file has no name from the moment it is made and its key is never written, so what is on the disk ends with this
process, however that ends.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from typing import IO

import msgspec
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workstation.services.timeline.event import Event

#: Bytes of raw records that are sorted in memory at once; with what Python adds, about three times as much.
RUN = 32 * 1024 * 1024
#: Events that are packed together; of each run one such piece is in memory while runs are merged.
_PIECE = 500

#: The place in the order: newest first, then as they came.
_Key = tuple[int, int]
_Entry = tuple[_Key, Event]


class Runs:
    """Collects events in any order and gives them newest first, as often as asked.

    Args:
        run: bytes of raw records that are sorted in memory at once.
    """

    def __init__(self, run: int = RUN) -> None:
        self._limit = run
        self._fresh: list[_Entry] = []
        self._bytes = 0
        self._count = 0
        self._runs: list[list[tuple[int, int, int]]] = []
        self._file: IO[bytes] | None = None
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._pieces = 0
        self._packer = zstandard.ZstdCompressor(level=1)
        self._unpacker = zstandard.ZstdDecompressor()
        self._decoder = msgspec.msgpack.Decoder(list[Event])

    def __len__(self) -> int:
        return self._count

    @property
    def on_disk(self) -> int:
        """Bytes of the file."""
        return sum(length for run in self._runs for _, length, _ in run)

    def add(self, event: Event) -> None:
        """Take an event. Raises OSError where the disk is full."""
        self._fresh.append(((-event.time_us, self._count), event))
        self._count += 1
        self._bytes += len(event.raw)
        if self._bytes > self._limit:
            self._spill()

    def newest_first(self) -> Iterator[Event]:
        """Yield every event, those of one moment in the order in which they came. Raises OSError."""
        self._fresh.sort(key=_key)
        runs: list[Iterator[_Entry]] = [self._read(run, number) for number, run in enumerate(self._runs)]
        for _, event in heapq.merge(*runs, iter(self._fresh), key=_key):
            yield event

    def close(self) -> None:
        """Forget everything."""
        self._fresh.clear()
        self._runs.clear()
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        file = self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._fresh.sort(key=_key)
        run: list[tuple[int, int, int]] = []
        for start in range(0, len(self._fresh), _PIECE):
            piece = [event for _, event in self._fresh[start : start + _PIECE]]
            packed = self._packer.compress(msgspec.msgpack.encode(piece))
            # A counter never comes twice with this key (NIST SP 800-38D, 8.2.1).
            data = self._cipher.encrypt(self._pieces.to_bytes(12, "big"), packed, None)
            run.append((file.seek(0, 2), len(data), self._pieces))
            file.write(data)
            self._pieces += 1
        self._runs.append(run)
        self._fresh.clear()
        self._bytes = 0

    def _read(self, run: list[tuple[int, int, int]], number: int) -> Iterator[_Entry]:
        for offset, length, piece in run:
            assert self._file is not None, "there is a run"
            self._file.seek(offset)
            packed = self._cipher.decrypt(piece.to_bytes(12, "big"), self._file.read(length), None)
            for event in self._decoder.decode(self._unpacker.decompress(packed)):
                # Runs are older than what came after them, and within one the order is that of coming already.
                yield (-event.time_us, number - len(self._runs)), event


def _key(entry: _Entry) -> _Key:
    return entry[0]
