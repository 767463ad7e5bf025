"""What one measurement is."""

from __future__ import annotations

from typing import TypedDict


class Row(TypedDict):
    """A row of the table: value beside its budget, and beside what others take for the same."""

    name: str
    value: float
    unit: str
    budget: str
    beside: dict[str, float]
