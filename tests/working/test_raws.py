"""Raw records: in memory, on disk, damaged, lost, gone at the end."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.working.events import event
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder
from workstation.services.timeline.working.raws import BUNDLE, RawLost

SECRET = b"what the client wrote "


def records(count: int, size: int = 2_000) -> list[bytes]:
    rng = random.Random(3)
    return [SECRET + rng.randbytes(size) for _ in range(count)]


def spilled(raws: list[bytes], directory: Path, page: int = 50) -> WorkingSet:
    working, encoder = WorkingSet(raw_memory=0, directory=directory), Encoder()
    for first in range(0, len(raws), page):
        some = raws[first : first + page]
        working.append(encoder.encode([event(str(first + n), n, raw=raw) for n, raw in enumerate(some)]))
    return working


def test_what_does_not_fit_into_memory_is_read_back_from_a_file_without_a_name(tmp_path: Path) -> None:
    raws = records(300)
    working = spilled(raws, tmp_path)
    assert working.raws is not None
    assert working.raws.on_disk > sum(map(len, raws))
    assert working.raws.nbytes == 0
    assert list(tmp_path.iterdir()) == []
    order = list(range(len(raws)))
    random.Random(4).shuffle(order)
    assert all(working.raw(row) == raws[row] for row in order)
    assert working.sha256(7) == hashlib.sha256(raws[7]).hexdigest()
    working.close()
    working.close()
    with pytest.raises(RawLost, match="closed"):
        working.raw(0)
    assert working.peek(0).id == "0"


def test_only_as_much_as_was_said_stays_in_memory(tmp_path: Path) -> None:
    working, encoder = WorkingSet(raw_memory=300_000, directory=tmp_path), Encoder()
    raws = records(500)
    for first in range(0, 500, 50):
        some = enumerate(raws[first : first + 50])
        working.append(encoder.encode([event(str(first + n), raw=raw) for n, raw in some]))
        assert working.raws is not None
        assert working.raws.nbytes <= 300_000
    assert [working.raw(row) for row in range(500)] == raws
    working.close()


def test_the_file_does_not_show_what_is_in_it(tmp_path: Path) -> None:
    working = spilled([b"plain text " * 20_000 + SECRET] * 3, tmp_path, page=1)
    assert working.raws is not None
    assert working.raws._file is not None
    descriptor = working.raws._file.fileno()
    assert os.fstat(descriptor).st_mode & 0o777 == 0o600
    assert os.fstat(descriptor).st_nlink == 0
    content = os.pread(descriptor, working.raws.on_disk, 0)
    assert len(content) == working.raws.on_disk
    assert SECRET not in content
    # The same record three times is another text each time.
    third = len(content) // 3
    assert len({content[:third], content[third : 2 * third], content[2 * third :]}) == 3
    working.close()


def test_a_changed_byte_loses_its_bundle_and_no_other(tmp_path: Path) -> None:
    raws = records(300)
    working = spilled(raws, tmp_path, page=100)
    assert working.raws is not None
    assert working.raws._file is not None
    descriptor = working.raws._file.fileno()
    byte = os.pread(descriptor, 1, 1_000)
    os.pwrite(descriptor, bytes([byte[0] ^ 1]), 1_000)
    with pytest.raises(RawLost, match="cannot be read"):
        working.raw(5)
    assert working.peek(5).id == "5"
    assert working.raw(150) == raws[150]
    os.ftruncate(descriptor, working.raws.on_disk - 10)
    with pytest.raises(RawLost, match="cannot be read"):
        working.raw(299)
    working.close()


def test_a_full_disk_loses_raw_records_and_nothing_else(tmp_path: Path) -> None:
    """A limit of the file's size stands in for the disk's: the operating system refuses in the same way."""
    raws = records(300)
    had = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, had[1]))
        working = spilled(raws, tmp_path, page=100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, had)
        signal.signal(signal.SIGXFSZ, before)
    assert len(working) == 300
    assert working.raw(0) == raws[0]
    with pytest.raises(RawLost, match=os.strerror(errno.EFBIG)):
        working.raw(250)
    assert working.peek(250).id == "250"
    working.close()


def test_a_directory_that_is_not_there_loses_raw_records_and_nothing_else(tmp_path: Path) -> None:
    working = spilled(records(300), tmp_path / "nowhere")
    with pytest.raises(RawLost, match=os.strerror(errno.ENOENT)):
        working.raw(0)
    assert len(working) == 300


def test_single_events_that_come_live_are_packed_together(tmp_path: Path) -> None:
    working, encoder = WorkingSet(), Encoder()
    raws = [b"%d the same words all the time " % n * 20 for n in range(1_000)]
    for number, raw in enumerate(raws):
        name = str(number - number % 7)  # most of them are there already
        working.append(encoder.encode([event(name, number, raw=raw, digest="ab" * 32 if number % 2 else "")]))
        assert working.raw(len(working) - 1) == raws[number - number % 7]
    assert working.raws is not None
    assert working.raws.nbytes < BUNDLE + sum(map(len, raws)) // 10
    firsts = [number for number in range(1_000) if number % 7 == 0]
    assert [working.raw(row) for row in range(len(working))] == [raws[number] for number in firsts]
    assert [working.event(row).digest for row in range(len(firsts))] == ["ab" * 32 if n % 2 else "" for n in firsts]


def test_a_killed_process_leaves_nothing_behind(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from tests.working.test_raws import records, spilled
working = spilled(records(300), Path(sys.argv[1]))
print(working.raws.on_disk, flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        process.kill()
    assert list(tmp_path.iterdir()) == []
