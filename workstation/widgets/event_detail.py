"""One event whole: its fields, the marks that name it, its raw record and the hash of that."""

from __future__ import annotations

from collections.abc import Sequence

from workstation.services.text import mixed_scripts
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.source import Gap
from workstation.services.timeline.working.rows import FoldRow, GapRow, Row
from workstation.services.views import Findings, Mark, Pin
from workstation.widgets.labels import LabelMap, tied_to
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.times import ZULU, Zone

WIDTH = 29


class EventDetail(Pane):
    """The event, or the gap, under the cursor of the timeline."""

    HELP = "The event under the cursor with all of its fields, and the raw record that was kept byte for byte."
    #: Whether the raw record stands above the fields.
    raw_first = False

    def show(
        self,
        row: Event | Row | None,
        *,
        zone: Zone,
        labels: LabelMap,
        marks: Sequence[Mark],
        pin: Pin | None,
        findings: Findings,
    ) -> None:
        """Write everything that is known of an event, a fold or a gap."""
        if row is None:
            self.write(Prose().line(("No event under the cursor.", "quiet")).content(), top=True)
        elif isinstance(row, GapRow):
            self.write(_gap(row.gap, zone).content(), top=True)
        elif isinstance(row, FoldRow):
            self.write(_fold(row, zone).content(), top=True)
        elif isinstance(row, Event):
            prose = _raw(Prose(), row).gap() if self.raw_first else Prose()
            _event(prose, row, zone, labels, marks, pin, findings)
            self.write((prose if self.raw_first else _raw(prose, row)).content(), top=True)


def _gap(gap: Gap, zone: Zone) -> Prose:
    prose = Prose().line((f"{gap.source} gave nothing for this span.", "strong"))
    prose.pair("from", f"{zone.at_us(gap.since_us)} {zone.word}").pair("to", f"{zone.at_us(gap.until_us)} {zone.word}")
    prose.pair("why", gap.why).pair("what to do", gap.hint or "r reads the timeline again")
    return prose.gap().line(("What happened in a gap is unknown, not absent.", "quiet"))


def _fold(row: FoldRow, zone: Zone) -> Prose:
    what = f"{row.count:,} events of one session" if row.session else f"{row.count:,} like events close in time"
    prose = Prose().line((what, "strong")).pair("from", f"{zone.at_us(row.first.time_us)} {zone.word}")
    prose.pair("to", f"{zone.at_us(row.last.time_us)} {zone.word}").pair("session", row.session or "none")
    for action, count in row.actions:
        prose.line((f"{count:>9,}  ", "quiet"), action)
    return prose.gap().line(("Enter closes it again." if row.opened else "Enter shows its events.", "quiet"))


def _event(
    prose: Prose, event: Event, zone: Zone, labels: LabelMap, marks: Sequence[Mark], pin: Pin | None, findings: Findings
) -> None:
    prose.line((event.action, "strong"), "  ", (f"{zone.at_us(event.time_us)} {zone.word}", "quiet"))
    if pin is not None:
        prose.line(("pin ", "accent"), f"evidence {pin.id}, kept by {pin.added_by} {zone.at(pin.added_at)}")
    for mark in marks:
        tone = "hostile" if mark.severity == "high" else "strong"
        prose.line((f"◆ {mark.severity}: {mark.title or mark.rule}  ", tone), mark.why)
        prose.line((f"  harmless if: {mark.innocent}", "quiet"))
        for judged in (one for one in findings.judgements if one.rule == mark.rule):
            prose.line((f"  judged {judged.verdict} by {judged.by}  ", "accent"), judged.why)
    for note in findings.notes:
        if (note.source, note.event_id) == (event.source, event.id):
            prose.line(("✎ ", "accent"), note.text, (f"  {note.by} {zone.at(note.at)}", "quiet"))
    verdicts = dict(labels)
    tied = {value: verdicts[(kind, value)] for kind, value in tied_to(event) if (kind, value) in verdicts}
    if zone is not ZULU:
        prose.pair("@timestamp (UTC)", ZULU.at_us(event.time_us, "%Y-%m-%d %H:%M:%S.%f"), width=WIDTH)
    for field, attribute in FIELDS.items():
        value = str(getattr(event, attribute))
        if not value:
            continue
        verdict = tied.get(value, "")
        warning = mixed_scripts(value) if attribute in ("account_name", "actor_name", "target", "device") else ""
        extra = (f"  {verdict.upper()}", "hostile" if verdict == "intruder" else "accent") if verdict else ("", "")
        prose.line((f"{field:<{WIDTH}}", "quiet"), value, extra, (f"  {warning}" if warning else "", "strong"))
    if event.ingested_us:
        late = (event.ingested_us - event.time_us) / 1_000_000
        said = f"{late:,.0f} s later" if late >= 0 else f"{-late:,.0f} s before it happened: a clock is wrong"
        prose.pair("event.ingested", f"{zone.at_us(event.ingested_us)}  {said}", width=WIDTH)


def _raw(prose: Prose, event: Event) -> Prose:
    prose.head("raw record, as it came").block(event.raw.decode("utf-8", "backslashreplace") or "(none was kept)")
    return prose.pair("sha256", event.sha256, "quiet")
