"""Marks: how often they are right, and how long they take.

Precision and recall are of accounts, by time alone: a takeover counts as found when a mark of that severity ends no
earlier than a day before its beginning (an insider looks before anything begins), in the other histories within the
last ten days; what such an account was marked for earlier counts neither way. An innocent account counts as accused by
any mark of that severity, whenever. No rule was changed for a seed from :data:`FIRST_SEED` on. There are more innocents
than takeovers in every set; precision falls further where takeovers are rarer than here, so the share of innocents that
are accused stands beside it.

A third set, :mod:`bench.strangers`, is of raw records of vendors, written by another hand than the rules.

``python -m bench.marks`` prints the tables of the documentation.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.histories import INNOCENT, NOW_US, STORIES, STYLES, TAKEOVERS, history
from bench.rows import Row
from bench.strangers import measure as strangers
from workstation.sandbox.confusion import AT_US
from workstation.sandbox.generate import generate
from workstation.services.clock import parse_instant, to_micros
from workstation.services.connectors.logs.contract import read_event
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import Unmapped, map_line
from workstation.services.timeline.marks.finder import find
from workstation.services.timeline.marks.model import SEVERITIES, Finding
from workstation.services.timeline.marks.rulebook import Rulebook, load
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder

#: Below it, seeds were looked at while rules were written: up to 20 of the exchange, up to 5 of the other histories.
FIRST_SEED, SEEDS = 101, 12
MILLION = 1_000_000
DATA = Path(os.environ.get("WORKSTATION_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
#: What a log may not say, and the attributes that are then empty.
LACKING: dict[str, tuple[str, ...]] = {
    "whole": (),
    "without devices": ("device",),
    "without places": ("country", "city", "location"),
    "without operators": ("asn", "as_org"),
    "without sessions": ("session",),
    "addresses alone": ("device", "user_agent", "country", "city", "location", "asn", "as_org", "session"),
}


class Case(NamedTuple):
    """An account, the moment for which it is looked at, and the truth: whether and since when it is taken over."""

    name: str
    events: list[Event]
    now_us: int
    hostile: bool
    began_us: int


class Judged(NamedTuple):
    """What was found in a case."""

    case: Case
    findings: tuple[Finding, ...]

    def worst(self) -> int:
        """Return the place of the worst severity among :data:`SEVERITIES`; -1: nothing found.

        In a takeover, what lies before its beginning is an accusation of the owner, and counts for nothing.
        """
        some = (f for f in self.findings if not self.case.hostile or f.at_us >= self.case.began_us)
        return max((SEVERITIES.index(finding.severity) for finding in some), default=-1)

    def rules(self) -> set[str]:
        """Return the rules that found something that counts."""
        return {f.rule for f in self.findings if not self.case.hostile or f.at_us >= self.case.began_us}


def sandbox(seeds: range, lacking: tuple[str, ...] = ()) -> Iterator[Case]:
    """Yield the accounts of simulated exchanges."""
    for seed in seeds:
        for client in generate(seed, 1, AT_US):
            read = (read_event(msgspec.json.encode(record), "sandbox") for record in client.events)
            events = [msgspec.structs.replace(e, raw=b"", **dict.fromkeys(lacking, "")) for e in read if e is not None]
            began = client.truth["began_at"]
            since = to_micros(parse_instant(began)) - 86_400_000_000 if began else 0
            yield Case(client.truth["scenario"], events, AT_US, bool(client.truth["hostile"]), since)


def histories(seeds: range, style: str) -> Iterator[Case]:
    """Yield histories of the other kind: every story once a seed, innocent ones more often."""
    for seed in seeds:
        for story in STORIES:
            life = history(story, seed)
            yield Case(story, life.events(style), NOW_US, life.bad, NOW_US - 10 * 86_400_000_000 if life.bad else 0)


def judged(cases: Iterator[Case], book: Rulebook) -> list[Judged]:
    """Return what the rules find in each case. Raises RuntimeError: a rule failed."""
    out = []
    for case in cases:
        found = find(WorkingSet.of(case.events).snapshot(), case.now_us, book.rules)
        if found.failed:
            raise RuntimeError(str(found.failed))
        out.append(Judged(case, found.findings))
    return out


def _row(name: str, value: float, unit: str, budget: str, **beside: float) -> Row:
    return {"name": name, "value": value, "unit": unit, "budget": budget,
            "beside": {key.replace("_", " "): number for key, number in beside.items()}}  # fmt: skip


def _share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def summary(name: str, some: list[Judged], budget: str = "") -> list[Row]:
    """Return precision and recall of ``high``, and of ``high`` and ``medium`` together."""
    bad, good = [j for j in some if j.case.hostile], [j for j in some if not j.case.hostile]
    rows = []
    for word, least in (("high", 2), ("medium or high", 1)):
        right, wrong = (sum(j.worst() >= least for j in part) for part in (bad, good))
        rows.append(
            _row(
                f"marks, {name}: {word}, precision",
                _share(right, right + wrong),
                "%",
                budget if least == 2 else "",
                recall=_share(right, len(bad)),
                innocents_accused=_share(wrong, len(good)),
                takeovers=len(bad),
                innocents=len(good),
            )
        )
    return rows


def by_rule(some: list[Judged]) -> list[Row]:
    """Return of each rule how often the account was taken over when it spoke, and in how many takeovers it did."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for j in some:
        for rule in j.rules():
            counts[rule][j.case.hostile] += 1
    bad, good = (sum(j.case.hostile is truth for j in some) for truth in (True, False))
    return [
        _row(f"marks, rule {rule}: precision", _share(right, right + wrong), "%", "",
             recall=_share(right, bad), innocents_accused=_share(wrong, good))
        for rule, (wrong, right) in sorted(counts.items(), key=lambda item: -_share(item[1][1], sum(item[1])))
    ]  # fmt: skip


