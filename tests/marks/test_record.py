"""A rule's record: few judgements say little, many wrong ones lower what it finds, nothing is ever left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.services.timeline.marks.model import SEVERITIES, Finding
from workstation.services.timeline.marks.record import ENOUGH, lowered, standing, weighed


def test_the_band_is_wilsons() -> None:
    # E. B. Wilson's interval for 15 of 20 at 95 %, as R's prop.test(15, 20, correct = FALSE) gives it.
    record = standing(15, 5)
    assert (round(record.low, 4), round(record.high, 4)) == (0.5313, 0.8881)
    assert record.sentence() == "Right in 15 of 20 judged cases (53% to 89% with 95 % confidence)."


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_band_holds_the_share(right: int, wrong: int) -> None:
    record = standing(right, wrong)
    assert 0 <= record.low <= record.high <= 1
    if right + wrong:
        assert record.low <= record.share + 1e-12 and record.share - 1e-12 <= record.high


@pytest.mark.parametrize(
    ("right", "wrong", "kept"),
    [
        (0, 0, "high"), (0, ENOUGH - 1, "high"), (0, ENOUGH, "medium"), (6, 6, "high"), (8, 24, "medium"),
        (1, 40, "low"), (40, 1, "high"),
    ],
)  # fmt: skip
def test_severity_falls_with_wrong_judgements(right: int, wrong: int, kept: str) -> None:
    assert lowered("high", standing(right, wrong)) == kept


@given(st.sampled_from(SEVERITIES), st.integers(0, 60), st.integers(0, 60))
def test_severity_never_rises_and_never_vanishes(severity: str, right: int, wrong: int) -> None:
    assert SEVERITIES.index(lowered(severity, standing(right, wrong))) <= SEVERITIES.index(severity)


def test_fewer_than_none_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer"):
        standing(-1, 0)


def test_what_was_lowered_says_so_and_goes_behind_the_others() -> None:
    class Records:
        def of(self, rule: str) -> tuple[int, int]:
            return (1, 40) if rule == "bad" else (0, 0)

    def finding(rule: str) -> Finding:
        return Finding(
            rule=rule, title="t", severity="high", why="w", innocent="-", rows=(0,), count=1, first_us=0, at_us=0
        )

    bad, good = weighed([finding("bad"), finding("good")], Records())[::-1]
    assert (good.rule, good.severity, good.facts) == ("good", "high", ())
    assert (bad.rule, bad.severity) == ("bad", "low")
    assert bad.facts[-1].text.startswith("Lowered from high: this rule was mostly judged wrong. Right in 1 of 41")
