"""Snapshots lie in ``snapshots/`` at the top, a folder for each file of tests."""

from __future__ import annotations

from pathlib import Path

import pytest_textual_snapshot

ROOT = Path(__file__).resolve().parent.parent


def _dirname(cls: type, *, test_location: object) -> str:
    return str(ROOT / "snapshots" / Path(test_location.filepath).stem)  # type: ignore[attr-defined]


pytest_textual_snapshot.SVGImageExtension.dirname = classmethod(_dirname)
