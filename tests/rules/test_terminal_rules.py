"""Rules of the terminal: what is copied is on record first, and one terminal at a time is elevated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.installation import Installation, answer, installation


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(Path(tmp_path_factory.mktemp("terminal"))) as made:
        yield made


def test_a_copy_is_on_record_by_kind_and_length(store: Installation) -> None:
    case = store.case("AA-copy")
    ana = store.connect("ana")
    assert answer(ana, "SELECT ws.copied(%s, 'source.ip', 11)", case) == {"ok": True}
    row = store.su.execute(
        "SELECT event, outcome, object, payload FROM wsd.audit WHERE chain = 'ana' ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    assert row[:3] == ("copied", "ok", f"CS-{case}")
    assert '"source.ip"' in str(row[3])
    assert "11" in str(row[3])


def test_a_copy_of_what_one_may_not_see_is_refused(store: Installation) -> None:
    other = store.case("AA-other", "B")
    assert answer(store.connect("ana"), "SELECT ws.copied(%s, 'x', 1)", other) == "DENIED:unknown"


@pytest.mark.parametrize("what", ["", "maria@proton.me", "x" * 61, None])
def test_the_record_of_a_copy_cannot_carry_the_text(store: Installation, what: str | None) -> None:
    assert answer(store.connect("ana"), "SELECT ws.copied(NULL, %s, 5)", what) == "DENIED:copy_malformed"


@pytest.mark.parametrize("length", [0, -1, 100_001, None])
def test_the_length_of_a_copy_is_one(store: Installation, length: int | None) -> None:
    assert answer(store.connect("ana"), "SELECT ws.copied(NULL, 'x', %s::int)", length) == "DENIED:copy_malformed"


def test_stepping_up_on_a_second_terminal_ends_the_first(store: Installation) -> None:
    store.reset_factors()
    first, second = store.connect("david"), store.connect("david")
    assert store.step_up(first) == "ok"
    assert answer(first, "SELECT ws.elevation()")["on"] is True
    assert store.step_up(second) == "ok"
    assert answer(first, "SELECT ws.elevation()") == {"on": False}
    assert answer(second, "SELECT ws.elevation()")["on"] is True


def test_a_second_login_of_the_same_person_is_a_second_terminal(store: Installation) -> None:
    store.reset_factors()
    first, second = store.connect("david"), store.connect("david2")
    assert store.step_up(first) == "ok"
    assert store.step_up(second) == "ok"
    assert answer(first, "SELECT ws.elevation()") == {"on": False}


def test_somebody_else_ends_nothing(store: Installation) -> None:
    store.reset_factors()
    first, second = store.connect("david"), store.connect("erika")
    assert store.step_up(first) == "ok"
    assert store.step_up(second) == "ok"
    assert answer(first, "SELECT ws.elevation()")["on"] is True
