"""The line in which the whole query is edited, what the word at the cursor could become, and what cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from workstation.services.text import clean
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.edit import also
from workstation.services.timeline.query.errors import MAX_TEXT, QueryError
from workstation.services.timeline.query.language import parse
from workstation.widgets.cells import fit
from workstation.widgets.prose import Part, Prose, plain
from workstation.widgets.typing import Line

if TYPE_CHECKING:
    from workstation.services.timeline.query.complete import Counts, Proposal, SaidCounts

#: Seconds that the hand must rest before a query that cannot be read is said to be one: half a word never can.
REST_S = 0.25
#: Proposals shown: in the smallest terminal rows of the timeline stay in sight.
FEW, MANY = 4, 8
#: Cells of a proposed value; what is cut is written whole when it is taken.
VALUE = 44
#: Lines of a terminal from which on there is room for :data:`MANY`.
ROOMY = 32

#: Gives how often values occur, or None where nothing is there yet; called off the loop.
Counting = Callable[[], "Counts | None"]


class QueryInput(Line):
    """The line itself; its keys for proposals go to the line around it."""

    HELP: ClassVar[str] = (
        "The query, in Lucene's syntax. Tab takes the first proposal, or the one that the arrows chose; Enter asks; "
        "Esc leaves what is shown as it is and keeps what was typed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Ask", id="query-line.ask", tooltip="Ask for it, or take the proposal"),
        Binding("tab", "take", "Take", id="query-line.take", tooltip="Take the proposal"),
        Binding("down", "choose(1)", "Next proposal", id="query-line.next", tooltip="The next proposal"),
        Binding("up", "choose(-1)", "Before", show=False, id="query-line.before", tooltip="The proposal before"),
        Binding("escape", "screen.back", "Leave", id="query-line.leave", tooltip="Close the proposals, then the line"),
    ]

    @property
    def around(self) -> QueryLine:
        """The line with its proposals."""
        assert isinstance(self.parent, QueryLine)
        return self.parent

    def action_take(self) -> None:
        """Take a proposal."""
        self.around.take()

    def action_choose(self, step: int) -> None:
        """Choose the proposal below or above."""
        self.around.choose(step)

    async def action_submit(self) -> None:
        """Take the proposal that was chosen, else ask."""
        if self.around.chosen < 0:
            await super().action_submit()
        else:
            self.around.take()


class QueryLine(Vertical):
    """Edits the query in force, whole. What was left half typed is there again while nothing else is asked."""

    field = getters.query_one("#filter", QueryInput)

    DEFAULT_CSS = """
    QueryLine {
        height: auto;
        Static { height: auto; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #fault { display: none; height: 1; }
        &.-fault #fault { display: block; }
    }
    """

    @dataclass
    class Asked(Message):
        """This is asked for from now on."""

        query: Query

    def __init__(self, counting: Counting, said: Callable[[], SaidCounts], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._counting, self._said = counting, said
        self._proposals: tuple[Proposal, ...] = ()
        self.chosen = -1
        self._force = Query()
        #: What cannot be typed: values with characters that no terminal shows stay as they are.
        self._kept = Query()
        self._draft: tuple[Query, str] | None = None
        #: Whether what stands in the line was asked.
        self._submitted = False
        self._resting: Timer | None = None
        self._number = 0

    def compose(self) -> ComposeResult:
        """Lay the line, what is wrong with it, and the proposals above each other."""
        field = QueryInput(placeholder="action:login -ip:10.* word", id="filter", max_length=MAX_TEXT)
        # What is in force is gone on with, not typed over.
        field.select_on_focus = False
        yield field
        yield Static(id="fault")
        proposals = Static(id="proposals")
        proposals.display = False
        yield proposals

    # -- beginning and leaving -----------------------------------------------------------------------

    def edit(self, query: Query) -> None:
        """Begin to edit the query in force, or go on where this was left."""
        shown = tuple(term for term in query.terms if _typable(str(term)))
        self._force, self._kept = query, Query(tuple(term for term in query.terms if term not in shown))
        text = f"{Query(shown)} " if shown else ""
        if self._draft is not None and self._draft[0] == query:
            text = self._draft[1]
        self._show_fault(None)
        self._submitted = False
        self.field.value = text
        self.field.cursor_position = len(text)
        self.field.focus()
        self._look()

    def leave(self) -> None:
        """Remember what was typed and not asked."""
        if not self._submitted:
            self._draft = self._force, self.field.value
        self._quiet()

    def forget(self) -> None:
        """Forget what was typed: something else is open."""
        self._draft, self._force, self._kept = None, Query(), Query()
        self.field.value = ""
        self._quiet()

    def _quiet(self) -> None:
        self._number += 1
        if self._resting is not None:
            self._resting.stop()
        self._show((), -1)
        self._show_fault(None)

    @on(Input.Submitted, "#filter")
    def _ask(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            typed = parse(event.value)
        except QueryError as error:
            self._show_fault(error)
            self.field.cursor_position = error.column
            return
        self._draft, self._submitted = None, True
        self.post_message(self.Asked(also(self._kept, typed)))

    # -- while typing --------------------------------------------------------------------------------

    @on(Input.Changed, "#filter")
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.field.has_focus:
            return
        self._show_fault(None)
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_S, self._check)
        self._look()

    def _check(self) -> None:
        """Say what cannot be read, once the hand rests."""
        try:
            parse(self.field.value)
        except QueryError as error:
            self._show_fault(error)

    @work(group="complete", name="propose", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        """Look for what the word at the cursor could become; what is not for this text any more is dropped."""
        self._number += 1
        number, text, place, said = self._number, self.field.value, self.field.cursor_position, self._said()

        def wanted() -> bool:
            return number == self._number

        found = await asyncio.to_thread(_proposed, text, place, self._counting, said, wanted)
        if wanted():
            self._show(found, -1)

    # -- proposals -----------------------------------------------------------------------------------

    def choose(self, step: int) -> None:
        """Choose the proposal below or above; above the first is none."""
        few = self._shown()
        if few:
            self._show(self._proposals, (self.chosen + 1 + step) % (few + 1) - 1)

    def take(self) -> None:
        """Put the chosen proposal, or the first, in place of the word at the cursor."""
        if not self._proposals:
            return
        taken = self._proposals[max(0, self.chosen)]
        text = self.field.value
        new = taken.text if taken.text.endswith(":") else f"{taken.text} "
        rest = text[taken.end :]
        self.field.value = text[: taken.start] + new + (rest.lstrip() if new.endswith(" ") else rest)
        self.field.cursor_position = taken.start + len(new)
        self._look()

    def _shown(self) -> int:
        return min(len(self._proposals), MANY if self.app.size.height >= ROOMY else FEW)

    def _show(self, proposals: tuple[Proposal, ...], chosen: int) -> None:
        if not proposals and not self._proposals:
            return  # another text would lay out the screen
        self._proposals, self.chosen = proposals, chosen
        few = self._shown()
        shown = proposals[:few]
        width = min(max((cell_len(clean(one.text)) for one in shown), default=0), VALUE)
        prose = Prose()
        for n, one in enumerate(shown):
            text = fit(clean(one.text), width)
            sign: Part = ("▶ ", "accent") if n == chosen else "  "
            more = f"  +{len(proposals) - few} more" if n == few - 1 and len(proposals) > few else ""
            prose.line(sign, (text, "strong" if n == chosen else ""), "  ", (one.note + more, "quiet"))
        said = self.query_one("#proposals", Static)
        said.display = bool(shown)
        said.update(prose.content())

    def _show_fault(self, error: QueryError | None) -> None:
        self.set_class(error is not None, "-fault")
        if error is None:
            return
        text = error.text.expandtabs(1)
        before = cell_len(text[: error.column]) - self.field.scroll_offset.x
        signs = "^" * max(1, min(cell_len(text[error.column : error.column + error.length]), 40))
        room, what = self.size.width - 2, error.sentence()
        before = max(0, min(before, room - len(signs)))
        if before + len(signs) + 1 + cell_len(what) <= room or before < cell_len(what) + 1:
            parts: list[Part] = [" " * before, (signs, "strong"), f" {what}"]
        else:
            parts = [" " * (before - cell_len(what) - 1), f"{what} ", (signs, "strong")]
        self.query_one("#fault", Static).update(plain(*parts))


def _typable(text: str) -> bool:
    return clean(text, MAX_TEXT) == text


def _proposed(
    text: str, place: int, counting: Counting, said: SaidCounts, wanted: Callable[[], bool]
) -> tuple[Proposal, ...]:
    from workstation.services.timeline.query.complete import complete
    from workstation.services.timeline.working.frame import Cancelled

    def check() -> None:
        if not wanted():
            raise Cancelled

    try:
        return tuple(one for one in complete(text, place, counting(), said, check) if _typable(one.text))
    except Cancelled:
        return ()
