"""The exchange's page on which a client stops what was asked for in his name: it keeps the link, and judges nothing."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from workstation.sandbox.problems import Problem
from workstation.sandbox.store import Tx
from workstation.sandbox.vocabulary import instant

#: Answers of one reading, and answers that are kept: a flood of made-up links must not fill the disk.
PAGE, KEPT = 100, 10_000

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Stop a change</title>
<h1>Stop a change to your account</h1>
<p>Somebody asked for a change in your name. If it was not you, stop it here. You are asked for nothing else.</p>
<button id="stop">Stop it</button><p id="said" role="status"></p>
<script>
document.getElementById("stop").onclick = async () => {
  const token = new URLSearchParams(location.search).get("t") || "";
  const answer = await fetch(location.pathname, {method: "POST", headers: {"Content-Type": "application/json"},
    body: JSON.stringify({token})});
  document.getElementById("said").textContent = answer.ok ? "We have your answer and stop it." : "Please try again.";
};
</script></html>
"""


class StopBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The link's token."""

    token: Annotated[str, Meta(min_length=1, max_length=400)]


def page(request: Request, body: bytes) -> Response:
    """The page itself; opening it stops nothing, because mail scanners open links."""
    return Response(
        _PAGE, media_type="text/html", headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def use(tx: Tx, token: str) -> None:
    """Keep a link that was used.

    Raises:
        Problem: 503, too many are kept.
    """
    if tx.sql.execute("SELECT count(*) FROM veto").fetchone()[0] >= KEPT:
        raise Problem(503, "busy", "Too many answers; reply to the mail instead.")
    tx.sql.execute("INSERT INTO veto(token, at_us) VALUES (?, ?)", (token, tx.now_us))


def used(tx: Tx, after: int) -> tuple[list[dict[str, Any]], int]:
    """Return the links that were used after this cursor, oldest first, and the cursor behind them."""
    rows = tx.sql.execute(
        "SELECT id, token, at_us FROM veto WHERE id > ? ORDER BY id LIMIT ?", (after, PAGE)
    ).fetchall()
    return [{"token": token, "at": instant(at_us)} for _, token, at_us in rows], rows[-1][0] if rows else after
