"""The page of permissions is what the database answers."""

from __future__ import annotations

from tests.rules import permissions
from tests.rules.installation import Installation


def test_the_page_is_what_the_database_answers(ws: Installation) -> None:
    assert permissions.FILE.read_text(encoding="utf-8") == permissions.document(ws), (
        "docs/permissions.md is stale: python -m tests.rules.permissions"
    )
