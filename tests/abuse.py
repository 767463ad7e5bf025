"""``make abuse``: every attack on the rules, and where it was stopped, as a table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

#: Where the attacks of a module are stopped.
LAYERS = {
    "test_psql": "database: rights",
    "test_flow": "database: rules",
    "test_stepup": "broker and database",
    "test_stopping_others": "database: locks",
    "test_broker": "broker: reconcile",
    "test_verify": "audit: chains and heads",
    "test_desk": "desk: errors",
}


class Table:
    """Collects what came of each attack."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, bool]] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            module, _, name = report.nodeid.rpartition("tests/rules/")[2].partition(".py::")
            attack = name.removeprefix("test_").replace("_", " ")
            self.rows.append((LAYERS.get(module, module), attack, report.passed))


def main() -> int:
    """Run the attacks and print the table; exit code 1 when one got through."""
    table = Table()
    where = str(Path(__file__).parent / "rules")
    code = pytest.main(["-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider", where], [table])
    width = max((len(layer) for layer, _, _ in table.rows), default=0)
    for number, (layer, attack, stopped) in enumerate(table.rows, 1):
        print(f"{number:>4}  {'stopped' if stopped else 'THROUGH'}  {layer:{width}}  {attack}")
    through = sum(not stopped for _, _, stopped in table.rows)
    print(f"{len(table.rows) - through} passed, {through} failed")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
