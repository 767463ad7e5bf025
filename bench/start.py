"""The first frame, beside an empty Textual app in the same run, in turns."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from bench.rows import Row
from bench.terminal import first_paint_ms

RUNS = 9


def measure() -> list[Row]:
    """Return the medians of the first frame of both, measured in turns."""
    empty = [sys.executable, str(Path(__file__).with_name("empty_app.py"))]
    ours, floor = [], []
    with tempfile.TemporaryDirectory() as home:
        # No settings there: the frame is painted before anything is connected.
        tool = str(Path(sys.executable).with_name("workstation"))
        product = ["env", f"XDG_CONFIG_HOME={home}", tool, "run"]
        for turn in range(RUNS + 1):
            a, b = first_paint_ms(product, "Queue"), first_paint_ms(empty, "ready")
            if turn:  # the first turn warms the caches
                ours.append(a)
                floor.append(b)
    ratio = statistics.median(ours) / statistics.median(floor)
    return [
        {
            "name": "first frame",
            "value": statistics.median(ours),
            "unit": "ms",
            "budget": "≤ 300",
            "beside": {"empty Textual app": statistics.median(floor)},
        },
        {"name": "first frame / empty app", "value": ratio, "unit": "×", "budget": "≤ 1.3", "beside": {}},
    ]
