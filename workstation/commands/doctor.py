"""``workstation doctor``: what is configured, reachable and permitted, and what to do about what is not."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from workstation.commands.common import Where, add_place
from workstation.services.errors import SourceMissing, WorkstationError

if TYPE_CHECKING:
    from workstation.services.clock import Clock
    from workstation.services.connect import Secrets
    from workstation.services.timeline.source import EventSource
    from workstation.services.workbench import Workbench
    from workstation.settings import LogSettings, Settings

#: An account that no system has: asking for it tests the address and the credential and reads nobody's data.
NOBODY = "00000000"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `state` is ok, warning or broken."""

    what: str
    state: str
    said: str
    do: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Look at everything; exit code 1 where something is broken."""
    found = asyncio.run(_look(args))
    if args.json:
        print(msgspec.json.encode(found).decode())
    else:
        marks = {"ok": "✓", "warning": "!", "broken": "✗"}
        for finding in found:
            print(
                f"{marks[finding.state]} {finding.what}: {finding.said}" + (f"\n    {finding.do}" if finding.do else "")
            )
    return 1 if any(f.state == "broken" for f in found) else 0


async def _look(args: argparse.Namespace) -> list[Finding]:
    try:
        where = Where(args)
        settings = where.settings
        login = await where.login()
    except WorkstationError as error:
        return [Finding(what="settings", state="broken", said=error.what, do=error.hint)]
    found = [Finding(what="settings", state="ok", said=f"read; working as {login}")]
    try:
        desk = await where.desk(login)
    except WorkstationError as error:
        return [*found, Finding(what="store", state="broken", said=error.what, do=error.hint)]
    try:
        found.append(Finding(what="store", state="ok", said=f"signed in as {desk.person.name}, {desk.person.title}"))
        found.append(_policy(await desk.tools.session.call("policy")))
        found.append(_notary(await desk.tools.session.call("notary")))
        if settings.reader.url:
            found += await _reader(desk, settings, where.secrets(login))
        else:
            found += await _systems(desk)
            found += await _logs(settings, where.secrets(login), desk.tools.clock)
            found.append(_direct(settings.logs))
        every = await desk.step_up_methods()
        methods = [method.kind for method in every if method.offered]
        state = "ok" if "fido2" in methods else "warning"
        found.append(
            Finding(
                what="step-up",
                state=state,
                said="can use " + (", ".join(methods) or "nothing"),
                do=""
                if state == "ok"
                else next((m.why for m in every if m.kind == "fido2"), "") or "Use a security key.",
            )
        )
        thin = await desk.team_health()
        found.extend(Finding(what="team", state=remark.severity, said=remark.said, do=remark.do) for remark in thin)
        if desk.tools.drafts is None:
            found.append(
                Finding(
                    what="drafts",
                    state="warning",
                    said="are not journalled: no key for them",
                    do="Run `workstation login`.",
                )
            )
    finally:
        await desk.aclose()
    return found


def _policy(row: dict[str, Any]) -> Finding:
    """The policy in force: whose word it is, and whether the tables still say what was put in force."""
    said = f"version {row['version']} ({row['text']}), {row['hash'][:16]}…"
    if row["tampered"]:
        do = "Tell your security officer now: `workstation audit verify` says more."
        return Finding(what="policy", state="broken", said=f"{said}: CHANGED PAST ITS SIGNATURES", do=do)
    signers = ", ".join(row["signed_by"])
    return Finding(what="policy", state="ok", said=f"{said}, " + (f"signed by {signers}" if signers else "as released"))


def _notary(row: dict[str, Any]) -> Finding:
    """How old the last checkpoint is, and whether somebody watches the notary."""
    from workstation.services.audit.standing import standing

    found = standing(row)
    return Finding(what="notary", state=found.state, said=found.said, do=found.do)


async def _reader(desk: Workbench, settings: Settings, secrets: Secrets) -> list[Finding]:
    """Whether the reader answers and knows the sources, and whether this machine still holds what it need not."""
    from workstation.services.connect import read_names
    from workstation.services.connectors.reader.sight import ReaderSight

    sight = desk.tools.sight
    assert isinstance(sight, ReaderSight), "made from the same settings"
    try:
        health = await sight.health()
    except WorkstationError as error:
        do = f"{error.hint} On its machine: `workstation reader --check`."
        return [Finding(what="reader", state="broken", said=error.what, do=do)]
    found = [Finding(what="reader", state="ok", said="answers; client data comes for a purpose, and masked")]
    if unknown := [log.name for log in settings.logs if log.name not in health.sources]:
        said = "the reader has no source named " + ", ".join(unknown)
        found.append(Finding(what="logs", state="broken", said=said, do="Name [[logs]] as the reader's settings do."))
    if held := [name for name in read_names(settings) if await secrets.get(name) is not None]:
        do = "Take them out with `workstation logout`, and have them replaced: past the reader they read everything."
        found.append(Finding(what="read tokens", state="warning", said=f"still here: {', '.join(held)}", do=do))
    return found


async def _systems(desk: Workbench) -> list[Finding]:
    """Whether the systems answer that this machine reads by itself."""
    found = [await _tried("account system", lambda: desk.tools.accounts.read(NOBODY))]
    risk = desk.tools.risk
    if risk is None:
        do = "Add [risk] to the settings."
        return [*found, Finding(what="risk engine", state="warning", said="none is configured", do=do)]
    return [*found, await _tried("risk engine", lambda: risk.risk(NOBODY))]


async def _logs(settings: Settings, secrets: Secrets, clock: Clock) -> list[Finding]:
    """Whether each source of events can be read, and what its records lack."""
    from workstation.services.connect import read_tokens
    from workstation.services.world import World

    world = World(settings, clock, await read_tokens(settings, secrets))
    return list(await asyncio.gather(*(_log(world.log(log.name), log, clock) for log in settings.logs)))


async def _log(source: EventSource, chosen: LogSettings, clock: Clock) -> Finding:
    from workstation.services.connectors.logs.check import check

    what = f"log {chosen.name}"
    try:
        said, empty = await check(source, chosen, NOBODY, clock)
    except WorkstationError as error:
        return Finding(what=what, state="broken", said=error.what, do=error.hint)
    finally:
        await source.aclose()
    if not empty:
        return Finding(what=what, state="ok", said=said)
    do = "If its records have that, say where in [logs.mapping] (docs/connectors.md)."
    return Finding(what=what, state="warning", said=f"{said}, but without {empty}", do=do)


async def _tried(what: str, ask: Callable[[], Awaitable[Any]]) -> Finding:
    try:
        await ask()
    except SourceMissing:
        return Finding(what=what, state="ok", said="answers, and takes the read token")
    except WorkstationError as error:
        return Finding(what=what, state="broken", said=error.what, do=error.hint)
    return Finding(what=what, state="ok", said="answers")


def _direct(logs: tuple[Any, ...]) -> Finding:
    if not logs:
        return Finding(what="logs", state="broken", said="no source is configured", do="Add [[logs]] to the settings.")
    names = ", ".join(log.name for log in logs)
    return Finding(
        what="logs",
        state="warning",
        said=f"{names}; read directly, with tokens of this machine",
        do="Whoever has this machine can read any account, unmasked: purpose, budget and masking are a habit here, "
        "not a wall. A team runs `workstation reader` and names it in [reader].",
    )
