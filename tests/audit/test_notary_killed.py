"""The notary killed at every step of a checkpoint: never two words for one size, never a torn file, and it goes on."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.audit.conftest import forget, work
from tests.audit.mortal_notary import checkpoint
from tests.audit.office import ORIGIN, SEED, Desk, Office
from tests.rules.installation import Installation
from workstation.services.audit.journal import JOURNAL, Journal
from workstation.services.audit.notes import Signer
from workstation.services.audit.offline import load, tree_head

pytestmark = pytest.mark.long


def everything_said(ws: Installation, directory: Path) -> dict[int, set[bytes]]:
    """Return every root that anybody has for each size: both sinks, the notary's disk, the witness, the store."""
    said: dict[int, set[bytes]] = {}
    for file in [*directory.rglob("*.checkpoint")]:
        text = file.read_text()
        note = text.partition("\n\n")[2] if text.startswith("workstation-checkpoint") else text
        _, size, root = tree_head(note.rpartition("\n\n")[0] + "\n")
        said.setdefault(size, set()).add(root)
    for size, root in ws.su.execute("SELECT size, root FROM wsd.checkpoint"):
        said.setdefault(size, set()).add(bytes(root))
    return said


def test_killed_at_every_step(ws: Installation, tmp_path: Path) -> None:
    conninfo, steps = ws.conninfo("ws_notary"), tmp_path / "steps"
    seen: set[str] = set()
    at = 0
    while True:
        at += 1
        place = tmp_path / str(at)
        forget(ws)
        witness = Desk(place / "witness", [Signer(ORIGIN, SEED).key])
        try:
            work(ws, "ana", times=1)
            assert checkpoint(place, conninfo, witness.url, steps) == 0
            work(ws, "ana", times=1)
            steps.write_text("")
            code = checkpoint(place, conninfo, witness.url, steps, at)
            if code == 0:
                break
            assert code == -9
            seen.add(steps.read_text().splitlines()[-1])
            if at % 3 == 0:  # killed once more while it comes back, at the same distance from its start
                assert checkpoint(place, conninfo, witness.url, steps, at) in (0, -9)
            work(ws, "ana", times=1)
            healthy = Office(place, conninfo, witness)
            healthy.notary.checkpoint()
            assert healthy.journal.size in (2, 3)
            found, problems = load([place / "worm"], healthy.keys)
            assert [c.size for c in found] == list(range(1, healthy.journal.size + 1))
            assert problems == []
            contents = [
                {f.read_bytes() for f in files} for files in zip(healthy.files(), healthy.files("auditor"), strict=True)
            ]
            assert {len(both) for both in contents} == {1}
            said = everything_said(ws, place)
            assert sorted(said) == [c.size for c in found]
            assert {len(roots) for roots in said.values()} == {1}
            healthy.close()
        finally:
            witness.close()
        shutil.rmtree(place)
    assert at > 25
    assert {f"{side} {step}" for side in ("before", "after") for step in ("fsync", "link", "cosign", "tell")} <= seen


def test_a_line_that_was_cut_anywhere_was_never_signed(ws: Installation, office: Office, tmp_path: Path) -> None:
    for _ in range(2):
        work(ws, "ana", times=1)
        assert office.notary.checkpoint() is not None
    whole = (office.directory / "state" / JOURNAL).read_bytes()
    first = len(whole.splitlines(keepends=True)[0])
    for cut in range(first, len(whole), 97):
        state = tmp_path / hashlib.sha256(b"%d" % cut).hexdigest()[:8]
        state.mkdir()
        (state / JOURNAL).write_bytes(whole[:cut])
        journal = Journal(state)
        assert journal.size == 1
        assert (state / JOURNAL).read_bytes() == whole[:first]
        journal.close()


@pytest.mark.parametrize("step", ["worm", "auditor"])
def test_a_full_disk_stops_it_and_nothing_is_lost(ws: Installation, office: Office, step: str) -> None:
    sink = office.directory / step
    sink.write_text("a file where a directory should be")
    with pytest.raises(OSError, match=step):
        office.notary.checkpoint()
    sink.unlink()
    signed = office.notary.checkpoint()
    assert signed is None or signed.size == 1
    assert [len(office.files(name)) for name in ("worm", "auditor")] == [1, 1]
    assert office.notary.checkpoint() is None
