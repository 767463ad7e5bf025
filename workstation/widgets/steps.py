"""The steps of the procedure, the next one first in the eye."""

from __future__ import annotations

from workstation.services.views import Procedure, Step
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.times import ZULU, Zone


class StepsPane(Pane):
    """What is done, by whom, and what comes next."""

    HELP = "The procedure. t ticks the next step; a step that rests on evidence asks for a pin."

    def show(self, procedure: Procedure | None, zone: Zone = ZULU) -> None:
        """Write the procedure."""
        prose = Prose()
        if procedure is None:
            prose.line(("·  No procedure is written for this kind of case.", "quiet"))
            prose.line(("Work it by judgement and say so in a note (o).", "quiet"))
        else:
            done = sum(step.done_at is not None for step in procedure.steps)
            prose.line(
                (procedure.title, "strong"), (f"  v{procedure.version} · {done} of {len(procedure.steps)}", "quiet")
            )
            for n, step in enumerate(procedure.steps, 1):
                _step(prose, n, step, step is procedure.next_step, zone)
        self.write(prose.content())


def _step(prose: Prose, n: int, step: Step, is_next: bool, zone: Zone) -> None:
    sign = "✓" if step.done_at else ("▶" if is_next else "○")
    asks = "" if step.done_at else ("  needs a pin" if step.needs_pin else "")
    asks += "" if step.required else "  (may be left out)"
    prose.line(
        (f"{sign} {n:>2} ", "accent" if is_next else "quiet"),
        (step.text, "strong" if is_next else ("quiet" if step.done_at else "")),
        (asks, "accent" if is_next else "quiet"),
    )
    if step.done_at:
        pin = f", pin {step.pin}" if step.pin is not None else ""
        prose.line((f"     {step.done_by} {zone.at(step.done_at, '%m-%d %H:%M')}{pin}", "quiet"))
