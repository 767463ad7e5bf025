"""Each rule proves itself by the examples in its own file."""

from __future__ import annotations

import pytest

from tests.marks.given import found
from workstation.services.timeline.marks.rulebook import load

BOOK = load()
BY_ID = {rule.about.id: rule for rule in BOOK.rules}
EXAMPLES = [(name, example) for name, examples in BOOK.examples.items() for example in examples]


def test_every_shipped_rule_can_be_used_and_has_examples() -> None:
    assert BOOK.problems == ()
    assert set(BOOK.examples) == {rule.about.id for rule in BOOK.rules if rule.about.kind == "sigma"}
    assert len(BOOK.digest) == 32


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=lambda value: getattr(value, "name", value))
def test_example(name: str, example: object) -> None:
    answer = found(example.events, BY_ID[name])  # type: ignore[attr-defined]
    assert answer.failed == ()
    assert bool(answer.findings) is example.fires  # type: ignore[attr-defined]
    for finding in answer.findings:
        assert finding.why and "{" not in finding.why and finding.rows