def by_scenario(some: list[Judged]) -> list[Row]:
    """Return in how many accounts of each scenario the worst mark is ``high``, and ``medium``."""
    counts: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for j in some:
        counts[not j.case.hostile, j.case.name].append(j.worst())
    return [
        _row(f"marks, {'innocent' if good else 'takeover'} {name}: high", _share(worst.count(2), len(worst)), "%", "",
             medium=_share(worst.count(1), len(worst)), accounts=len(worst))
        for (good, name), worst in sorted(counts.items())
    ]  # fmt: skip


def outside(book: Rulebook) -> list[Row]:
    """Return what is found in others' records, where they are at hand."""
    if not (DATA / "invictus-cloudtrail.jsonl.gz").is_file():
        return []
    with gzip.open(DATA / "invictus-cloudtrail.jsonl.gz") as lines:
        attack = [event for line in lines if not isinstance(event := map_line("cloudtrail", line), Unmapped)]
    found = find(WorkingSet.of(attack).snapshot(), attack[-1].time_us, book.rules).findings
    severities = [finding.severity for finding in found]
    rows = [_row("marks, an outside attack on AWS: rules that point to it", len({f.rule for f in found}), "", "≥ 5",
                 events=len(attack), high=severities.count("high"), medium=severities.count("medium"))]  # fmt: skip
    return rows + _panther(book)


def _panther(book: Rulebook) -> list[Row]:
    """Single records that another project's rules must not match: nothing here may be an alarm."""
    sources = {"AWS.CloudTrail": "cloudtrail", "Okta.SystemLog": "okta", "Auth0.Events": "auth0",
               "GSuite.ActivityEvent": "google", "GSuite.Reports": "google", "Azure.Audit": "entra"}  # fmt: skip
    worst: dict[bool, list[int]] = {True: [], False: []}
    for line in (DATA / "panther-identity-tests.jsonl").read_text().splitlines():
        record = json.loads(line)
        event = map_line(sources.get(record["log_type"], "ecs"), json.dumps(record["log"]).encode())
        if record["log_type"] in sources and not isinstance(event, Unmapped):
            found = find(WorkingSet.of([event]).snapshot(), event.time_us, book.rules).findings
            worst[record["rule_should_match"]].append(max((SEVERITIES.index(f.severity) for f in found), default=-1))
    quiet, meant = worst[False], worst[True]
    return [_row("marks, single records that others call harmless: high", quiet.count(2), "", "0",
                 records=len(quiet), medium=quiet.count(1), meant_to_match=len(meant),
                 of_these_marked=sum(w >= 0 for w in meant))]  # fmt: skip


def million() -> float:
    """Return the seconds that all rules take over a million events of one restless account, in this process."""
    encoded = _million_events()
    frame, book = encoded.snapshot(), load()
    begin = time.perf_counter()
    find(frame, NOW_US, book.rules)
    return time.perf_counter() - begin


def _million_events() -> WorkingSet:
    """Return all stories end to end, again and again, as one account: every few weeks another life and intruder."""
    lives = [history(story, seed).events("full") for seed in range(4) for story in STORIES]
    working, encoder, count, end = WorkingSet(raws=False), Encoder(), 0, NOW_US
    for number in range(MILLION):
        life = lives[number % len(lives)]
        back = end - life[-1].time_us
        end -= life[-1].time_us - life[0].time_us + 60_000_000
        mark = f"-{number}"
        shifted = [msgspec.structs.replace(e, id=e.id + mark, session=e.session and e.session + mark,
                                           time_us=e.time_us + back) for e in life]  # fmt: skip
        working.append(encoder.encode(shifted[: MILLION - count]))
        count += len(shifted)
        if count >= MILLION:
            break
    return working


def measure() -> list[Row]:
    """Return all of it, and the time in a niced process."""
    book = load()
    rows: list[Row] = []
    held = range(FIRST_SEED, FIRST_SEED + SEEDS)
    whole: list[Judged] = []
    for name, lacking in LACKING.items():
        some = judged(sandbox(held if name == "whole" else range(FIRST_SEED, FIRST_SEED + 4), lacking), book)
        whole = whole or some
        rows += summary(f"simulated exchange, {name}", some, "≥ 90" if name == "whole" else "")
    rows += by_scenario(whole)
    others: list[Judged] = []
    for style in STYLES:
        some = judged(histories(held, style), book)
        others += some
        rows += summary(f"other histories, log “{style}”", some, "≥ 90" if style == "full" else "")
    rows += by_rule(whole + others)
    rows += strangers.rows(strangers.measured(strangers.HELD, book))
    rows += outside(book)
    ours = [sys.executable, "-m", "bench.marks", "million"]
    seconds = float(subprocess.run(["nice", *ours], check=True, capture_output=True, text=True).stdout)
    rows.append(_row("marks of a million events, niced", seconds, "s", "≤ 5", rules=len(book.rules)))
    return rows


def main(words: list[str]) -> int:
    """Print the seconds for a million events, or the table of the documentation."""
    if words == ["million"]:
        print(million())
        return 0
    for row in measure():
        beside = ", ".join(f"{name} {value:.0f}" for name, value in row["beside"].items())
        print(f"| {row['name'].removeprefix('marks, ')} | {row['value']:.1f} {row['unit']} | {beside} |")
    return 0


assert len(INNOCENT) >= len(TAKEOVERS)
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
