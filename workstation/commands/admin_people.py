"""``workstation admin`` about people: under one's own login, with one's own step-up, on record in one's own name."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from workstation.commands.common import Where
from workstation.services.errors import Invalid, StepUpFailed
from workstation.services.text import clean

if TYPE_CHECKING:
    from workstation.services.acts.stepup import StepUp
    from workstation.services.store.session import Session
    from workstation.services.views import Person

STANDINGS = ("l1", "l2", "senior", "lead", "auditor")


class Here:
    """Who sits at this command: the session, and the ways to prove that he does."""

    def __init__(self, session: Session, person: Person, step_up: StepUp, finger: Callable[[], bool] | None) -> None:
        self.session = session
        self.person = person
        self.step_up = step_up
        self._finger = finger

    async def elevate(self, bind: bytes | None = None) -> None:
        """Step up by the best method that is offered. Raises StepUpFailed."""
        methods = await self.step_up.methods(bind)
        kind = next((m.kind for m in methods if m.offered), "")
        if kind == "fido2":
            print("Touch your security key." if self._finger is None else "The demo's software key is touched for you.")
            await self.touching(self.step_up.with_key(bind))
        elif kind == "idp":
            await self.showing_page(self.step_up.with_provider(bind))
        elif kind == "totp":
            code = await asyncio.to_thread(getpass.getpass, "Code of your authenticator app: ")
            await self.step_up.with_code(code, bind)
        else:
            whys = "; ".join(f"{m.kind}: {m.why}" for m in methods)
            raise StepUpFailed("You have no way to step up.", whys)

    async def touching(self, work: Awaitable[Any]) -> Any:
        """Wait for a key; the demo's is touched by this program."""
        task = asyncio.ensure_future(work)
        while self._finger is not None and not task.done():
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._finger)
            await asyncio.wait({task}, timeout=0.1)
        return await task

    async def showing_page(self, work: Awaitable[Any]) -> Any:
        """Wait for the identity provider's page, and show its address for whose browser did not open."""
        task, shown = asyncio.ensure_future(work), False
        while not task.done():
            if self.step_up.page and not shown:
                print(f"Sign in at this page, if it did not open by itself:\n{self.step_up.page}")
                shown = True
            await asyncio.wait({task}, timeout=0.1)
        return await task


Part = Callable[[argparse.Namespace, Here], Awaitable[None]]


async def _team(args: argparse.Namespace, here: Here) -> None:
    for m in await here.session.call("team"):
        marks = [] if m["enabled"] else ["disabled"]
        marks += ["step-up locked"] if m["step_up_locked"] else []
        marks += ["review overdue"] if m["review_due"] else []
        grants = [f"{g['act']} until {g['until'][:10]}" for g in m["grants"]]
        rest = "; ".join([", ".join(m["factors"]) or "no factor", *grants, *marks])
        print(f"{clean(m['login']):16} {clean(m['name']):24} {m['role']} {m['level']}  {clean(rest, 400)}")
    from workstation.services.acts.refusals import remark

    for row in await here.session.call("team_health"):
        found = remark(row["code"], tuple(row["names"]))
        print(f"{'✗' if found.severity == 'broken' else '!'} {clean(found.said, 400)} {found.do}")


async def _changes(args: argparse.Namespace, here: Here) -> None:
    for change in await here.session.call("changes"):
        _print_change(change)


def _print_change(change: dict[str, Any]) -> None:
    details = ", ".join(f"{name} {value}" for name, value in change["details"].items() if value not in (None, ""))
    print(f"{change['id']}  {change['kind']} of {clean(change['subject'])}, by {clean(change['proposer_name'])}")
    print(f"    {clean(details, 600)}; until {change['expires_at'][:16]}Z")


async def _confirm(args: argparse.Namespace, here: Here) -> None:
    found = [c for c in await here.session.call("changes") if c["id"].startswith(args.change)]
    if len(found) != 1:
        raise Invalid("No one change has that id.", "See `workstation admin changes`.")
    (change,) = found
    _print_change(change)
    if change["why_not"]:
        from workstation.services.acts.refusals import refused

        raise refused(change["why_not"])
    hash_ = bytes.fromhex(change["hash"])
    await here.elevate(hash_)
    await here.session.call("confirm_change", change["id"], hash_)
    print("Confirmed.")


async def _withdraw(args: argparse.Namespace, here: Here) -> None:
    await here.session.call("withdraw_change", args.change)
    print("Withdrawn.")


async def _disable(args: argparse.Namespace, here: Here) -> None:
    _done(
        await here.session.call("disable", args.login, args.reason),
        f"{args.login} is disabled; nothing of his goes on.",
    )


def _done(answer: Any, said: str) -> None:
    """Say what came of it: done, or a change that waits for a second person."""
    if isinstance(answer, dict) and "kind" in answer:
        print(f"Proposed. A second person confirms it: workstation admin confirm {answer['id']}")
    else:
        print(said)


