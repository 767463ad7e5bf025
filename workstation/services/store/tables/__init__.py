"""The tables, as SQLModel knows them; the source from which migrations are made.

All of them live in schema ``wsd``, owned by ``ws_owner``, and nobody who signs in may write to them:
writes go through the functions of ``rules/*.sql``, which check level, lease, hash and time and write
the audit in the same transaction. What SQL can declare (four eyes, deadlines, single use) is declared
here, so that not even the owner's own code can break it.

This module costs 0.3 s to import: migrations, administration and tests use it, the workstation does not.
"""

from __future__ import annotations

from workstation.services.store.tables import (
    acts,
    audits,
    cases,
    findings,
    mails,
    notary,
    people,
    policies,
    proofs,
    views,
)
from workstation.services.store.tables.columns import SCHEMA

__all__ = ["SCHEMA", "acts", "audits", "cases", "findings", "mails", "notary", "people", "policies", "proofs", "views"]
