"""Eight writers append while the audit is walked, exported and signed: nothing is reported that is not there."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.audit.office import Office
from tests.rules.installation import PEOPLE, Installation
from workstation.services.audit import chains
from workstation.services.audit.export import export
from workstation.services.audit.offline import Walk, anchors, load, read_export
from workstation.services.audit.verify import verify

pytestmark = pytest.mark.long

WRITERS = [*PEOPLE, "ana", "ben"][:8]


@pytest.fixture
def writers(ws: Installation) -> Iterator[list[int]]:
    """Have eight logins append, and now and then roll back, until the test is over; yields how often each did."""
    stop, counts = threading.Event(), [0] * len(WRITERS)
    seen = threading.Barrier(len(WRITERS) + 1)

    def write(number: int, login: str) -> None:
        with psycopg.connect(ws.conninfo(login), autocommit=True) as connection:
            while not stop.is_set():
                with connection.transaction(force_rollback=counts[number] % 7 == 3):
                    connection.execute("SELECT ws.copied(NULL, 'a value', 12)")
                counts[number] += 1
                if counts[number] == 5:
                    seen.wait(20)

    threads = [threading.Thread(target=write, args=(n, login)) for n, login in enumerate(WRITERS)]
    for thread in threads:
        thread.start()
    seen.wait(20)  # every one of them is at it
    yield counts
    stop.set()
    for thread in threads:
        thread.join()


def test_no_false_alarm(ws: Installation, writers: list[int], office: Office, tmp_path: Path) -> None:
    before = sum(writers)
    sizes = []
    for _ in range(6):
        signed = office.notary.checkpoint()
        assert signed is not None
        sizes.append(signed.records)
        found, problems = load([office.directory / "worm"], office.keys)
        assert problems == []
        report = verify(ws.conninfo("gus"), checkpoints=found)
        assert report.problems == ()
        assert report.events > signed.records
        out = io.BytesIO()
        count = export(ws.conninfo("gus"), out)
        walk = Walk(anchors(found))
        out.seek(0)
        tables = read_export(out, walk, lambda done: None)
        walk.end((row["chain"], int(row["seq"]), row["hash"]) for row in tables["audit_head"])
        assert walk.problems == []
        assert walk.events == count
    assert sizes == sorted(set(sizes))
    assert sum(writers) > before


def test_records_may_come_in_any_order(ws: Installation) -> None:
    """A hole that a rollback left is filled by a later record, so a table's own order is not the records'."""
    ws.su.execute("VACUUM wsd.audit")
    with psycopg.connect(ws.conninfo("gus")) as connection:
        chains.snapshot(connection)
        records = list(chains.records(connection))
    forwards, backwards, cut = Walk(), Walk(), Walk()
    for record in records:
        forwards.take(record)
    for record in reversed(records):
        backwards.take(record)
    longest = max(forwards.heads, key=lambda chain: forwards.heads[chain][0]).encode()
    for record in reversed(records):
        if (record[0], record[1]) != (longest, b"2"):
            cut.take(record)
    for walk in (forwards, backwards, cut):
        walk.end()
    assert forwards.problems == backwards.problems == []
    assert forwards.heads == backwards.heads == cut.heads
    assert [(p.chain.encode(), p.seq, p.what) for p in cut.problems] == [(longest, 3, "a gap: 2 was expected")]
