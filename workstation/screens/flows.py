"""Ways through several dialogs, as the screens walk them. Each is awaited in a worker of the caller.

Nothing here executes an act: an act is asked for by way of the arming dialog and, where the policy says
so, a step-up bound to exactly that request; the database and the broker decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen

from workstation.screens.base import DeskScreen
from workstation.screens.dialogs.approve import ApproveDialog
from workstation.screens.dialogs.arm import ArmDialog
from workstation.screens.dialogs.choose import ChooseDialog
from workstation.screens.dialogs.reason import ReasonDialog
from workstation.screens.dialogs.step_up import StepUpDialog
from workstation.services.accounts.model import Account
from workstation.services.desk import Desk
from workstation.services.text import group4
from workstation.services.views import Option, Pin, Request
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
    armed = await screen.ask(ArmDialog(option, account, pins, params))
    if armed is None:
        return None
    words = f"{act_words(option.act, armed.params)} on {group4(account.id)}"
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
    finally:
        host.armed = ""
        screen.tick()
    screen.say(f"{words}: {request.stage}", "strong")
    return request


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


async def choose_act(screen: DeskScreen, options: Sequence[Option]) -> Option | None:
    """List every act with whether it may be asked for, and why not."""
    choices = [
        Choice(key=o.act, label=o.title, detail=_terms(o), why_not="" if o.allowed else (o.why_not or "not allowed"))
        for o in options
    ]
    key = await screen.ask(
        ChooseDialog(
            "Acts",
            choices,
            ask="Nothing runs from this list; Enter opens what has to be armed.",
            first="act",
            second="terms",
        )
    )
    return next((option for option in options if option.act == key), None)


def _terms(option: Option) -> str:
    agree = {0: "you alone", 1: "and one more person"}.get(option.approvals, f"and {option.approvals} more people")
    wait = f", after {option.cooldown_s / 3600:g} h" if option.cooldown_s else ""
    return f"tier {option.tier}, {'loosens' if option.loosening else 'protects'}, {agree}{wait}"


async def find_account(host: WorkstationApp, text: str) -> None:
    """Find the account that `text` names, and open it for a typed reason."""
    desk: Desk | None = host.desk
    screen = host.screen_stack[0]
    if desk is None or not isinstance(screen, DeskScreen):
        return
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
