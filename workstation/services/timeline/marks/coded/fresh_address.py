"""A withdrawal to an address that was added shortly before.

Most first withdrawals are of this kind, so it is a low finding by itself. It weighs more where a device that was never
seen before had come in shortly before, whoever it was that added the address.
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting, told
from workstation.services.timeline.marks.past import DAY_US, HOUR_US
from workstation.services.timeline.working.frame import Check

SOON_US = DAY_US
_AT_ONCE_US = HOUR_US // 4

ABOUT = About(
    id="withdrawal_to_new_address",
    title="Withdrawal to an address just added",
    severity="medium",
    kind="coded",
    innocent="A new wallet, and the first thing sent to it.",
    technique="T1657",
    where="coded/fresh_address.py",
)


class WithdrawalToNewAddress:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        targets = lens.column("target.id")
        added = np.flatnonzero(lens.of(Kind.ADDRESS) & ~lens.failed & (targets > 0))
        asked = np.flatnonzero(lens.of(Kind.WITHDRAWAL) & ~lens.failed & (targets > 0))
        newcomers = np.flatnonzero(lens.entered & lens.past.device.new)
        check()
        out = []
        for add in lens.newest(added.tolist()):
            check()
            at = int(lens.times[add])
            span = lens.between(at, at + SOON_US)
            mine = asked[np.searchsorted(asked, max(span.start, add)) : np.searchsorted(asked, span.stop)]
            mine = mine[targets[mine] == targets[add]]
            if len(mine):
                out.append(self._found(lens, add, int(mine[0]), newcomers))
        return out

    @staticmethod
    def _found(lens: Lens, add: int, asked: int, newcomers: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Finding:
        took = int(lens.times[asked] - lens.times[add])
        facts = [Fact(f"asked for {lasting(took)} after the address was added", 1 + (took <= _AT_ONCE_US))]
        came = newcomers[(newcomers <= asked) & (lens.times[newcomers] >= lens.times[asked] - SOON_US)]
        if len(came):
            facts.append(Fact("a device never seen before had come in within a day before", 1))
        target = told(lens.text(asked, "target.id"))
        why = f"{lasting(took).capitalize()} after the address {target} was added, a withdrawal to it was asked for."
        severity = "medium" if len(came) else "low"
        return finding(ABOUT, lens, [add, asked, *came[-1:].tolist()], why=why, severity=severity, facts=facts)


RULE = WithdrawalToNewAddress()
