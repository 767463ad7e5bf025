"""Owner or intruder: what an event is tied to, and what the labels say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workstation.services.timeline.event import Event
from workstation.services.views import Label
from workstation.widgets.cells import Cell

#: The verdicts that can be given, each with the word of the column and its tone.
VERDICTS: dict[str, Cell] = {
    "owner": Cell("owner", "accent"),
    "intruder": Cell("INTRUDER", "hostile"),
    "unknown": Cell("unknown", "quiet"),
}
MIXED = Cell("owner+INTR.", "hostile")

LabelMap = Mapping[tuple[str, str], str]


def tied_to(event: Event) -> tuple[tuple[str, str], ...]:
    """Return the device, network and session of an event, those that it has. A network is an AS, else an address."""
    pairs = (("device", event.device), ("network", event.asn or event.ip), ("session", event.session))
    return tuple((kind, value) for kind, value in pairs if value)


def label_map(labels: Iterable[Label]) -> dict[tuple[str, str], str]:
    """Return the verdict of each labelled device, network and session."""
    return {(label.kind, label.value): label.verdict for label in labels}


def whose(event: Event, labels: LabelMap) -> Cell:
    """Return the word of the label column. Where labels contradict each other it says so."""
    verdicts = {labels[pair] for pair in tied_to(event) if pair in labels}
    if {"owner", "intruder"} <= verdicts:
        return MIXED
    for verdict in ("intruder", "owner", "unknown"):
        if verdict in verdicts:
            return VERDICTS[verdict]
    return Cell("")
