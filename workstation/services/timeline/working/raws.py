"""The records as the sources sent them: packed in memory, and beyond a bound in an encrypted file without a name.

What is on disk can be read by this process alone: the key is made for it, is never written, and is gone with it. The
file has no name from the moment it is made (`tempfile.TemporaryFile`), so it is gone too, however the process ends.
"""

from __future__ import annotations

import bisect
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from workstation.services.errors import WorkstationError
from workstation.services.timeline.batch import Lines

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Bytes of packed records that stay in memory.
MEMORY = 64 * 1024 * 1024
#: Records of this many bytes are packed together: less packs badly, more takes long to look into.
BUNDLE = 256 * 1024
#: Unpacked bundles that are kept: a screenful of five sources, and the one before.
_UNPACKED = 12
#: Packing at this level costs about 1 µs a KB, and the next ones gain little on log records.
_LEVEL = 1
#: A bundle that says that it unpacks to more than this is broken: a block of the pipe is at most 256 MiB.
_LARGEST = 512 * 1024 * 1024

Kept = npt.NDArray[np.int32]


class RawLost(WorkstationError):
    """A raw record cannot be shown any more; the event itself is not touched by it."""


class Records(msgspec.Struct, frozen=True, array_like=True):
    """Raw records one after the other.

    ``lengths`` are theirs, unsigned 32-bit, little endian. ``digests`` are empty, or for each record the SHA-256 of
    what the source sent where it is not this record's (``""``: it is). ``between`` is the number of bytes of ``body``
    that lie between a record and the next: line ends need not be cut out of a piece of lines.
    """

    lengths: bytes
    digests: list[str]
    body: bytes
    between: int = 0

    def sizes(self) -> npt.NDArray[np.uint32]:
        """Return the lengths as numbers."""
        return np.frombuffer(self.lengths, "<u4")

    def ends(self) -> npt.NDArray[np.int64]:
        """Return where in ``body`` each record ends."""
        return np.cumsum(self.sizes(), dtype=np.int64) + np.arange(len(self.sizes())) * self.between

    def each(self) -> list[bytes]:
        """Return the records."""
        pairs = zip(self.ends().tolist(), self.sizes().tolist(), strict=True)
        return [self.body[end - size : end] for end, size in pairs]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Records)


def gathered(raws: Sequence[bytes], digests: Sequence[str]) -> bytes:
    """Return records as :class:`Records`, encoded, not packed."""
    digests = list(digests) if any(digests) else []
    if isinstance(raws, Lines) and raws.parted_by is not None:
        lengths = (raws.ends - raws.starts).astype("<u4")
        return _encoder.encode(Records(lengths.tobytes(), digests, raws.body, raws.parted_by))
    lengths = np.fromiter(map(len, raws), "<u4", len(raws))
    return _encoder.encode(Records(lengths.tobytes(), digests, b"".join(raws)))


class Packer:
    """Packs and unpacks; not for several threads at once."""

    def __init__(self) -> None:
        self._packer = zstandard.ZstdCompressor(level=_LEVEL)
        self._unpacker = zstandard.ZstdDecompressor()

    def packed(self, records: bytes) -> bytes:
        """Return `records` smaller."""
        return self._packer.compress(records)

    def unpacked(self, data: bytes) -> Records:
        """Return what was packed. Raises RawLost: it is damaged."""
        try:
            return _decoder.decode(self._unpacker.decompress(data, max_output_size=_LARGEST))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise RawLost("The raw record is damaged.", "Read the source again.") from error


class _Unpacked(msgspec.Struct, frozen=True):
    """A bundle that was looked into: where each record ends, and the records."""

    ends: npt.NDArray[np.int64]
    records: Records


class _Bundle:
    """Records of consecutive rows, in memory or in the file, or lost with the reason."""

    def __init__(self, first: int, kept: Kept | None, data: bytes, packed: bool) -> None:
        self.first = first
        self.kept = kept
        self.data = data
        self.packed = packed
        #: Where it is in the file, its length there, and its nonce.
        self.filed: tuple[int, int, bytes] | None = None
        self.lost = ""


