"""The journal of drafts: what was acknowledged is there, whatever happened since."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE_TEXTS
from workstation.services import drafts as module
from workstation.services.clock import FrozenClock
from workstation.services.drafts import Draft, Drafts
from workstation.services.errors import Invalid, Refused, WorkstationError

KEY = bytes(range(32))
NOW = datetime(2026, 3, 1, 6, 12, 40, 123456, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "drafts" / "ana.k"


@pytest.fixture
def drafts(directory: Path) -> Drafts:
    return Drafts(directory, KEY, FrozenClock(NOW))


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != ".lock")


def test_what_is_saved_is_loaded_also_by_the_next_start(drafts: Drafts, directory: Path) -> None:
    assert drafts.load(48213, "mail") == ""
    drafts.save(48213, "mail", "Dear Maria,")
    drafts.save(48213, "mail", "Dear Maria, we")
    drafts.save(48213, "note", "odd device")
    assert drafts.load(48213, "mail") == "Dear Maria, we"
    again = Drafts(directory, KEY, FrozenClock(NOW))
    assert again.load(48213, "mail") == "Dear Maria, we"
    assert files(directory) == ["48213-mail.draft", "48213-note.draft"]


def test_all_lists_the_newest_first_and_discard_forgets(directory: Path) -> None:
    clock = FrozenClock(NOW)
    drafts = Drafts(directory, KEY, clock)
    drafts.save(1, "mail", "a")
    clock.move(timedelta(seconds=1))
    drafts.save(2, "note", "b")
    assert drafts.all() == (Draft(2, "note", "b", NOW + timedelta(seconds=1)), Draft(1, "mail", "a", NOW))
    drafts.discard(2, "note")
    drafts.discard(2, "note")
    assert drafts.load(2, "note") == ""
    assert [draft.case for draft in drafts.all()] == [1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200) | st.sampled_from(sorted(HOSTILE_TEXTS.values())))
def test_any_text_comes_back_as_it_was(drafts: Drafts, text: str) -> None:
    drafts.save(1, "mail", text)
    assert drafts.load(1, "mail") == text


def test_nobody_reads_it_on_the_disk(drafts: Drafts, directory: Path) -> None:
    drafts.save(1, "mail", "the client's secret " * 5)
    drafts.save(1, "mail", "the client's secret " * 5)
    content = (directory / "1-mail.draft").read_bytes()
    assert b"secret" not in content
    assert (directory.stat().st_mode & 0o777, (directory / "1-mail.draft").stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_same_text_is_never_sealed_the_same_twice(drafts: Drafts, directory: Path) -> None:
    drafts.save(1, "mail", "text")
    first = (directory / "1-mail.draft").read_bytes()
    drafts.save(1, "mail", "text")
    assert (directory / "1-mail.draft").read_bytes()[8:20] != first[8:20]


@pytest.mark.parametrize("move", ["case", "kind", "person"])
def test_a_draft_in_anothers_place_does_not_open(drafts: Drafts, directory: Path, move: str) -> None:
    drafts.save(1, "mail", "for Maria")
    home, name = directory, {"case": "2-mail", "kind": "1-note", "person": "1-mail"}[move]
    if move == "person":
        home = directory.with_name("joao.p")
        home.mkdir(mode=0o700)
    (directory / "1-mail.draft").rename(home / f"{name}.draft")
    case, _, kind = name.partition("-")
    other = Drafts(home, KEY, FrozenClock(NOW))
    assert other.load(int(case), kind) == ""
    assert other.broken() == (f"{name}.draft.broken",)


def damaged(sealed: bytes) -> list[bytes]:
    return [
        b"",
        sealed[:7],
        sealed[:20],
        sealed[:-1],
        sealed + b"x",
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
        b"foreign" * 9,
    ]


def test_torn_and_foreign_files_are_kept_aside_and_named(drafts: Drafts, directory: Path) -> None:
    drafts.save(1, "mail", "text")
    sealed = (directory / "1-mail.draft").read_bytes()
    for content in damaged(sealed):
        (directory / "1-mail.draft").write_bytes(content)
        assert drafts.load(1, "mail") == ""
    names = drafts.broken()
    assert sorted((directory / name).read_bytes() for name in names) == sorted(damaged(sealed))
    drafts.save(1, "mail", "new text")
    assert drafts.load(1, "mail") == "new text"
    assert drafts.broken() == names


def test_a_broken_one_does_not_hide_the_others(drafts: Drafts, directory: Path) -> None:
    drafts.save(1, "mail", "a")
    drafts.save(2, "mail", "b")
    (directory / "1-mail.draft").write_bytes(b"torn")
    (directory / "notes.txt").write_text("not ours")
    assert [draft.text for draft in drafts.all()] == ["b"]
    assert drafts.broken() == ("1-mail.draft.broken",)
    assert "notes.txt" in files(directory)


def test_another_key_opens_nothing_and_loses_nothing(drafts: Drafts, directory: Path) -> None:
    drafts.save(1, "mail", "text")
    assert Drafts(directory, bytes(32), FrozenClock(NOW)).load(1, "mail") == ""
    (directory / "1-mail.draft.broken").rename(directory / "1-mail.draft")
    assert drafts.load(1, "mail") == "text"


def test_a_link_in_a_drafts_place_is_not_followed(drafts: Drafts, directory: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (directory / "1-mail.draft").symlink_to(precious)
    assert drafts.load(1, "mail") == ""
    (directory / "1-mail.writing").symlink_to(precious)
    with pytest.raises(WorkstationError):
        drafts.save(1, "mail", "text")
    assert precious.read_text() == "mine"


def test_a_directory_that_is_a_link_is_refused_and_an_open_one_is_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    Drafts(home, KEY, FrozenClock(NOW))
    assert home.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(Refused):
        Drafts(tmp_path / "link", KEY, FrozenClock(NOW))
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkstationError):
        Drafts(tmp_path / "file", KEY, FrozenClock(NOW))


@pytest.mark.parametrize(("case", "kind"), [(-1, "mail"), (1, "../mail"), (1, ""), (1, "Mail"), (10**18, "mail")])
def test_names_cannot_leave_the_directory(drafts: Drafts, case: int, kind: str) -> None:
    for call in (drafts.load, drafts.discard, lambda c, k: drafts.save(c, k, "x")):
        with pytest.raises(Invalid):
            call(case, kind)


def test_a_key_of_another_length_is_refused(directory: Path) -> None:
    with pytest.raises(Invalid):
        Drafts(directory, b"short", FrozenClock(NOW))


def test_a_text_without_end_is_refused_and_the_one_before_kept(drafts: Drafts) -> None:
    drafts.save(1, "mail", "text")
    with pytest.raises(Invalid):
        drafts.save(1, "mail", "x" * (module.LARGEST + 1))
    assert drafts.load(1, "mail") == "text"


@pytest.mark.parametrize("failing", ["fsync", "open"])
def test_a_full_disk_is_said_and_the_draft_before_is_intact(
    drafts: Drafts, directory: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    drafts.save(1, "mail", "before")
    original: Callable[..., int] = getattr(os, failing)

    def full(*args: object, **kwargs: object) -> int:
        if failing == "fsync" or str(args[0]).endswith(".writing"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(WorkstationError, match="No space left") as caught:
            drafts.save(1, "mail", "after")
    assert "Free some space" in caught.value.hint
    assert drafts.load(1, "mail") == "before"
    assert files(directory) == ["1-mail.draft"]


def test_a_really_full_disk(tmp_path: Path) -> None:
    """A process that may write no larger file is refused by the kernel in the middle of the write."""
    code = """
