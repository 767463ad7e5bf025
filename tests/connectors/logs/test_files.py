"""Evidence files as a source."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.connectors.wire import surroundings
from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import from_micros
from workstation.services.connectors.logs import file_records
from workstation.services.connectors.logs.files import FileEvents
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.connectors.logs.runs import Runs
from workstation.services.errors import Invalid, SourceMissing
from workstation.services.timeline.batch import Batch
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Span
from workstation.settings import FilesSettings, LogSettings, MappingSettings

BEGAN = 1_767_225_600_000_000
DAY = 86_400_000_000
ME, OTHER = "AA71N84G", "AA02K11P"
SPAN = Span(BEGAN, BEGAN + 30 * DAY)


def rows() -> list[dict[str, Any]]:
    rng = random.Random(3)
    times = [BEGAN + rng.randrange(30 * DAY) for _ in range(80)] + [BEGAN + 3 * DAY] * 20
    made = [
        {
            "@timestamp": from_micros(at).isoformat().replace("+00:00", "Z"),
            "event.id": f"{who}-{number:03}",
            "event.action": "sign_in",
            "user.id": who,
            "note": 'a "quoted", text\nin two lines',
        }
        for who in (ME, OTHER)
        for number, at in enumerate(times)
    ]
    rng.shuffle(made)
    return made


ROWS = rows()
MINE = frozenset(row["event.id"] for row in ROWS if row["user.id"] == ME)
MIDDLE = BEGAN + 3 * DAY
STORY = Story(
    account=ME,
    span=SPAN,
    ids=MINE,
    part=Span(BEGAN, MIDDLE),
    part_ids=frozenset(
        row["event.id"]
        for row in ROWS
        if row["user.id"] == ME and row["@timestamp"][:19] < from_micros(MIDDLE).isoformat()[:19]
    ),
    nobody="ZZ00Z00Z",
)


def lines(some: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in some)


def table(some: list[dict[str, Any]]) -> bytes:
    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    head = ",".join(some[0])
    return "\n".join([head, *(",".join(map(cell, row.values())) for row in some)]).encode()


def source(path: Path, page: int = 13, run: int = 1_000, **chosen: Any) -> FileEvents:
    return FileEvents("evidence", FilesSettings(path=str(path), **chosen), MappingSettings(), page, run)


WRITERS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "a.ndjson": lines,
    "a.json": lambda some: json.dumps(some).encode(),
    "a.csv": table,
    "a.ndjson.gz": lambda some: gzip.compress(lines(some)),
    "a.csv.gz": lambda some: gzip.compress(table(some)),
    "a.zst": lambda some: zstandard.compress(lines(some)),
    "two-frames.csv.zst": lambda some: (
        zstandard.compress(table(some)[:5_000]) + zstandard.compress(table(some)[5_000:])
    ),
}


@pytest.mark.parametrize("name", WRITERS)
class TestFiles(EventSourceContract):
    @pytest.fixture
    def story(self) -> Story:
        return STORY

    @pytest.fixture
    def source(self, name: str, tmp_path: Path) -> FileEvents:
        (tmp_path / name).write_bytes(WRITERS[name](ROWS))
        return source(tmp_path / name)


class TestFolder(EventSourceContract):
    """Overlapping exports in several files, of which some lie deeper."""

    @pytest.fixture
    def story(self) -> Story:
        return STORY

    @pytest.fixture
    def source(self, tmp_path: Path) -> FileEvents:
        (tmp_path / "deep").mkdir()
        (tmp_path / "one.ndjson").write_bytes(lines(ROWS[:120]))
        (tmp_path / "deep" / "two.json.gz").write_bytes(gzip.compress(json.dumps(ROWS[80:]).encode()))
        (tmp_path / "notes.txt").write_text("not evidence")
        return source(tmp_path, pattern="**/*.*js*")

    async def test_a_file_never_passes_for_a_log(self, source: FileEvents) -> None:
        assert {event.source for event in events(await read(source, ME, SPAN))} == {"file:evidence"}

    async def test_says_from_when_to_when_the_files_reach(self, source: FileEvents) -> None:
        (page, *_) = await read(source, ME, Span(0, BEGAN + 60 * DAY))
        assert page.covers is not None
        assert BEGAN <= page.covers.since_us < BEGAN + 2 * DAY < page.covers.until_us <= BEGAN + 30 * DAY

    async def test_everything_may_be_about_the_account(self, tmp_path: Path, source: FileEvents) -> None:
        everything = FilesSettings(path=str(tmp_path), pattern="**/*.*js*", whole=True)
        made = FileEvents("evidence", everything, MappingSettings())
        assert len(events(await read(made, "anybody", SPAN))) == len(ROWS)


async def test_what_cannot_be_read_is_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"{}\nnonsense\n" + lines(ROWS))
    (tmp_path / "b.gz").write_bytes(gzip.compress(lines(ROWS))[:-50])
    (tmp_path / "c.zst").write_bytes(zstandard.compress(lines(ROWS))[:-20])
    (tmp_path / "d.zst").write_bytes(zstandard.compress(lines(ROWS)) + b"something else")
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(table(ROWS))[:-50])
    pages = await read(source(tmp_path), ME, SPAN)
    assert {event.id for event in events(pages)} == MINE
    assert all(page.partial for page in pages)
    for said in (
        "b.gz: ",
        "c.zst: ",
        "d.zst: ",
        "e.csv.gz: ",
        "2 records could not be read (the first: a.ndjson, record 1)",
    ):
        assert said in pages[0].why


async def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside.ndjson").write_bytes(lines(ROWS))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "in.ndjson").symlink_to(tmp_path / "outside.ndjson")
    with pytest.raises(SourceMissing):
        await read(source(tmp_path / "folder"), ME, SPAN)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
async def test_a_bomb_is_left_early(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_records, "_HARMLESS", 1_000_000)
    (tmp_path / "bomb").write_bytes(pack(lines(ROWS) + b" " * 30_000_000))
    (page, *rest) = await read(source(tmp_path / "bomb", page=5_000), ME, SPAN)
    assert not rest and {event.id for event in page.events} == MINE
    assert "far more than a log would" in page.why


@pytest.mark.parametrize("path", ["nowhere", "", "a\0b"])
async def test_a_file_that_is_not_there_is_said(tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceMissing) as caught:
        await read(source(tmp_path / path), ME, SPAN)
    assert caught.value.hint


def test_a_source_without_a_path_is_refused() -> None:
    with pytest.raises(Invalid):
        source_of(LogSettings(name="evidence", kind="files"), "", surroundings())


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=60), st.integers(0, 400), st.integers(1, 9))
def test_runs_give_newest_first_and_those_of_a_moment_as_they_came(times: list[int], run: int, size: int) -> None:
    runs = Runs(run)
    made = [Event(id=str(n), time_us=at, source="s", action="a", raw=b"x" * 20) for n, at in enumerate(times)]
    for begin in range(0, len(made), size):
        runs.add(Batch.of(made[begin : begin + size]))
    expected = sorted(made, key=lambda event: -event.time_us)
    for _ in range(2):
        given = list(runs.newest_first())
        assert [event for batch in given for event in batch] == expected
        # A moment is in one batch: whoever reads leaves out what it has twice.
        assert all(one.times[-1] > two.times[0] for one, two in pairwise(given))
    assert len(runs) == len(made)
    runs.close()


def test_nothing_readable_is_on_the_disk() -> None:
    runs = Runs(10)
    for number in range(50):
        runs.add(Batch.of([Event(id="secret-id", time_us=number, source="s", action="a", raw=b"in the clear")]))
    assert runs.on_disk and runs._file is not None
    runs._file.seek(0)
    written = runs._file.read()
    assert b"secret" not in written and b"clear" not in written
    runs.close()
