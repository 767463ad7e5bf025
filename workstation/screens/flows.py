"""Ways through several dialogs, as the screens walk them. Each is awaited in a worker of the caller.

Nothing here executes an act: an act is asked for by way of the arming dialog and, where the policy says
so, a step-up bound to exactly that request; the database and the broker decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen

from workstation.screens.base import DeskScreen
from workstation.screens.dialogs.acts import ActsDialog
from workstation.screens.dialogs.approve import ApproveDialog
from workstation.screens.dialogs.arm import ArmDialog
from workstation.screens.dialogs.choose import ChooseDialog
from workstation.screens.dialogs.reason import ReasonDialog
from workstation.screens.dialogs.refused import RefusedDialog
from workstation.screens.dialogs.step_up import StepUpDialog
from workstation.screens.palette import case_named
from workstation.services.accounts.model import Account
from workstation.services.desk import Desk
from workstation.services.errors import Refused
from workstation.services.text import clean, group4
from workstation.services.views import Alert, CaseRow, Option, Pin, Request, Review
from workstation.widgets.choices import Choice
from workstation.widgets.packet import act_words

if TYPE_CHECKING:
    from workstation.app import WorkstationApp

#: From this tier on a step-up is bound to one request and pays for that one alone (SECURITY.md 2).
BOUND_FROM = 3


async def step_up(host: WorkstationApp, purpose: str, bind: bytes | None = None) -> bool:
    """Ask for the proof that the analyst is here; False when it was left or refused."""
    desk = host.desk
    if desk is None or isinstance(host.screen, ModalScreen):
        return False
    methods = await desk.step_up_methods(bind)
    if isinstance(host.screen, ModalScreen):
        return False
    elevation = await host.push_screen_wait(StepUpDialog(purpose, methods, bind))
    if elevation is None:
        return False
    host.guard.idle.seen()
    host.elevation.show(elevation)
    return True


async def step_down(host: WorkstationApp) -> None:
    """Leave elevated mode."""
    if host.desk is not None:
        await host.desk.step_down()
        host.elevation.show(await host.desk.elevation())


async def ask_for_act(
    screen: DeskScreen,
    case: int,
    account: Account,
    option: Option,
    pins: Sequence[Pin],
    params: dict[str, Any] | None = None,
) -> Request | None:
    """Arm one act and ask for it; None when it was left at any point."""
    host, desk = screen.host, screen.desk
    with screen.opening("the act"):
        approvers = await desk.approvers(case, option.act) if option.approvals else None
        policy = await desk.policy()
    dialog = ArmDialog(option, account, pins, params, approvers=approvers, policy=policy.in_words, now=host.clock.now())
    armed = await screen.ask(dialog)
    if armed is None:
        return None
    words = f"{act_words(option.act, armed.params)} on {group4(account.id)}"
    refused: Refused | None = None
    host.armed = words
    screen.tick()
    try:
        if option.tier >= BOUND_FROM:
            with screen.opening("the step-up"):
                intent = await desk.intent(case, option.act, armed.params)
            proven = await step_up(host, f"Ask for: {words}", intent)
        elif option.needs_elevation and not host.elevated:
            proven = await step_up(host, f"Ask for: {words}")
        else:
            proven = True
        if not proven:
            screen.say(f"Nothing was asked for: {words} was left at the step-up.")
            return None
        with screen.waiting(f"Asking for: {words}"):
            request = await desk.request_act(case, option.act, armed.params, armed.reason_code, armed.reason_text)
    except Refused as error:
        refused = error
    finally:
        host.armed = ""
        screen.tick()
    if refused is not None:
        await say_why_not(screen, case, option.act, words, refused)
        return None
    screen.say(f"{words}: {request.stage}", "strong")
    return request


async def say_why_not(screen: DeskScreen, case: int, act: str, words: str, error: Refused) -> None:
    """Show a refusal whole, with every reason that the store gives for this act now."""
    screen.say(f"✗ {error.sentence()}", "strong")
    options = await screen.desk.options(case)
    reasons = next((option.reasons for option in options if option.act == act), ())
    await screen.ask(RefusedDialog.of(words, error, reasons, screen.host.clock.now()))


async def approve(screen: DeskScreen, request: Request) -> Request | None:
    """Show what the request covers, step up for exactly that, and approve it."""
    host, desk = screen.host, screen.desk
    if not await screen.ask(ApproveDialog(request)):
        return None
    words = f"{act_words(request.act, request.params)} on {group4(request.account)}"
    host.armed = f"approval of {words}"
    screen.tick()
    try:
        if not await step_up(host, f"Approve: {words}", request.request_hash):
            screen.say(f"Not approved: {words} was left at the step-up.")
            return None
        with screen.waiting(f"Approving: {words}"):
            done = await desk.approve(request)
    finally:
        host.armed = ""
        screen.tick()
    screen.say(f"{words}: {done.stage}", "strong")
    return done


async def veto(screen: DeskScreen, request: Request) -> bool:
    """Stop a request for a reason; True when it was stopped."""
    words = f"{act_words(request.act, request.params)} on {group4(request.account)}"
    ask = f"Stops {words}, asked for by {request.requester_name}. It can be asked for again."
    why = await screen.ask(ReasonDialog("Veto", ask, yes="Veto"))
    if not why:
        return False
    await screen.desk.veto(request.id, why)
    screen.say(f"Vetoed: {words}.", "strong")
    return True


async def choose_request(screen: DeskScreen, requests: Sequence[Request], title: str) -> Request | None:
    """Return the only one of `requests`, or the one that is chosen."""
    if len(requests) <= 1:
        return requests[0] if requests else None
    choices = [
        Choice(key=r.id, label=act_words(r.act, r.params), detail=f"{group4(r.account)} · {r.requester_name}")
        for r in requests
    ]
    key = await screen.ask(ChooseDialog(title, choices, first="act", second="on, asked by"))
    return next((request for request in requests if request.id == key), None)


async def choose_act(screen: DeskScreen, account: str, options: Sequence[Option]) -> Option | None:
    """List every act with whether it may be asked for, and why not."""
    act = await screen.ask(ActsDialog(account, options, screen.host.clock.now()))
    return next((option for option in options if option.act == act), None)


async def break_glass(screen: DeskScreen, case: int, ref: str, account: str) -> None:
    """Say what broken glass opens and what it never opens, and break it; it needs elevated mode."""
    from workstation.screens.dialogs.break_glass import BreakGlassDialog

    broken = await screen.ask(BreakGlassDialog(ref, account))
    if broken is None:
        return
    if not screen.host.elevated and not await step_up(screen.host, f"Break the glass for {ref}, {broken.incident}"):
        screen.say("The glass is whole: it was left at the step-up.")
        return
    screen.host.glass.show(await screen.desk.break_glass(case, broken.incident, broken.reason))
    screen.say(f"The glass is broken for {broken.incident}: the leads are told. B ends it.", "strong")


async def end_glass(screen: DeskScreen) -> None:
    """End broken glass before its time."""
    from workstation.screens.dialogs.confirm import ConfirmDialog

    state = screen.host.glass.state
    lines = (
        f"{state.incident}, {state.case_ref}: what was asked for under it stays asked for.",
        "A lead judges it all the same.",
    )
    if await screen.ask(ConfirmDialog("End broken glass", lines, yes="End it", no="Go on")):
        await screen.desk.end_break_glass()
        await screen.host.glass.read()
        screen.say("The glass is whole again. A lead who is not you judges it within 24 hours.")


async def see_alert(screen: DeskScreen, alert: Alert) -> bool:
    """Take note of an alert; True when that was done."""
    from workstation.screens.dialogs.confirm import ConfirmDialog

    lines = (alert.text, "", "That you took note of it is on record; it is not shown again.")
    if not await screen.ask(ConfirmDialog("Take note of this alert", lines, yes="Take note")):
        return False
    await screen.desk.see_alert(alert.id)
    screen.say("Taken note of; that is on record.")
    return True


async def judge(screen: DeskScreen, review: Review) -> bool:
    """Judge somebody's broken glass, in elevated mode; True when that was done."""
    from workstation.screens.dialogs.judge import JudgeDialog

    said = await screen.ask(JudgeDialog(review, screen.host.clock.now()))
    if said is None:
        return False
    if not screen.host.elevated and not await step_up(screen.host, f"Judge: {review.name}, {review.incident}"):
        screen.say("Not judged: it was left at the step-up.")
        return False
    await screen.desk.review_break_glass(review.id, said.justified, said.text)
    screen.say(f"{review.incident}: {'justified' if said.justified else 'not justified'}. That is on record.", "strong")
    return True


