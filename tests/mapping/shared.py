"""Where the outside data lie, if they are there: beside the repository, or where an environment variable says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("WORKSTATION_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")

needs_data = pytest.mark.skipif(
    not (DATA / "panther-identity-tests.jsonl").is_file(),
    reason="the outside event sets are not beside this checkout (WORKSTATION_SHARED_DATA names their directory)",
)
