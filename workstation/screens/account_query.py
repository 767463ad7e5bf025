"""What of the account's timeline is shown: queries, spans of time, values, columns, order, sources."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from workstation.screens.account_story import AccountStory
from workstation.screens.dialogs.choose import ChooseDialog
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.query import edit
from workstation.services.timeline.query.ast import quoted_value
from workstation.services.timeline.query.language import parse
from workstation.widgets.choices import Choice
from workstation.widgets.event_columns import LANES, SETS, own
from workstation.widgets.timeline_pane import NEWEST, TimelinePane

QUERY_KEYS: list[BindingType] = [
    Binding("f", "keep_value", "Filter", id="account.filter", tooltip="Show only events with a value of this one"),
    Binding("x", "hide_value", "Hide", show=False, id="account.hide", tooltip="Hide events with a value of this one"),
    Binding(
        "slash",
        "type_filter",
        "Query",
        show=False,
        key_display="/",
        id="account.filter-line",
        tooltip="Type a query",
    ),
    Binding("F", "chips", "Filters", show=False, id="account.chips", tooltip="Go to the filters in force, each"),
    Binding(
        "escape",
        "back",
        "Undo filter",
        show=False,
        id="account.back",
        tooltip="Stop reading, or drop the last filter",
    ),
    Binding(
        "less_than_sign", "query(-1)", "Query before", show=False, id="account.query-before", tooltip="The query before"
    ),
    Binding(
        "greater_than_sign", "query(1)", "Query after", show=False, id="account.query-after", tooltip="The query after"
    ),
    Binding(
        "A",
        "ask_stores",
        "Ask stores",
        show=False,
        id="account.ask-stores",
        tooltip="Ask the stores for this query, however far back; again for everything",
    ),
    Binding("Q", "queries", "Queries", show=False, id="account.queries", tooltip="Queries that were asked or kept"),
    Binding("h", "when", "When", show=False, id="account.when", tooltip="Choose a span of time in the bars"),
    Binding("g", "facets", "Values", show=False, id="account.facets", tooltip="How often each value occurs"),
    Binding("s", "fold", "Fold", show=False, id="account.fold", tooltip="Sessions and bursts as a row each"),
    Binding("D", "columns", "Columns", show=False, id="account.columns", tooltip="The next set of columns"),
    Binding("L", "lanes", "Lanes", show=False, id="account.lanes", tooltip="Owner and intruder side by side"),
    Binding("N", "order", "Order", show=False, id="account.order", tooltip="Sort by time or by a field"),
    Binding("y", "raw", "Raw", show=False, id="account.raw", tooltip="The raw record of this event, or its fields"),
    Binding("G", "sources", "Sources", show=False, id="account.sources", tooltip="How each source stands, and why"),
    Binding("R", "read_on", "Read on", show=False, id="account.read-on", tooltip="Read on where a source failed"),
]
_OLDEST = (NEWEST[0], True)


class AccountQuery(AccountStory):
    """Choosing what of the timeline is seen, and how."""

    BINDINGS: ClassVar[list[BindingType]] = QUERY_KEYS

    def __init__(self) -> None:
        super().__init__()
        #: The column set that is shown, and the one before the lanes.
        self._columns, self._before_lanes = "overview", "overview"

    # -- values of the event --------------------------------------------------------------------------

    def action_keep_value(self) -> None:
        """Choose a value of this event to filter on."""
        self._filter_on_value(hide=False)

    def action_hide_value(self) -> None:
        """Choose a value of this event to hide."""
        self._filter_on_value(hide=True)

    @work(group="flow", name="filter on a value", exit_on_error=False)
    async def _filter_on_value(self, hide: bool) -> None:
        event = self.timeline.ledger.event
        if event is None:
            return
        fields = sorted(FIELDS.items(), key=lambda field: field[1] == "id")
        choices = [
            Choice(key=attribute, label=field, detail=str(getattr(event, attribute)))
            for field, attribute in fields
            if getattr(event, attribute)
        ]
        title = "Hide events with this value" if hide else "Show only events with this value"
        dialog = ChooseDialog(title, choices, first="field", second="value of this event")
        attribute = await self.ask(dialog)
        if attribute:
            query, value = self.timeline.query_in_force, str(getattr(event, attribute))
            self.timeline.ask((edit.without_value if hide else edit.with_value)(query, attribute, value))

    # -- the query ------------------------------------------------------------------------------------

    def action_type_filter(self) -> None:
        """Edit the query in force."""
        self.timeline.start_typing()

    def action_chips(self) -> None:
        """Go to the filters in force."""
        if self.timeline.query_in_force:
            self.timeline.chip_line.begin()
        else:
            self.say("No filter is in force: / types one, f takes a value of this event.")

    def action_back(self) -> None:
        """Leave the query line, stop opening or reading, or drop the last filter: one at a time."""
        pane = self.timeline
        if pane.typing:
            pane.stop_typing()
        elif self.stop_opening():
            self.say("Left.")
        elif pane.timeline is not None and pane.timeline.loading:
            pane.timeline.stop()
            self.say("Reading was stopped; what came is shown. R reads on from there.")
        elif pane.query_in_force:
            pane.ask(edit.without_last(pane.query_in_force))
        else:
            pane.ledger.focus()

    def action_query(self, step: int) -> None:
        """Go back to the query before, or forward again."""
        if not self.timeline.asked_before(step):
            self.say("There is no query before this one." if step < 0 else "There is no query after this one.")

    def action_ask_stores(self) -> None:
        """Ask the stores for the query in force, beyond what is loaded; or read everything again."""
        pane, view = self.timeline, self.view
        if pane.timeline is None or view is None:
            self.say("No timeline is open.")
        elif pane.timeline.asked:
            self.read_timeline(view.account.id)
            self.say("Everything is read again.")
        elif asked := edit.of_events(pane.query_in_force):
            self.read_timeline(view.account.id, asked)
            self.say("The stores are asked for that alone, as far back as its times go. A again reads everything.")
        else:
            self.say("Type a query first: the stores are asked for it. Pins, marks and labels they do not know.")

    @work(group="flow", name="kept queries", exit_on_error=False)
    async def action_queries(self) -> None:
        """List the queries that were asked or kept; ask one of them."""
        from workstation.screens.dialogs.queries import QueriesDialog

        kind = self.row.kind if self.row is not None else ""
        query = await self.ask(QueriesDialog(self.timeline.query_in_force, self.timeline.history.asked, kind))
        if query is not None:
            self.timeline.ask(query)

    @on(TimelinePane.Refused)
    def query_refused(self, event: TimelinePane.Refused) -> None:
        """Say why the query cannot be asked."""
        self.say(f"✗ {event.why}", "strong")

    def only_with(self, text: str) -> None:
        """Show only events that have a text in any field, beside what is shown and hidden already."""
        self.timeline.ask(edit.also(self.timeline.query_in_force, parse(quoted_value(text, after_field=False))))

    # -- time and values of all -----------------------------------------------------------------------

    def action_when(self) -> None:
        """Choose a span of time, beginning at the event under the cursor."""
        event = self.timeline.ledger.event
        if self.timeline.total:
            self.timeline.histogram.begin(event.time_us if event is not None else None)
        else:
            self.say("No event is here yet.")

    @work(group="flow", name="how often values occur", exit_on_error=False)
    async def action_facets(self) -> None:
        """Count the values of the events shown; show or hide one."""
        from workstation.screens.dialogs.facets import FacetsDialog, counted_at_once

        sifted = self.timeline.sifted
        if sifted is None or not sifted.shown.events:
            self.say("No event is shown whose values could be counted.")
            return
        frame, mask = sifted.shown.frame, sifted.mask
        taken = await self.ask(FacetsDialog(frame, mask, await counted_at_once(frame, mask)))
        if taken is not None:
            change = edit.without_value if taken.hide else edit.with_value
            self.timeline.ask(change(self.timeline.query_in_force, taken.field, taken.value))

    # -- how rows look --------------------------------------------------------------------------------

    def action_fold(self) -> None:
        """Fold sessions and bursts, or show every event."""
        self.timeline.set_folding(not self.timeline.folding)
        self.say(
            "Sessions and bursts are a row each; Enter opens one." if self.timeline.folding else "Every event is a row."
        )

    def action_columns(self) -> None:
        """Show the next set of columns."""
        names = [*(name for name in SETS if name != LANES), *self.desk.column_sets]
        shown = self._columns if self._columns in names else self._before_lanes
        name = names[(names.index(shown) + 1) % len(names)]
        self._lay(name)
        self.say(f"Columns: {name} ({names.index(name) + 1} of {len(names)}). L shows lanes.")

    def action_lanes(self) -> None:
        """Show what the owner and the intruder did in lanes, or the columns as before."""
        if self._columns == LANES:
            self._lay(self._before_lanes)
        else:
            self._before_lanes = self._columns
            self._lay(LANES)
            if not self.timeline.ledger.labels:
                self.say("Lanes follow the labels: l says whose a device, network or session is.")

    def _lay(self, name: str) -> None:
        self._columns = name
        self.timeline.ledger.lay(SETS[name] if name in SETS else own(self.desk.column_sets[name]))

    @work(group="flow", name="sort the timeline", exit_on_error=False)
    async def action_order(self) -> None:
        """Choose what the rows are sorted by."""
        choices = [
            Choice(key="newest", label="newest first", detail="by when it happened"),
            Choice(key="oldest", label="oldest first", detail="by when it happened"),
            *(Choice(key=field, label=field, detail="from A to Z; equal ones by time") for field in FIELDS),
        ]
        chosen = await self.ask(ChooseDialog("Sort the timeline", choices, first="by", second="how"))
        if chosen is not None:
            self.timeline.sort(*{"newest": NEWEST, "oldest": _OLDEST}.get(chosen, (chosen, True)))
            self.write_timeline_title()

    def action_raw(self) -> None:
        """Show the raw record first, or the fields."""
        self.detail.raw_first = not self.detail.raw_first
        self.show_tab("event")
        self.write_detail()

    # -- sources --------------------------------------------------------------------------------------

    def action_read_on(self) -> None:
        """Read on where a source failed or was stopped."""
        timeline = self.timeline.timeline
        if timeline is None:
            self.action_reread()
        elif names := timeline.again():
            self.say(f"Reading on: {', '.join(names)}.")
        else:
            self.say("Every source was read to its end.")

    @work(group="flow", name="how the sources stand", exit_on_error=False)
    async def action_sources(self) -> None:
        """Show how each source stands."""
        from workstation.screens.dialogs.sources import SourcesDialog

        timeline = self.timeline.timeline
        if timeline is None:
            self.say("No timeline is open.")
        else:
            await self.ask(SourcesDialog(timeline, self.zone))

    def action_reread(self) -> None:
        """Read everything again."""
        if self.case is not None:
            self.read(self.case)
        elif self.view is not None:
            self.read_timeline(self.view.account.id)
        else:
            self.say("No case is open: n takes the next one.")