def _led(function: str, *names: str, said: str = "Done.") -> Part:
    """Return a part that steps up and calls one function with these arguments of the command line."""

    async def part(args: argparse.Namespace, here: Here) -> None:
        await here.elevate()
        _done(await here.session.call(function, *(getattr(args, name) for name in names)), said)

    return part


async def _grant(args: argparse.Namespace, here: Here) -> None:
    from datetime import timedelta

    from workstation.services.clock import SystemClock

    await here.elevate()
    until = SystemClock().now() + timedelta(days=args.days)
    _done(await here.session.call("grant_act", args.login, args.act, until, args.reason), "")


async def _revoke(args: argparse.Namespace, here: Here) -> None:
    await here.session.call("revoke_act", args.login, args.act, args.reason)
    print("Revoked.")


async def _invite(args: argparse.Namespace, here: Here) -> None:
    password = secrets.token_urlsafe(18)
    scram = await here.session.scram(args.login, password)
    await here.elevate()
    answer = await here.session.call(
        "invite", args.login, args.person, args.name, args.standing, args.team, args.language, args.email, scram
    )
    _done(answer, "")
    print(f"The first password, for {args.login} alone, shown once: {password}")


async def _factor(args: argparse.Namespace, here: Here) -> None:
    if args.deed == "list":
        for f in await here.session.call("my_factors"):
            print(f"{f['cred']}  {f['kind']:6} {clean(f['label'])}, since {f['added'][:10]}")
    elif args.deed == "end":
        await here.session.call("end_factor", args.login or here.person.login, _id(args.cred), args.reason)
        print("It ended. What it had elevated ended too.")
    else:
        change = await _offered(args, here)
        print(f"It works. It counts when somebody else confirms it: workstation admin confirm {change}")


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Invalid("A factor is named by hexadecimal digits.", "See `workstation admin factor list`.") from error


async def _offered(args: argparse.Namespace, here: Here) -> object:
    from workstation.services.people.factors import Offering

    replaces = _id(args.replaces) if args.replaces else None
    offering = Offering(here.session, here.person.login, here.step_up.rp_id, here.step_up.devices, here.step_up.sign_in)
    if args.kind == "fido2":
        print("Touch the new security key.")
        return await here.touching(offering.key(args.label, replaces))
    if args.kind == "idp":
        return await here.showing_page(offering.account(args.label, replaces))
    secret = offering.new_secret()
    print(f"Give this to your authenticator app; it is shown once:\n{offering.provisioning(secret)}")
    code = await asyncio.to_thread(getpass.getpass, "The code that it shows now: ")
    return await offering.code(args.label, secret, code.replace(" ", ""), replaces)


async def _alerts(args: argparse.Namespace, here: Here) -> None:
    for alert in await here.session.call("alerts"):
        print(f"{alert['id']:6}  {alert['at'][:16]}Z  {alert['kind']}  {clean(alert['text'], 400)}")
    if args.seen:
        await here.session.call("see_alert", args.seen)
        print("Taken note of.")


async def _reviews(args: argparse.Namespace, here: Here) -> None:
    for r in await here.session.call("reviews_due"):
        late = "  LATE" if r["late"] else ""
        print(f"{r['id']:6}  {'DRILL ' if r['drill'] else ''}{r['incident']} {r['case_ref']} {clean(r['name'])}{late}")
        acts = clean("; ".join(r["acts"]), 400) or "no act"
        print(f"        due {r['due_at'][:16]}Z; {clean(r['reason'], 400)}; {acts}")


async def _review(args: argparse.Namespace, here: Here) -> None:
    await here.elevate()
    await here.session.call("review_break_glass", args.review, args.verdict == "justified", args.reason)
    print("Reviewed.")


async def _drill(args: argparse.Namespace, here: Here) -> None:
    """Go through a break-glass from end to end, without an account: every step says what it proved."""
    await here.elevate()
    print("✓ stepped up")
    state = await here.session.call("break_glass_drill", args.incident, args.reason)
    print(f"✓ the glass is broken for {state['seconds_left'] / 60:.0f} minutes, marked as a drill")
    paged = state["paged"]
    print(
        f"{'✓' if paged else '✗'} {paged} lead(s) paged by mail"
        + ("" if paged else ": no lead has an address on record")
    )
    await here.session.call("end_break_glass")
    print("✓ ended before its time")
    print("  A lead other than you reviews it now: workstation admin reviews, then review ID justified --reason …")


async def _sealed_key(args: argparse.Namespace, here: Here) -> None:
    from workstation.services.people.ceremony import digest, sealed_key

    await here.elevate()
    key = sealed_key()
    _done(await here.session.call("offer_seal", digest(key)), "")
    print(f"Your sealed key, shown once; onto paper, into an envelope, into a safe:\n  {key}")


