"""Walking the audit's chains in the store: every gap, broken link, changed record and orphaned act is named.

The audit is a hash chain per login (``rules/10_core.sql``, ``wsd.log``). A chain that somebody recomputed whole, or cut
together with its head, is found only by what is kept elsewhere: the notary's checkpoints, or heads written down by
hand. The walk itself is :mod:`workstation.services.audit.offline`, which also verifies without the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg

from workstation.services.audit import chains, policy
from workstation.services.audit.offline import Acts, Checkpoint, Heads, Problem, Walk, anchors, genesis

__all__ = ["Heads", "Problem", "Report", "genesis", "verify"]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk found.

    `heads` can be kept elsewhere and given to a later walk; `partial` when some chains were hidden from this login.
    """

    events: int
    chains: int
    problems: tuple[Problem, ...]
    heads: Heads
    partial: bool = False


def verify(
    conninfo: str,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    heads: Heads | None = None,
    checkpoints: Sequence[Checkpoint] = (),
) -> Report:
    """Walk every chain that this login may read, as it stood in one moment.

    A million records take about ten seconds on two cores: the store streams while this process hashes.

    Args:
        conninfo: libpq connection string; an auditor's sees all chains, an analyst's the own one.
        on_progress: records done and their estimated total, now and then.
        heads: chain → (sequence, hash) that were kept elsewhere.
        checkpoints: signed ones, verified already.

    Raises:
        psycopg.Error: the store cannot be read.
    """
    kept = [(chain, seq, hash_, "the heads were kept") for chain, (seq, hash_) in (heads or {}).items()]
    walk = Walk([*kept, *anchors(checkpoints)])
    with psycopg.connect(conninfo, autocommit=False) as connection:
        chains.snapshot(connection)
        total = _one(
            connection, "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'wsd.audit'::regclass"
        )
        for record in chains.records(connection):
            walk.take(record)
            if not walk.events % chains.TICK:
                on_progress(walk.events, max(total, walk.events))
        whole = bool(_one(connection, "SELECT pg_has_role(current_user, 'ws_auditor', 'member')::int"))
        walk.end(((c, *head) for c, head in chains.heads(connection).items()) if whole else None)
        if whole:
            _acts(connection, walk)
    found = walk.heads
    return Report(events=walk.events, chains=len(found), problems=tuple(walk.problems), heads=found, partial=not whole)


def _acts(connection: psycopg.Connection[Any], walk: Walk) -> None:
    """Acts must be told by the audit: a row without its record was written past the functions."""
    rows = chains.tables(connection)
    for problem in Acts(walk.acts).problems(rows["request"], rows["approval"], rows["execution"]):
        walk.add(problem.chain, problem.seq, problem.what)
    for version, what in policy.problems(connection):
        walk.add("policy", version, what)


def _one(connection: psycopg.Connection[Any], statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0
