"""The keys of the account screen."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
    Binding("p", "pin", "Pin", id="account.pin", tooltip="Keep this event as evidence, with its raw bytes"),
    Binding("l", "label", "Label", id="account.label", tooltip="Say whose its device, network or session is"),
    Binding("r", "reply", "Reply", id="account.reply", tooltip="Write to the address on record"),
    Binding("e", "packet", "Escalate", id="account.packet", tooltip="Edit the packet; forward it, or ask guidance"),
    Binding("a", "acts", "Acts", show=False, id="account.acts", tooltip="What may be done to the account, and why not"),
    Binding("t", "tick_step", "Tick", show=False, id="account.tick", tooltip="Tick the procedure's next step"),
    Binding("o", "note", "Note", show=False, id="account.note", tooltip="Write a note for colleagues"),
    Binding("v", "reveal", "Reveal", show=False, id="account.reveal", tooltip="Read one masked field for a minute"),
    Binding("z", "zone", "Zone", show=False, id="account.zone", tooltip="Times in UTC, the client's zone, or mine"),
    Binding("m", "mark(1)", "Next mark", show=False, id="account.mark-next", tooltip="The next marked event below"),
    Binding("M", "mark(-1)", "Mark above", show=False, id="account.mark-before", tooltip="The next marked event above"),
    Binding("u", "recall", "Recall", show=False, id="account.recall", tooltip="Take the last mail back while it waits"),
    Binding(
        "P", "proof", "Proves", show=False, id="account.proof", tooltip="Record what a pin proves: a class of evidence"
    ),
    Binding(
        "B",
        "break_glass",
        "Break glass",
        show=False,
        id="account.break-glass",
        tooltip="One person alone, for an incident; or end it",
    ),
    Binding("V", "veto", "Veto", show=False, id="account.veto", tooltip="Stop a request that was not executed yet"),
    Binding("c", "close", "Close", show=False, id="account.close", tooltip="Close the case with its outcome"),
    Binding(
        "b", "give_back", "Give back", show=False, id="account.give-back", tooltip="Give the case back to the queue"
    ),
    Binding("n", "next", "Next", show=False, id="account.next", tooltip="Take the next case that you may take"),
    Binding("ctrl+r", "reread", "Read again", show=False, id="account.reread", tooltip="Read everything again"),
    Binding(
        "left,left_square_bracket",
        "tab(-1)",
        "Pane before",
        show=False,
        id="account.tab-before",
        tooltip="The pane before",
    ),
    Binding(
        "right,right_square_bracket",
        "tab(1)",
        "Next pane",
        show=False,
        id="account.tab-next",
        tooltip="The next pane",
    ),
]
