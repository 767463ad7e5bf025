"""The rulebook: the shipped rules and a team's own, and what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from workstation.services.timeline.marks.rulebook import SHIPPED, load

OWN = """
title: Ours
name: {name}
logsource: {{product: account}}
detection:
  one: {{event.action: x}}
  condition: one
level: low
x-workstation:
  why: Something happened.
  innocent: It happens.
  tests:
    - {{name: hit, fires: true, events: [{{event.action: x}}]}}
    - {{name: miss, fires: false, events: [{{event.action: y}}]}}
"""


def test_a_teams_rules_come_beside_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "ours.yml").write_text(OWN.format(name="ours"))
    book, shipped = load(tmp_path), load()
    assert {r.about.id for r in book.rules} - {r.about.id for r in shipped.rules} == {"ours"}
    assert book.problems == () and book.digest != shipped.digest and book.examples["ours"]


def test_a_teams_rule_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(OWN.format(name="newcomer_acts"))
    book = load(tmp_path)
    (rule,) = [rule for rule in book.rules if rule.about.id == "newcomer_acts"]
    assert rule.about.title == "Ours" and len(book.rules) == len(load().rules)


def test_the_digest_is_of_what_decides(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(OWN.format(name="ours"))
    first = load(tmp_path)
    assert load(tmp_path).digest == first.digest and first.version == first.digest.hex()[:12]
    (tmp_path / "a.yml").write_text(OWN.format(name="ours").replace("level: low", "level: high"))
    assert load(tmp_path).digest != first.digest


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yml", b"\xff\xfe", "it is not UTF-8"),
        ("a.yml", b"- 1\n- 2\n", "It is no rule"),
        ("a.yml", b"[" * 1_500, "nested too deep"),
        ("a.yml", b"#" * 300_000, "too large"),
        ("a.yml", b"title: x\nname: abc\ncorrelation: 3\nlevel: low\n", "no Sigma rule"),
        ("a.yml", b"title: x\nname: abc\ndetection: 7\nlogsource: 9\nlevel: low\n", "no Sigma rule"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_problem_and_no_more(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "b.yml").write_text(OWN.format(name="ours"))
    book = load(tmp_path)
    assert len(book.problems) == 1 and said in book.problems[0].sentence()
    assert book.problems[0].file == name and "ours" in {rule.about.id for rule in book.rules}


def test_two_rules_of_one_name_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(OWN.format(name="ours"))
    (tmp_path / "b.yml").write_text(OWN.format(name="ours"))
    assert "in a.yml too" in load(tmp_path).problems[0].sentence()


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "no such directory" in load(tmp_path / "nowhere").problems[0].sentence()


def test_every_rule_says_what_it_is() -> None:
    book = load()
    ids = [rule.about.id for rule in book.rules]
    assert len(ids) == len(set(ids)) and len(ids) > 40
    for rule in book.rules:
        assert rule.about.title and rule.about.innocent and rule.about.severity in ("low", "medium", "high")
    assert all(path.suffix == ".yml" for path in SHIPPED.iterdir())
