"""What others expect of the same records: where we differ, it was looked at, and the documents say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mapping.outside import ABSENT, AGREE, FIELDS, STREAMS, THEIRS_EMPTY, measure, table

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "mapping.md").read_text()
needs_packages = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)


@needs_packages
@pytest.mark.parametrize("source", sorted(STREAMS))
def test_every_difference_was_looked_at(source: str) -> None:
    measured = measure(source)
    differing = {field for field, kind in measured.counts if kind not in (AGREE, THEIRS_EMPTY)}
    unexplained = [field for field in sorted(differing) if f"| {source} | `{field}` |" not in DOCUMENT]
    assert not unexplained
    assert measured.records > measured.unmapped


@needs_packages
def test_the_table_is_the_measured_one() -> None:
    assert table() in DOCUMENT


def test_the_document_explains_no_field_that_is_not_compared() -> None:
    rows = [line.split("|")[1:3] for line in DOCUMENT.splitlines() if line.count("|") == 4 and line.startswith("| ")]
    explained = [(source.strip(), field.strip(" `")) for source, field in rows if source.strip() in STREAMS]
    assert explained
    assert {field for _, field in explained} <= set(FIELDS)
