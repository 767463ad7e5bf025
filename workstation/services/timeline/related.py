"""Accounts that share observables: who is asked, what a shared value weighs, and how accounts are ranked by it.

A value ties two accounts as far as it is rare. Two numbers say how rare, and both count:

- how surprising it is to have it at all, ``log(N/n)`` for a value that `n` of `N` accounts have (the inverse document
  frequency: Spärck Jones, "A statistical interpretation of term specificity", 1972), as a part of what a value of two
  accounts would have;
- how much of it belongs to any two of those who have it, ``1 / log2(n)`` (Adamic and Adar, "Friends and neighbors on
  the Web", 2003): an office's line is rare among a million accounts, and still ties nobody of the 4,312 behind it.

Times what a value of that field can say at best (:data:`STRENGTH`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from workstation.services.clock import to_micros
from workstation.services.timeline.source import Span
from workstation.services.views import Common, Observed, RelatedAccount, Tie

#: What a value of a field can say at best: a device or an address for money is one hand's; a line is a household's or
#: an office's, and lent for a day; a network is a carrier's, and by itself below :data:`FLOOR`: it ties nobody.
STRENGTH: dict[str, float] = {"device.id": 1.0, "target.id": 1.0, "source.ip": 0.6, "source.as.number": 0.04}
#: What the fields are called.
WORDS: dict[str, str] = {
    "device.id": "device",
    "target.id": "withdrawal address",
    "source.ip": "address",
    "source.as.number": "network",
}
#: Values of a field that are asked about at once, and accounts that are named for one (``docs/connectors.md``).
VALUES_MAX, HOLDERS_MAX = 50, 20
#: Below this a tie is none: it is said as a number of accounts, and names nobody.
FLOOR = 0.05


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Another account that has a value: first and last event with it, and how many."""

    account: str
    first: datetime
    last: datetime
    events: int


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """A value: how many accounts have it in all, the one asked about included, and up to 20 of the others."""

    value: str
    accounts: int
    holders: tuple[Holder, ...] = ()


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """What is shared of the values that were asked about; `population` is how many accounts there are, 0: not said."""

    shared: tuple[Shared, ...]
    population: int = 0


class Sharing(Protocol):
    """Knows which accounts have a value. Asked for one account, and only about what its own events hold."""

    async def sharing(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares:
        """Return who else has values of this account.

        Args:
            account: whose events hold the values; about a value that they do not hold nothing is said.
            field: one of :data:`STRENGTH`.
            values: at most :data:`VALUES_MAX`.
            span: of the events that count, on both sides.

        Raises:
            SourceMissing: there is no such account, or nobody here can say.
            SourceError: it could not be asked.
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


def weight(field: str, accounts: int, population: int) -> float:
    """Return how much a value that `accounts` have ties two of them, from 0 to 1.

    It falls with every further account, and is 0 where nobody else has the value, or everybody does. Where nobody says
    how many accounts there are, only how many have the value counts.
    """
    if accounts < 2:
        return 0.0
    surprise = 1.0
    if population > 2:
        surprise = max(0.0, math.log(population / accounts) / math.log(population / 2))
    return STRENGTH.get(field, 0.0) * surprise / math.log2(accounts)


def together(ties: Sequence[Tie]) -> float:
    """Return what several ties weigh together: of each field the strongest, as independent hints (noisy or)."""
    best: dict[str, float] = {}
    for tie in ties:
        best[tie.here.field] = max(best.get(tie.here.field, 0.0), tie.weight)
    return 1.0 - math.prod(1.0 - one for one in best.values())


def ranked(
    observed: Sequence[Observed], answers: Sequence[tuple[str, Shares]]
) -> tuple[tuple[RelatedAccount, ...], tuple[Common, ...]]:
    """Return the accounts that are tied to this one, the strongest first, and the values that tie nobody.

    Args:
        observed: what was asked about.
        answers: the field and what was said, one for each question.
    """
    here = {(one.field, one.value): one for one in observed}
    ties: dict[str, list[Tie]] = {}
    common: list[Common] = []
    for field, shares in answers:
        for shared in shares.shared:
            one = here.get((field, shared.value))
            if one is None or shared.accounts < 2:
                continue
            heavy = weight(field, shared.accounts, shares.population)
            if heavy < FLOOR:
                common.append(Common(field=field, value=shared.value, accounts=shared.accounts))
            for holder in shared.holders:
                ties.setdefault(holder.account, []).append(_tie(one, shared.accounts, heavy, holder))
    accounts = [_related(account, found) for account, found in ties.items()]
    kept = [one for one in accounts if one.weight >= FLOOR]
    return (
        tuple(sorted(kept, key=lambda one: (-one.weight, one.account))),
        tuple(sorted(common, key=lambda one: (one.accounts, one.field, one.value))),
    )


def _tie(here: Observed, accounts: int, heavy: float, holder: Holder) -> Tie:
    return Tie(
        here=here,
        accounts=accounts,
        weight=heavy,
        first_us=to_micros(holder.first),
        last_us=to_micros(holder.last),
        events=holder.events,
    )


def _related(account: str, ties: list[Tie]) -> RelatedAccount:
    # What has a weight of its own stands before what only goes along; the intruder's before the owner's.
    order = sorted(ties, key=lambda tie: (-tie.weight, tie.here.whose != "intruder", tie.here.field, tie.here.value))
    return RelatedAccount(account=account, weight=together(ties), ties=tuple(order))
