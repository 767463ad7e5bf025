"""The packet of an escalation: what an analyst commits to, and, for the senior, what has moved since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workstation.services.views import Claim, Difference, EscalationView, Packet, Pin
from workstation.widgets.cells import Cell
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.times import ZULU, Zone

WIDTH = 13
UNSAID = "–"
#: Each verdict on a claim with its sign and word.
CLAIMS: dict[str, Cell] = {
    "open": Cell("□ nobody looked", "strong"),
    "supported": Cell("✓ supported", "accent"),
    "contradicted": Cell("✗ contradicted", "strong"),
    "cannot_know": Cell("? cannot know", ""),
    "withdrawn": Cell("– withdrawn", "quiet"),
}


class PacketPane(Pane):
    """The packet as it stands: what is missing first, since that is what to do next."""

    HELP = "The packet that an escalation carries. e edits it; forwarding is refused until nothing is missing."

    def show(self, packet: Packet, zone: Zone = ZULU) -> None:
        """Write the packet of a case that I work."""
        prose = Prose()
        if packet.returned_note:
            prose.line(("↩ returned: ", "strong"), packet.returned_note)
        if packet.state != "draft":
            prose.line((f"state: {packet.state}", "strong"))
        if packet.missing:
            prose.line(("missing before it can be forwarded (e edits):", "strong"))
            for what in packet.missing:
                prose.line(("  □ ", "accent"), what)
        elif packet.state == "draft":
            prose.line(("✓ complete: e forwards it", "accent"))
        write_packet(prose, packet, zone)
        self.write(prose.content())


class EscalationPane(Pane):
    """A packet as the senior reads it: the difference since it was forwarded comes first."""

    HELP = "The packet. What has changed since it was forwarded comes first; a change marked BLOCKS stops an approval."

    def show(self, view: EscalationView, zone: Zone = ZULU, claims: Sequence[Claim] = ()) -> None:
        """Write the opened packet, with what the log says of the client's claims."""
        prose = Prose()
        write_differences(prose, view.differences, zone.at(view.checked_at, "%H:%M:%S") + " " + zone.word)
        if view.problem:
            prose.line(("✗ ", "strong"), (view.problem, "strong"))
        prose.gap()
        write_packet(prose, view.packet, zone)
        write_claims(prose, claims, view.packet.pins)
        self.write(prose.content(), top=True)


def write_differences(prose: Prose, differences: Sequence[Difference], checked: str) -> None:
    """Add what has moved, or that nothing has."""
    if not differences:
        prose.line(("✓ Nothing moved since it was forwarded", "accent"), (f"  read again {checked}", "quiet"))
        return
    prose.line(
        (f"≠ {len(differences)} facts moved since it was forwarded", "strong"), (f"  read again {checked}", "quiet")
    )
    for change in differences:
        sign = ("  BLOCKS ", "strong") if change.blocks else ("  moved  ", "quiet")
        prose.line(
            sign,
            (f"{change.name}: ", "quiet"),
            change.before or UNSAID,
            (" → ", "accent"),
            (change.now or UNSAID, "strong"),
        )


def write_packet(prose: Prose, packet: Packet, zone: Zone) -> None:
    """Add finding, verdict, act, wants, evidence, steps and facts."""
    prose.pair("verdict", words(packet.verdict) or UNSAID, "strong", WIDTH)
    prose.pair("act", act_words(packet.act, packet.params) or UNSAID, "strong", WIDTH)
    prose.pair("client wants", packet.wants or UNSAID, width=WIDTH)
    prose.line((f"{'finding':<{WIDTH}}", "quiet"), packet.finding or UNSAID)
    if packet.by:
        when = f" {zone.at(packet.forwarded_at, '%m-%d %H:%M')}" if packet.forwarded_at else ""
        prose.pair("by", packet.by + when, width=WIDTH)
    prose.head(f"evidence {len(packet.pins)}")
    for pin in packet.pins:
        write_pin(prose, pin)
    write_proofs(prose, packet)
    if packet.steps:
        done = sum(step.done_at is not None for step in packet.steps)
        prose.head(f"procedure {done} of {len(packet.steps)}")
        for step in packet.steps:
            prose.line(("✓ " if step.done_at else "□ ", "accent" if step.done_at else "strong"), step.text)
    if packet.facts:
        prose.head("facts when it was forwarded")
        for fact in packet.facts:
            prose.line((f"{fact.name}  ", "quiet"), fact.value)


def write_proofs(prose: Prose, packet: Packet) -> None:
    """Add what the evidence proves, and what the recommended act still needs."""
    for proof in packet.proofs:
        prose.line(
            ("✓ ", "accent"), f"{proof.proof_class} by pin {proof.pin}: {proof.note}", (f"  {proof.by}", "quiet")
        )
    for need in packet.proof_needs:
        if not need.met:
            prose.line(
                ("□ ", "strong"), f"{' or '.join(need.any_of)} is missing", ("  P records what a pin proves", "quiet")
            )


def write_claim(prose: Prose, claim: Claim, pins: Sequence[Pin]) -> None:
    """Add a claim: what is said of it, why, and on which pins that rests."""
    verdict = CLAIMS.get(claim.verdict, Cell(claim.verdict))
    prose.line((f"{verdict.text}  ", verdict.tone), f"“{claim.said}”")
    if claim.why:
        prose.line(("  because ", "quiet"), claim.why)
    for pin in pins:
        if pin.id in claim.pins:
            write_pin(prose, pin, brief=True)


def write_claims(prose: Prose, claims: Sequence[Claim], pins: Sequence[Pin]) -> None:
    """Add what the client says and what the log says of it; nothing where no claim was written down."""
    if claims:
        prose.head(f"claims against the log {len(claims)}")
    for claim in claims:
        write_claim(prose, claim, pins)


def write_pin(prose: Prose, pin: Pin, *, brief: bool = False) -> None:
    """Add one piece of evidence."""
    origin = "" if brief else f"  {pin.source} · {pin.sha256[:12]}…"
    prose.line((f"pin {pin.id} ", "accent"), pin.summary, (origin, "quiet"))


def words(name: str) -> str:
    """Return a name of the data model as words: ``end_sessions`` becomes ``end sessions``."""
    return name.replace("_", " ")


def act_words(act: str, params: dict[str, Any]) -> str:
    """Return an act and what it is done to: ``remove factor f-1``."""
    return " ".join([words(act), *(str(value) for value in params.values())]).strip()
