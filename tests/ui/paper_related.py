"""What other accounts share with the paper's: a gang's device, an address for money, a line, and a carrier."""

from __future__ import annotations

from datetime import timedelta

from tests.ui import paper_data as data
from workstation.services.timeline.related import Holder, Shared, Shares

DAY = timedelta(days=1)


def _holder(account: str, days: int, events: int) -> Holder:
    since = data.NOW - days * DAY
    return Holder(account=account, first=since, last=since + DAY / 12, events=events)


def shared() -> tuple[tuple[str, Shares], ...]:
    """Return what the account system knows."""
    gang, victim, flat = (data.account_id(n) for n in (3, 5, 9))
    return (
        ("device.id", _of("d-77", 3, _holder(gang, 2, 9), _holder(victim, 6, 14))),
        ("target.id", _of("2.1 BTC", 2, _holder(gang, 2, 1))),
        ("source.ip", _of("85.243.10.4", 4, _holder(flat, 40, 120), _holder(victim, 6, 3))),
        ("source.as.number", _of("AS2860", 4_312, *(_holder(data.account_id(n), n, n) for n in range(11, 31)))),
    )


def _of(value: str, accounts: int, *holders: Holder) -> Shares:
    return Shares(shared=(Shared(value=value, accounts=accounts, holders=holders),))
