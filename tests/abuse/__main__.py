"""``make abuse``: the twenty abuse cases, and where each was stopped, as a table; then every other attack by layer.

``python -m tests.abuse --all`` names the other attacks, too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

CASES = {
    1: "A Level 1 approves and claims in psql",
    2: "A senior approves the own request",
    3: "The same person approves with a second login",
    4: "Who gathered the evidence is promoted and approves",
    5: "Two seniors approve for each other",
    6: "The approver is shown another act",
    7: "Evidence is added after request and approval",
    8: "The account changes after the approval",
    9: "Eight claims at once; the broker is killed in between",
    10: "The approver is disabled before the release",
    11: "A late approval from an old transaction",
    12: "Codes are guessed with ROLLBACK, and used twice",
    13: "Elevation from a second connection, after suspend, after idle",
    14: "A lead asks for the client's own lock to be removed, by break-glass",
    15: "A factor reset after a SIM swap; the client says no",
    16: "A Level 1 opens 31 accounts in an hour and exports everything",
    17: "Hostile texts in every widget of a real terminal",
    18: "A formula in a CSV; an address that looks like the client's",
    19: "A superuser edits, cuts and recomputes the audit",
    20: "A poisoned keyring, a forged notice, a held lock, a disabled person",
}
#: Where the other attacks are, and what stops them.
OTHERS = {
    "tests/rules": "database",
    "tests/people": "database and broker",
    "tests/reading": "reader and database",
    "tests/audit": "audit, notary, verifier",
    "tests/vault": "vault",
    "tests/faults": "broker and courier, killed",
}


class Table:
    """Collects what came of each attack."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, bool, str]] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            layer = str(dict(report.user_properties).get("layer", ""))
            self.rows.append((report.nodeid, report.passed, layer))
            print("." if report.passed else "!", end="", file=sys.stderr, flush=True)


def run(*where: str) -> Table:
    """Run the attacks of some folders."""
    table = Table()
    pytest.main(["-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider", "-m", "not real", *where], [table])
    print(file=sys.stderr)
    return table


def twenty(table: Table) -> int:
    """Print the numbered cases; return how many were not stopped."""
    through = 0
    for number, title in CASES.items():
        mine = [row for row in table.rows if re.search(rf"::test_{number:02}[a-z]?_", row[0])]
        stopped = bool(mine) and all(passed for _, passed, _ in mine)
        through += not stopped
        layers = "; ".join(dict.fromkeys(layer for _, _, layer in mine if layer)) or "–"
        print(f"{number:>3}  {'stopped' if stopped else 'THROUGH'}  {title:<68} {layers}")
    return through


def others(root: Path, name_them: bool) -> int:
    """Print what became of all other attacks; return how many were not stopped."""
    folders = [folder for folder in OTHERS if (root / folder).is_dir()]
    table = run(*(str(root / folder) for folder in folders))
    for folder in folders:
        mine = [row for row in table.rows if folder in row[0]]
        stopped = sum(passed for _, passed, _ in mine)
        print(f"     {stopped:>4} of {len(mine):<4} stopped by {OTHERS[folder]} ({folder})")
        for name, passed, _ in mine:
            if name_them or not passed:
                print(
                    f"          {'stopped' if passed else 'THROUGH'}  {name.rpartition('::test_')[2].replace('_', ' ')}"
                )
    return sum(not passed for _, passed, _ in table.rows)


def main() -> int:
    """Attack; exit code 1 when anything got through."""
    root = Path(__file__).parents[2]
    through = twenty(run(str(root / "tests" / "abuse")))
    print()
    through += others(root, "--all" in sys.argv)
    print(f"\n{through} got through" if through else "\nnothing got through")
    return 1 if through else 0


if __name__ == "__main__":
    sys.exit(main())
