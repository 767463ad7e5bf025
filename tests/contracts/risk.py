"""What every RiskReader does."""

from __future__ import annotations

import pytest

from workstation.services.accounts.ports import RiskReader
from workstation.services.connectors.risk.contract import within_scale
from workstation.services.errors import Invalid, SourceError, SourceMissing


class UnscoredContract:
    """What holds even where nobody has a score. Subclasses give the fixtures `engine` and `unscored` (an id)."""

    async def test_no_data_is_none_and_never_zero(self, engine: RiskReader, unscored: str) -> None:
        try:
            assert (await engine.risk(unscored)).score is None
        except SourceMissing as error:
            assert error.what

    @pytest.mark.parametrize("hostile", ["../accounts", "..", "a/b"])
    async def test_a_hostile_id_is_nobody(self, engine: RiskReader, unscored: str, hostile: str) -> None:
        try:
            assert (await engine.risk(hostile)).score is None
        except (SourceError, Invalid) as error:
            assert error.what


class RiskContract(UnscoredContract):
    """Subclasses give the fixtures `engine`, `scored` and `unscored` (ids)."""

    async def test_a_score_lies_within_its_scale(self, engine: RiskReader, scored: str) -> None:
        risk = await engine.risk(scored)
        assert risk.score is not None
        assert risk.scale
        assert within_scale(risk)
        assert risk.computed_at is not None and risk.computed_at.tzinfo is not None
