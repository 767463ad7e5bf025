"""Every key of every screen, dialog and widget has a name, a tooltip and an effect."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

import workstation.screens
import workstation.widgets
from tests.ui.driving import LONG, Driver, driving, two_packets
from tests.ui.paper_desk import Paper, replace
from workstation.app import WorkstationApp


def owners() -> Iterator[type[DOMNode]]:
    """Yield every class of the product that can bind keys."""
    yield WorkstationApp
    for package in (workstation.screens, workstation.widgets):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and issubclass(thing, DOMNode) and thing.__module__ == module.name:
                    yield thing


def bindings() -> dict[str, Binding]:
    found: dict[str, Binding] = {}
    for owner in owners():
        for binding in vars(owner).get("BINDINGS", ()):
            assert isinstance(binding, Binding), owner
            assert binding.id, f"{owner.__name__}: {binding.key} has no id"
            assert binding.tooltip, f"{binding.id} has no tooltip"
            assert binding.description or binding.id.startswith("confirm."), f"{binding.id} has no description"
            found[binding.id] = binding
    return found


class Press(NamedTuple):
    """A key, what it is called, and the way back: keys, or something to be done first."""

    id: str
    key: str
    back: tuple[str, ...] = ()
    first: Callable[[Driver], Any] | None = None


def focus(selector: str) -> Callable[[Driver], Any]:
    return lambda d: d.app.screen.query_one(selector).focus()


async def elevated(d: Driver) -> None:
    await d.press("ctrl+e", "t")


def read_again(d: Driver) -> None:
    """Nothing to prepare: the desk notes that it was asked."""


def lots(paper: Paper) -> None:
    two_packets(paper)


async def new_cases(d: Driver) -> None:
    d.paper.arrive(5)
    d.desk.hint("cases")
    await d.settle()


async def mail_waits(d: Driver) -> None:
    await d.desk.send_mail(1, "s", "b")
    d.desk.hint("mail")
    await d.settle()


async def request_waits(d: Driver) -> None:
    assert d.base.case is not None
    d.paper.ask(d.base.case)
    d.desk.hint("mail")
    await d.settle()


async def refused_packet(d: Driver) -> None:
    case = d.paper.order[0]
    d.paper.packets[case] = replace(d.paper.packets[case], act="remove_client_lock", params={})
    await d.press("3", "enter")


async def a_claim(d: Driver) -> None:
    await d.desk.add_claim(1, "It was not me.")
    d.desk.hint("mail")
    await d.settle()


def focus_list(tab: str) -> Callable[[Driver], Any]:
    def go(d: Driver) -> None:
        d.base.show_tab(tab)
        d.base.focus_pane()

    return go


async def judging(d: Driver) -> None:
    focus_list("claims")(d)
    await d.press("enter")
    d.one("#pins").focus()
    await d.settle()


async def filtered(d: Driver) -> None:
    await d.press("f", "enter")


async def filtered_twice(d: Driver) -> None:
    await d.press("escape", "escape", "slash")
    d.fill("#filter", "login -trade")
    await d.press("enter")


async def bars_at_first(d: Driver) -> None:
    await d.press("h", "home")


async def first_row(d: Driver) -> None:
    await d.press("home")


WALKS: dict[str, tuple[str, list[Press]]] = {
    "queue": (
        "ana.k",
        [
            Press("ledger.down", "down"),
            Press("ledger.down", "j"),
            Press("ledger.up", "up"),
            Press("ledger.up", "k"),
            Press("ledger.page-down", "pagedown"),
            Press("ledger.page-up", "pageup"),
            Press("ledger.last", "end"),
            Press("ledger.first", "home"),
            Press("queue.search", "slash"),
            Press("queue.drop", "escape", (), lambda d: d.fill("#search", "lost")),
            Press("queue.snooze", "s"),
            Press("dialog.leave", "escape"),
            Press("queue.show-new", "g", (), new_cases),
            Press("queue.refresh", "r"),
            Press("queue.refresh", "ctrl+r"),
            Press("app.keys", "question_mark"),
            Press("help.leave", "q"),
            Press("app.keys", "question_mark"),
            Press("help.leave", "question_mark"),
            Press("app.palette", "ctrl+k", ("escape",)),
            Press("app.palette", "ctrl+p", ("escape",)),
            Press("desk.copy", "ctrl+c", ("escape",)),
            Press("app.account", "2"),
            Press("app.escalations", "3"),
            Press("app.audit", "6"),
            Press("app.queue", "1"),
            Press("app.elevate", "ctrl+e"),
            Press("step-up.other", "ctrl+t"),
            Press("step-up.other", "ctrl+t"),
            Press("step-up.again", "r", (), lambda d: d.app.screen.workers.cancel_group(d.app.screen, "prove")),
            Press("step-up.touch", "t"),
            Press("app.elevate", "ctrl+e"),
            Press("ledger.open", "enter", ("1",)),
            Press("queue.next", "n"),
        ],
    ),
    "account": (
        "ana.k",
        [
            Press("account.next", "n", (), lambda d: d.press("2")),
            Press("account.pin", "p"),
            Press("account.filter", "f", ("enter",)),
            Press("account.back", "escape"),
            Press("account.hide", "x", ("enter", "escape", "home")),
            Press("account.label", "l", ("escape",)),
            Press("account.zone", "z"),
            Press("account.filter-line", "slash", ("escape",)),
            Press("account.query-before", "less_than_sign"),
            Press("account.query-after", "greater_than_sign"),
            Press("account.fold", "s", ("s",)),
            Press("account.mark-next", "m"),
            Press("account.mark-before", "M"),
            Press("account.read-on", "R"),
            Press("account.tab-next", "right"),
            Press("account.tab-before", "left"),
            Press("account.tab-next", "right_square_bracket"),
            Press("account.tab-before", "left_square_bracket"),
            Press("pane.down", "down", (), focus("#event")),
            Press("pane.up", "up"),
            Press("pane.down", "j"),
            Press("pane.up", "k"),
            Press("pane.page-down", "pagedown"),
            Press("pane.page-up", "pageup"),
            Press("pane.bottom", "end"),
            Press("pane.top", "home", (), lambda d: d.base.timeline.ledger.focus),
            Press("account.note", "o"),
            Press("draft.leave", "escape"),
            Press("account.note", "o"),
            Press("draft.finish", "ctrl+s", ("escape",)),
            Press("account.reply", "r", ("escape",)),
            Press("account.packet", "e", ("escape",)),
            Press("account.acts", "a", ("escape",)),
            Press("account.tick", "t", ("escape",)),
            Press("account.reveal", "v", ("escape",)),
            Press("account.proof", "P", ("escape",)),
            Press("account.break-glass", "B", ("escape",)),
            Press("account.recall", "u", (), mail_waits),
            Press("account.veto", "V", ("escape",), request_waits),
            Press("account.reread", "ctrl+r"),
            Press("account.close", "c", ("escape",)),
            Press("account.give-back", "b"),
        ],
    ),
    "story": (
        "ana.k",
        [
            Press("account.claim", "C", ("escape",), lambda d: d.press("n")),
            Press("account.claim-evidence", "E", ("escape",), a_claim),
            Press("claim.turn", "space", ("escape",), judging),
            Press("account.standing", "S"),
            Press("left.into-packet", "T", (), focus_list("standing")),
            Press("left.unlabelled", "U", (), focus_list("standing")),
            Press("account.related", "W"),
        ],
    ),
    "reading": (
        "ana.k",
        [
            Press("account.around", "full_stop", (), lambda d: d.press("n", "down")),
            Press("account.along", "w", ("escape",)),
            Press("account.beside", "d"),
            Press("account.pins-only", "i", ("i",)),
            Press("account.event-note", "O", ("escape",)),
            Press("account.marks", "K", ("enter",)),
            Press("account.judge-mark", "J", ("escape",)),
        ],
    ),
    "query": (
        "ana.k",
        [
            Press("account.filter-line", "slash", (), lambda d: d.press("n")),
            Press("query-line.next", "down"),
            Press("query-line.before", "up"),
            Press("query-line.take", "tab"),
            Press("query-line.leave", "escape", ("escape",)),
            Press("account.filter-line", "slash"),
            Press("query-line.ask", "enter"),
            Press("account.chips", "F", (), filtered_twice),
            Press("chips.left", "left"),
            Press("chips.right", "right"),
            Press("chips.turn", "minus"),
            Press("chips.drop", "x"),
            Press("chips.edit", "enter", ("escape",)),
            Press("account.chips", "F", (), filtered_twice),
            Press("chips.drop", "delete"),
            Press("chips.leave", "escape"),
            Press("account.chips", "F", (), filtered_twice),
            Press("chips.drop", "backspace", ("escape",)),
            Press("account.ask-stores", "A"),
            Press("account.columns", "D"),
            Press("account.lanes", "L"),
            Press("account.order", "N", ("escape",)),
            Press("account.raw", "y"),
        ],
    ),
    "bars": (
        "ana.k",
        [
            Press("account.when", "h", (), lambda d: d.press("n")),
            Press("histogram.left", "left"),
            Press("histogram.right", "right"),
            Press("histogram.left", "h"),
            Press("histogram.right", "l"),
            Press("histogram.page-left", "pageup"),
            Press("histogram.page-right", "pagedown"),
            Press("histogram.first", "home"),
            Press("histogram.last", "end"),
            Press("histogram.grow-left", "shift+left"),
            Press("histogram.span", "v"),
            Press("histogram.leave", "escape"),
            Press("histogram.grow", "shift+right", (), bars_at_first),
            Press("histogram.take", "enter"),
        ],
    ),
    "values": (
        "ana.k",
        [
            Press("account.facets", "g", (), lambda d: d.press("n")),
            Press("facets.values", "right"),
            Press("facets.order", "o"),
            Press("facets.fields", "left"),
            Press("facets.hide", "x", (), lambda d: d.press("right")),
            Press("account.queries", "Q"),
            Press("queries.keep-kind", "S", ("escape",)),
            Press("queries.keep", "s", (*tuple("name"), "enter")),
            Press("queries.forget", "d", (), first_row),
            Press("queries.undo", "u"),
            Press("queries.forget", "delete", ("escape",), first_row),
            Press("account.sources", "G"),
            Press("sources.again", "R"),
            Press("sources.stop", "s"),
        ],
    ),
    "escalations": (
        "mia.s",
        [
            Press("escalations.refresh", "r", (), lambda d: d.press("3")),
            Press("escalations.refresh", "ctrl+r"),
            Press("escalations.approve-request", "y", ("escape",)),
            Press("escalations.veto", "V", ("escape",)),
            Press("escalations.tab-next", "right"),
            Press("escalations.tab-before", "left"),
            Press("escalations.tab-next", "right_square_bracket"),
            Press("escalations.tab-before", "left_square_bracket"),
            Press("ledger.open", "enter"),
            Press("escalations.list", "escape"),
            Press("escalations.approve", "A", ("escape",)),
            Press("escalations.return", "R", ("escape",)),
            Press("escalations.take-over", "T"),
        ],
    ),
    "audit": (
        "lea.d",
        [
            Press("audit.refresh", "r", (), lambda d: d.press("6")),
            Press("audit.refresh", "ctrl+r"),
            Press("audit.more", "m"),
            Press("audit.who-looked", "w", ("escape",)),
            Press("audit.tab-next", "right"),
            Press("audit.tab-before", "left"),
            Press("audit.tab-next", "right_square_bracket"),
            Press("audit.tab-before", "left_square_bracket"),
            Press("ledger.open", "enter"),
            Press("audit.list", "escape"),
        ],
    ),
    "refused": (
        "mia.s",
        [
            Press("escalations.approve", "A", (), refused_packet),
            Press("refused.leave", "enter"),
        ],
    ),
    "packet": (
        "ana.k",
        [
            Press("account.packet", "e", (), lambda d: d.press("n")),
            Press("packet.guidance", "ctrl+g", ("escape",)),
            Press("packet.forward", "ctrl+f"),
        ],
    ),
    "lock": (
        "ana.k",
        [
            Press("app.lock", "ctrl+l"),
            Press("lock.unlock", "u", ("escape",)),
            Press("lock.unlock", "enter", ("t",)),
            Press("app.lock", "ctrl+l"),
            Press("lock.quit", "q"),
        ],
    ),
    "leaving": (
        "ana.k",
        [
            Press(
                "app.quit", "q", (), lambda d: d.app.unsent.update({(1, "note"): "A note was written and not sent."})
            ),
            Press("confirm.right", "right"),
            Press("confirm.left", "left", ("escape",)),
            Press("app.quit-now", "ctrl+q", (), lambda d: d.app.unsent.clear()),
        ],
    ),
}

#: Walked in tests of their own: the screen of trouble needs a connection that fails.
ELSEWHERE = {"trouble.retry", "trouble.quit"}


def test_every_binding_is_walked() -> None:
    walked = {press.id for _, presses in WALKS.values() for press in presses}
    assert walked | ELSEWHERE == set(bindings())


def test_every_key_of_a_binding_is_walked() -> None:
    walked = {(press.id, press.key) for _, presses in WALKS.values() for press in presses}
    wanted = {
        (name, key) for name, binding in bindings().items() if name not in ELSEWHERE for key in binding.key.split(",")
    }
    assert wanted <= walked, sorted(wanted - walked)


@pytest.mark.parametrize("place", WALKS, ids=list(WALKS))
async def test_every_key_has_an_effect(place: str) -> None:
    login, presses = WALKS[place]
    async with driving(login, prepare=two_packets, size=(80, 24)) as d:
        after: tuple[object, ...] | None = None
        for press in presses:
            if press.first is not None:
                done = press.first(d)
                if hasattr(done, "__await__"):
                    await done
                await d.settle()
                after = None
            before = after or fingerprint(d)
            await d.press(press.key)
            after = fingerprint(d)
            assert after != before, f"{press.id}: {press.key} had no effect on {d.at}"
            if d.app._exit:
                break
            assert d.app.focused is not None or d.at == "StepUpDialog", f"{press.id}: the focus is nowhere"
            if press.back:
                await d.press(*press.back)
                after = None


def fingerprint(d: Driver) -> tuple[object, ...]:
    focused = d.app.focused
    return (d.at, id(focused), d.seen(), len(d.paper.calls), d.app._exit)


async def test_trouble_says_why_and_retries() -> None:
    from workstation.services.errors import StoreError

    tries: list[int] = []

    async def connect() -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise StoreError("The database at db.example does not answer.", "Look whether it runs, then retry.")
        return desk

    from tests.ui.paper_desk import PaperDesk

    paper = Paper()
    desk = PaperDesk(paper)
    async with driving(paper=paper, connect=connect) as d:
        assert d.at == "TroubleScreen"
        assert "The database at db.example does not answer. Look whether it runs, then retry." in " ".join(
            d.seen().replace("│", " ").split()
        )
        await d.press("r")
        assert d.at == "TroubleScreen"
        await d.press("enter")
        assert d.at == "QueueScreen"
        assert len(tries) == 3
        assert "CS-48213" in d.seen()


async def test_trouble_can_be_left() -> None:
    async def connect() -> Any:
        raise RuntimeError("secret of the connection")

    async with driving(connect=connect) as d:
        assert d.at == "TroubleScreen"
        assert "secret" not in d.seen()
        assert "RuntimeError" in d.seen()
        await d.press("q")
        assert d.app._exit


def test_reason_is_long_enough_for_the_dialogs() -> None:
    assert len(LONG) >= 20