class Raws:
    """Raw records by row. Any thread may ask.

    Args:
        memory: bytes of packed records that stay in memory.
        directory: where the file is made; None: where the system keeps such files.
        entropy: returns random bytes, for the key.
    """

    def __init__(
        self, memory: int = MEMORY, directory: Path | None = None, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._memory = memory
        self._directory = directory
        self._entropy = entropy
        self._lock = threading.Lock()
        self._packer = Packer()
        self._bundles: list[_Bundle] = []
        self._firsts: list[int] = []
        self._in_memory = 0
        self._loose = 0  # bytes of small bundles at the end that are not packed
        self._spilled = 0  # bundles before this one are not in memory
        self._nonce = 0
        self._unpacked: OrderedDict[int, _Unpacked] = OrderedDict()
        self._file: IO[bytes] | None = None
        self._cipher: AESGCM | None = None
        self._written = 0
        self._closed = False

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the packed records take, without the few that are unpacked."""
        return self._in_memory

    @property
    def on_disk(self) -> int:
        """Bytes of the file."""
        return self._written

    def extend(self, first: int, data: bytes, kept: Kept | None, *, packed: bool) -> None:
        """Add the records of the next rows.

        Args:
            first: the first of the rows.
            data: records as :func:`gathered` made them, and as :meth:`Packer.packed` did where `packed`.
            kept: which of the records they are, where not all of them.
            packed: whether `data` is packed.
        """
        with self._lock:
            self._bundles.append(_Bundle(first, kept, data, packed))
            self._firsts.append(first)
            self._in_memory += len(data)
            self._loose = 0 if packed else self._loose + len(data)
            if self._loose >= BUNDLE:
                self._tie()
            while self._in_memory > self._memory and self._spilled < len(self._bundles):
                self._spill(self._bundles[self._spilled])
                self._spilled += 1

    def _tie(self) -> None:
        """Pack the small bundles at the end into one: what comes live comes a few events at a time."""
        at = len(self._bundles)
        while at > self._spilled and not self._bundles[at - 1].packed:
            at -= 1
        small, self._loose = self._bundles[at:], 0
        parts = [_decoder.decode(bundle.data) for bundle in small]
        merged = Records(
            b"".join(part.lengths for part in parts),
            [one for part in parts for one in part.digests or [""] * len(part.sizes())],
            b"".join(chain.from_iterable(part.each() for part in parts)),
        )
        kept: list[npt.NDArray[np.int32]] = []
        before = 0
        for bundle, part in zip(small, parts, strict=True):
            count = len(part.sizes())
            own = np.arange(count, dtype=np.int32) if bundle.kept is None else bundle.kept
            kept.append(own + np.int32(before))
            before += count
        data = self._packer.packed(_encoder.encode(merged))
        self._bundles[at:] = [_Bundle(small[0].first, np.concatenate(kept), data, True)]
        self._firsts[at:] = [small[0].first]
        self._in_memory += len(data) - sum(len(bundle.data) for bundle in small)
        for bundle in small:
            self._unpacked.pop(bundle.first, None)

    def raw(self, row: int) -> bytes:
        """Return a row's record.

        Raises:
            RawLost: it could not be kept, or not be read again.
        """
        found, place = self._find(row)
        end = int(found.ends[place])
        return found.records.body[end - int(found.records.sizes()[place]) : end]

    def digest(self, row: int) -> str:
        """Return the SHA-256 of what the source sent, where it is not the record's own; else ``""``. Raises RawLost."""
        found, place = self._find(row)
        return found.records.digests[place] if found.records.digests else ""

    def close(self) -> None:
        """Forget all records, the key and the file."""
        with self._lock:
            self._closed = True
            self._bundles, self._firsts, self._in_memory = [], [], 0
            self._unpacked.clear()
            self._cipher = None
            if self._file is not None:
                self._file.close()
                self._file = None

    def _find(self, row: int) -> tuple[_Unpacked, int]:
        with self._lock:
            if self._closed:
                raise RawLost("The raw record is gone: this account was closed.", "Open it again.")
            bundle = self._bundles[bisect.bisect_right(self._firsts, row) - 1]
            place = row - bundle.first
            found = self._unpacked.pop(bundle.first, None) or self._unpack(bundle)
            self._unpacked[bundle.first] = found
            while len(self._unpacked) > _UNPACKED:
                self._unpacked.popitem(last=False)
        return found, place if bundle.kept is None else int(bundle.kept[place])

    def _unpack(self, bundle: _Bundle) -> _Unpacked:
        if bundle.lost:
            raise RawLost(bundle.lost, "Read the source again.")
        data = bundle.data or self._read(bundle)
        records = self._packer.unpacked(data) if bundle.packed else _decoder.decode(data)
        return _Unpacked(records.ends(), records)

    def _spill(self, bundle: _Bundle) -> None:
        """Move a bundle from memory to the file; where that cannot be, its records are lost and say why."""
        # Used once with this key, also where writing fails (NIST SP 800-38D, 8.2.1: a counter).
        nonce, self._nonce = self._nonce.to_bytes(12, "big"), self._nonce + 1
        try:
            file, cipher = self._opened()
            data = cipher.encrypt(nonce, bundle.data, None)
            file.seek(self._written)
            _write(file, data)
            bundle.filed = (self._written, len(data), nonce)
            self._written += len(data)
        except OSError as error:
            why = error.strerror or type(error).__name__
            bundle.lost = f"The raw record could not be kept on this machine's disk ({why})."
        self._in_memory -= len(bundle.data)
        bundle.data = b""

    def _read(self, bundle: _Bundle) -> bytes:
        from cryptography.exceptions import InvalidTag

        if bundle.filed is None or self._file is None or self._cipher is None:
            raise RawLost("The raw record was never kept.", "Read the source again.")
        offset, length, nonce = bundle.filed
        try:
            self._file.seek(offset)
            return self._cipher.decrypt(nonce, self._file.read(length), None)
        except (OSError, InvalidTag) as error:
            what = "The raw record cannot be read from this machine's disk any more."
            raise RawLost(what, "Read the source again.") from error

    def _opened(self) -> tuple[IO[bytes], AESGCM]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if self._file is None or self._cipher is None:
            # No name, or mode 0600 for the moment in which it has one (tempfile); no buffer that could be lost.
            self._file = tempfile.TemporaryFile(buffering=0, dir=self._directory)  # noqa: SIM115 - closed by close()
            self._cipher = AESGCM(self._entropy(32))
        return self._file, self._cipher


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all of `data`. An unbuffered file may take a part of it at a time, as one does that becomes full."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
