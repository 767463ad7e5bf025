"""Snapshots lie in ``snapshots/`` at the top, a folder for each file of tests."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest_textual_snapshot

ROOT = Path(__file__).resolve().parent.parent


def _dirname(cls: type, *, test_location: object) -> str:
    return str(ROOT / "snapshots" / Path(test_location.filepath).stem)  # type: ignore[attr-defined]


# An app makes many objects that stay: looking through them for garbage took two fifths of the time of the face's tests.
gc.set_threshold(50_000, 50, 100)

pytest_textual_snapshot.SVGImageExtension.dirname = classmethod(_dirname)