async def take_case(screen: DeskScreen, row: CaseRow) -> None:
    """Take a case that is free, take over one that is not for a reason, and open it."""
    me = screen.desk.person.login
    held = row.holder and row.lease_until and row.lease_until > screen.host.clock.now()
    if held and row.holder != me:
        why = await screen.ask(
            ReasonDialog(
                f"Take {row.ref} over",
                f"{row.holder_name or row.holder} works on it now and will be told why you took it.",
                yes="Take over",
            )
        )
        if not why:
            return
        await screen.desk.claim(row.id, why)
    elif row.holder != me or not held:
        await screen.desk.claim(row.id)
    await screen.host.show_case(row.id)


async def find(host: WorkstationApp, text: str) -> None:
    """Open what a pasted text names: a case by its reference, else an account, for a typed reason."""
    desk: Desk | None = host.desk
    screen = host.screen_stack[0]
    if desk is None or not isinstance(screen, DeskScreen):
        return
    case = case_named(text)
    if case is None:
        await _find_account(host, desk, screen, text)
        return
    rows = await desk.case_rows((case,))
    if rows:
        await take_case(screen, rows[0])
    else:
        screen.say(f"There is no case {clean(text, 30)} that you may see.")


async def _find_account(host: WorkstationApp, desk: Desk, screen: DeskScreen, text: str) -> None:
    found = await desk.find_accounts(text)
    if not found:
        screen.say("No account has exactly this id, mail or user name.")
        return
    account: str | None = found[0]
    if len(found) > 1:
        choices = [Choice(key=one, label=group4(one)) for one in found]
        account = await screen.ask(ChooseDialog("Accounts", choices, ask="Several accounts have this."))
    if account is None:
        return
    ask = "There is no case for this. A lead sees the same day who looked, and why."
    why = await screen.ask(ReasonDialog(f"Open {group4(account)} without a case", ask, yes="Open"))
    if why:
        await host.show_account(await desk.open_account(account, why))
