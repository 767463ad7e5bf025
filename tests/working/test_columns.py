"""The working set beside a list of events: nothing is lost, nothing is there twice, nothing that was seen changes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings

from tests.working.events import PAGES, Pages, each_once, event, filled
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.working import known
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Block, Encoder
from workstation.services.timeline.working.frame import Frame
from workstation.services.timeline.working.raws import RawLost


@settings(max_examples=60, deadline=None)
@given(pages=PAGES)
def test_every_event_is_there_once_as_it_came_and_in_order(pages: Pages) -> None:
    working = filled(pages)
    rows = each_once(pages)
    assert [working.event(row) for row in range(len(working))] == [one for _, one in rows]
    assert working.duplicates == sum(len(events) for _, events in pages) - len(rows)
    order = sorted(range(len(rows)), key=lambda row: (-rows[row][1].time_us, rows[row][0], row))
    assert working.order().tolist() == order
    assert working.times().tolist() == [one.time_us for _, one in rows]
    assert working.ingested().tolist() == [one.ingested_us for _, one in rows]
    for row, (_, one) in enumerate(rows):
        assert working.find(one.source, one.id) == row
        assert working.sha256(row) == one.sha256
    assert working.find("log", "nobody") is None
    working.close()


@settings(max_examples=40, deadline=None)
@given(pages=PAGES)
def test_codes_stand_for_the_values_of_every_field(pages: Pages) -> None:
    working, rows = filled(pages), each_once(pages)
    frame: Frame = working
    for field in FIELDS:
        values, codes = frame.values(field), frame.codes(field)
        assert [values[int(code)] for code in codes] == [one.value(field) for _, one in rows]
        assert values[0] == ""
    with pytest.raises(KeyError):
        frame.codes("no.such.field")


@settings(max_examples=40, deadline=None)
@given(pages=PAGES, more=PAGES)
def test_a_snapshot_stays_as_it_was_whatever_comes_in(pages: Pages, more: Pages) -> None:
    working, encoder = WorkingSet(), Encoder()
    for feed, events in pages:
        working.append(encoder.encode(events, feed))
    before, columns = working.snapshot(), {}
    for field in FIELDS:
        columns[field] = (before.codes(field), before.codes(field).copy())
    times, said = before.times(), before.times().tolist()
    order = working.order() if len(pages) % 2 else None  # asked for before or after the rest comes
    listed = None if order is None else order.tolist()
    for feed, events in more:
        working.append(encoder.encode(events, feed))
    assert times.tolist() == said
    assert all((held == copy).all() for held, copy in columns.values())
    assert len(before) == len(before.order()) == len(said)
    assert sorted(before.order().tolist()) == list(range(len(said)))
    assert order is None or order.tolist() == listed
    with pytest.raises(ValueError, match="read-only"):
        times[:1] = 1


def test_many_blocks_in_any_order_of_time_come_into_order() -> None:
    rng = np.random.default_rng(5)
    working, encoder, all_times = WorkingSet(raws=False), Encoder(), []
    for number in range(60):
        times = rng.integers(0, 5_000, 1_000)
        all_times += times.tolist()
        working.append(encoder.encode([event(f"{number}-{n}", int(t)) for n, t in enumerate(times)], number % 3))
        if number % 20 == 7:
            assert len(working.order()) == len(working)
    keys = [(-time, row // 1_000 % 3, row) for row, time in enumerate(all_times)]
    assert working.order().tolist() == sorted(range(len(keys)), key=keys.__getitem__)


def test_ids_of_equal_hash_are_still_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def same(data: bytes, ends: np.ndarray, sources: np.ndarray) -> np.ndarray:
        return np.full(len(ends), 7, np.uint32)

    monkeypatch.setattr("workstation.services.timeline.working.columns.hashes_of", same)
    pages = [(0, [event(f"{n % 5}", n, f"log{n % 3}") for n in range(start, start + 9)]) for start in (0, 4, 30)]
    working, rows = filled(pages), each_once(pages)
    assert [working.peek(row).id for row in range(len(working))] == [one.id for _, one in rows]
    assert [working.find(one.source, one.id) for _, one in rows] == list(range(len(rows)))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 63, 191, 192, 193, 400])
def test_a_hash_does_not_depend_on_the_company(length: int) -> None:
    ids = [b"x" * length, b"y" * 3, b"z" * 250, b"w" * length + b"!"]
    data = b"".join(one + b"\xff" for one in ids)
    sources = np.full(len(ids), 2, np.uint8)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0xFF)
    together = known.hashes_of(data, ends, sources)
    alone = [known.hashes_of(one + b"\xff", np.array([len(one)]), sources[:1])[0] for one in ids]
    assert together.tolist() == alone
    assert len(set(alone)) == len(ids)


def test_codes_widen_as_values_come() -> None:
    working, encoder = WorkingSet(raws=False), Encoder()
    widths = []
    for first, last in ((0, 200), (200, 300), (300, 70_000)):
        working.append(encoder.encode([event(str(n), n, device=f"d{n}") for n in range(first, last)]))
        widths.append(working.codes("device.id").itemsize)
    assert widths == [1, 2, 4]
    assert [working.peek(row).device for row in (0, 250, 299, 69_999)] == ["d0", "d250", "d299", "d69999"]
    assert working.codes("session.id").itemsize == 1


def test_a_full_one_takes_no_more_and_says_so() -> None:
    working, encoder = WorkingSet(limit_events=5), Encoder()
    assert working.append(encoder.encode([event(str(n), n) for n in range(4)])) == 4
    assert not working.full
    assert working.append(encoder.encode([event(str(n), n) for n in range(2, 9)])) == 1
    assert (len(working), working.full, working.left_out, working.duplicates) == (5, True, 4, 2)
    assert working.append(encoder.encode([event("99", 9)])) == 0
    assert working.left_out == 5
    assert [working.event(row).id for row in range(5)] == ["0", "1", "2", "3", "4"]


def test_memory_is_a_limit_too() -> None:
    working, encoder = WorkingSet(limit_memory=500_000), Encoder()
    numbers = iter(range(1000))
    while not working.full:
        number = next(numbers)
        working.append(encoder.encode([event(f"{number}-{n}", n) for n in range(1000)]))
    assert 500_000 <= working.memory < 2_000_000
    assert len(working) % 1000 == 0


def test_blocks_come_one_after_the_other_and_whole() -> None:
    working, encoder = WorkingSet(), Encoder()
    first, second = encoder.encode([event("1")]), encoder.encode([event("2", device="d")])
    with pytest.raises(ValueError, match="where 0 was due"):
        working.append(second)
    working.append(first)
    values = Block.from_bytes(second.to_bytes())
    values.columns["device.id"] = type(values.columns["device.id"])(b"", 0, b"\x09\0\0\0", 0)
    with pytest.raises(ValueError, match="no value"):
        working.append(values)


@settings(max_examples=40, deadline=None)
@given(pages=PAGES)
def test_several_encoders_write_for_one_working_set(pages: Pages) -> None:
    encoders = [Encoder(stream) for stream in (4, 0, 9)]
    working, rows = WorkingSet(), each_once(pages)
    for feed, events in pages:
        working.append(Block.from_bytes(encoders[feed].encode(events, feed).to_bytes()))
    assert [working.event(row) for row in range(len(working))] == [one for _, one in rows]
    for field in FIELDS:
        values = working.values(field)
        if field != "event.id":
            assert len({values[code] for code in range(len(values))}) == len(values)
        assert [values[int(code)] for code in working.codes(field)] == [one.value(field) for _, one in rows]


def test_each_encoder_has_its_own_next_block() -> None:
    working, one, other = WorkingSet(), Encoder(1), Encoder(2)
    working.append(one.encode([event("1")]))
    other.encode([event("lost")])
    with pytest.raises(ValueError, match="where 0 was due"):
        working.append(other.encode([event("2")]))
    assert working.append(one.encode([event("3")])) == 1


def test_a_lone_surrogate_and_an_impossible_time_are_taken_in() -> None:
    working = WorkingSet.of([event("\ud800", 10**30, device="\udcff"), event("b", -(10**30))])
    assert (working.peek(0).id, working.peek(0).device) == ("\\ud800", "\\udcff")
    assert [working.peek(row).to_ecs()["@timestamp"][:4] for row in (0, 1)] == ["9999", "0001"]
    assert working.find("log", "\ud800") == 0


def test_without_raw_records_the_rest_is_there() -> None:
    working = WorkingSet(raws=False)
    working.append(Encoder().encode([event("1", raw=b"x")]))
    assert working.peek(0) == event("1")
    with pytest.raises(RawLost):
        working.event(0)
    with pytest.raises(IndexError):
        working.peek(1)
    with pytest.raises(IndexError):
        working.peek(-1)


def test_one_asks_while_another_appends() -> None:
    working, encoder = WorkingSet(raws=False), Encoder()
    blocks = [encoder.encode([event(f"{b}-{n}", b * n % 97, device=f"{b}") for n in range(50)]) for b in range(200)]
    appending = threading.Thread(target=lambda: [working.append(block) for block in blocks])
    appending.start()
    seen = 0
    while appending.is_alive() or seen < len(working):
        frame = working.snapshot()
        seen = len(frame)
        wanted = frame.values("device.id").containing("1")
        assert len(wanted[frame.codes("device.id")]) == seen == len(frame.times()) == len(frame.order())
    appending.join()
    assert seen == 10_000


def test_an_event_of_everything_comes_back() -> None:
    values = {attribute: f"{attribute} é" for attribute in FIELDS.values() if attribute != "outcome"}
    one = Event(**values, time_us=1_700_000_000_000_001, ingested_us=2, raw=b"\xff\0", digest="0" * 64)
    assert WorkingSet.of([one]).event(0) == one