import resource, signal, sys
from pathlib import Path
from datetime import UTC, datetime
from workstation.services.clock import FrozenClock
from workstation.services.drafts import Drafts
from workstation.services.errors import WorkstationError
drafts = Drafts(Path(sys.argv[1]), bytes(range(32)), FrozenClock(datetime(2026, 3, 1, tzinfo=UTC)))
drafts.save(1, "mail", "before")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    drafts.save(1, "mail", "after " * 10_000)
except WorkstationError as error:
    print(error.sentence(), drafts.load(1, "mail"), sep="|")
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "d")], capture_output=True, text=True, check=True)
    sentence, _, kept = done.stdout.strip().partition("|")
    assert "could not be saved" in sentence
    assert kept == "before"
    assert files(tmp_path / "d") == ["1-mail.draft"]


def test_kill_9_while_saving_loses_nothing_that_was_acknowledged(directory: Path) -> None:
    code = """
import sys
from pathlib import Path
from workstation.services.clock import SystemClock
from workstation.services.drafts import Drafts
drafts = Drafts(Path(sys.argv[1]), bytes(range(32)), SystemClock())
number = 0
while True:
    number += 1
    drafts.save(1, "mail", f"{number} " + "text " * 2_000)
    print(number, flush=True)
"""
    for round_number in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            for _ in range(3 + round_number):
                process.stdout.readline()
            process.kill()
            said = process.stdout.read().splitlines()
        acknowledged = 3 + round_number + sum(line.isdigit() for line in said)
        drafts = Drafts(directory, KEY, FrozenClock(NOW))
        kept = drafts.load(1, "mail")
        # The last one may have been saved and not yet been acknowledged.
        assert int(kept.split()[0]) in (acknowledged, acknowledged + 1)
        assert kept.endswith("text ")
        assert drafts.broken() == ()


def test_processes_that_save_at_once_do_not_tear_each_others_files(directory: Path) -> None:
    code = """
import sys
from pathlib import Path
from workstation.services.clock import SystemClock
from workstation.services.drafts import Drafts
drafts = Drafts(Path(sys.argv[1]), bytes(range(32)), SystemClock())
for _ in range(40):
    drafts.save(1, "mail", sys.argv[2] * 5_000)
    assert set(drafts.load(1, "mail")) in ({"a"}, {"b"})
"""
    running = [subprocess.Popen([sys.executable, "-c", code, str(directory), letter]) for letter in "ab"]
    assert [process.wait() for process in running] == [0, 0]
    drafts = Drafts(directory, KEY, FrozenClock(NOW))
    assert drafts.load(1, "mail")[:1] in ("a", "b")
    assert drafts.broken() == ()


def test_the_cipher_is_loaded_only_when_it_is_needed() -> None:
    code = "import sys, workstation.services.drafts; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
