"""Run every measurement and write ``build/bench.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench import audit, fetch, fetch_clickhouse, mapping, marks, queries, reader, start, store, timeline_keys, working
from bench.rows import Row

PARTS = {
    "fetch": fetch.measure,
    "fetch_clickhouse": fetch_clickhouse.measure,
    "start": start.measure,
    "store": store.measure,
    "audit": audit.measure,
    "reader": reader.measure,
    "mapping": mapping.measure,
    "working": working.measure,
    "queries": queries.measure,
    "marks": marks.measure,
    "timeline_keys": timeline_keys.measure,
}


def main() -> int:
    """Run the parts that the command line names, or all; print a table."""
    chosen = sys.argv[1:] or list(PARTS)
    rows: list[Row] = []
    for name in chosen:
        rows += PARTS[name]()
    width = max(len(r["name"]) for r in rows)
    for row in rows:
        beside = ", ".join(f"{k} {v:,.1f}" for k, v in row["beside"].items())
        print(f"{row['name']:{width}}  {row['value']:>10,.1f} {row['unit']:<6} budget {row['budget']:<10} {beside}")
    target = Path(__file__).parents[1] / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