PARTS: dict[str, Part] = {
    "team": _team,
    "changes": _changes,
    "confirm": _confirm,
    "withdraw": _withdraw,
    "disable": _disable,
    "enable": _led("enable", "login", "reason"),
    "standing": _led("set_standing", "login", "standing", "reason", said="Done, and in force at once."),
    "grant": _grant,
    "revoke": _revoke,
    "methods": _led("set_methods", "login", "method", "reason"),
    "method-policy": _led("set_method_policy", "method", "level", "max_tier", "unless_owns", "reason"),
    "unlock": _led("unlock_step_up", "login", "reason", said="Unlocked."),
    "invite": _invite,
    "factor": _factor,
    "sealed-key": _sealed_key,
    "alerts": _alerts,
    "reviews": _reviews,
    "review": _review,
    "break-glass-drill": _drill,
}

_REASON = ("--reason", {"required": True, "help": "at least 20 characters; it stays on record"})
_LOGIN: tuple[str, dict[str, Any]] = ("login", {})
_CHANGE = ("change", {"help": "its id, from `changes`"})
_METHODS = ("fido2", "idp", "totp")
_FLAGS: dict[str, tuple[str, tuple[tuple[str, dict[str, Any]], ...]]] = {
    "team": ("who there is, with factors and grants, and what is thin", ()),
    "changes": ("what waits for a second person", ()),
    "confirm": ("be the second person of a change", (_CHANGE,)),
    "withdraw": ("take a change back", (_CHANGE,)),
    "disable": ("disable somebody at once (a lead; two seniors)", (_LOGIN, _REASON)),
    "enable": ("let somebody back in (a lead; a second person confirms)", (_LOGIN, _REASON)),
    "standing": (
        "change a level: down at once, up with a second person",
        (_LOGIN, ("standing", {"choices": STANDINGS}), _REASON),
    ),
    "grant": (
        "let somebody of Level 2 ask for an act, until a day",
        (_LOGIN, ("act", {}), ("--days", {"type": int, "required": True, "help": "1 to 186"}), _REASON),
    ),
    "revoke": ("end a grant at once", (_LOGIN, ("act", {}), _REASON)),
    "methods": (
        "which step-up methods somebody may use; none named: what the policy gives",
        (_LOGIN, ("--method", {"action": "append", "choices": _METHODS}), _REASON),
    ),
    "method-policy": (
        "up to which tier a method counts for a level",
        (
            ("method", {"choices": _METHODS}),
            ("--level", {"type": int, "choices": (1, 2, 3), "required": True}),
            ("--max-tier", {"type": int, "choices": (0, 2, 3), "required": True}),
            ("--unless-owns", {"choices": ("", *_METHODS), "default": "", "help": "off for who owns such a factor"}),
            _REASON,
        ),
    ),
    "unlock": ("unlock a step-up after five failures", (_LOGIN, _REASON)),
    "invite": (
        "propose a login for a new person",
        (
            _LOGIN,
            ("--person", {"required": True, "help": "the human being: two logins of one person share it"}),
            ("--name", {"required": True}),
            ("--standing", {"required": True, "choices": STANDINGS}),
            ("--team", {"required": True}),
            ("--language", {"action": "append", "default": []}),
            ("--email", {"default": ""}),
        ),
    ),
    "factor": (
        "my factors: list, add, end",
        (
            ("deed", {"choices": ("list", "add", "end")}),
            ("--kind", {"choices": _METHODS, "default": "fido2"}),
            ("--label", {"default": "key"}),
            ("--replaces", {"default": "", "metavar": "CRED", "help": "ends when the new one is confirmed"}),
            ("--cred", {"default": "", "help": "which one ends"}),
            ("--login", {"default": "", "help": "whose (a lead)"}),
            ("--reason", {"default": ""}),
        ),
    ),
    "sealed-key": ("make a sealed key of mine for a recovery, in place of an older one", ()),
    "alerts": ("what leads must see", (("--seen", {"type": int, "metavar": "ID"}),)),
    "reviews": ("break-glass that waits for a review", ()),
    "review": (
        "judge a break-glass",
        (("review", {"type": int}), ("verdict", {"choices": ("justified", "not_justified")}), _REASON),
    ),
    "break-glass-drill": (
        "the whole break-glass, marked as a drill",
        (("incident", {"help": "such as INC-1234"}), _REASON),
    ),
}


def configure(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parts and their flags."""
    for name, (says, flags) in _FLAGS.items():
        parser = parts.add_parser(name, help=says, description=says)
        for flag, how in flags:
            parser.add_argument(flag, **how)


def run(args: argparse.Namespace) -> int:
    """Sign in as oneself and do the part that was named."""

    async def go() -> None:
        where = Where(args)
        session, person, step_up, finger = await where.stepping_up()
        try:
            await PARTS[args.part](args, Here(session, person, step_up, finger))
        finally:
            await session.aclose()

    asyncio.run(go())
    return 0
