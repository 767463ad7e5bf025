"""Which of the demo's cases suits a story, by what the exchange itself knows."""

from __future__ import annotations

from collections.abc import Callable

from tests.story.client import account_of, credentials
from workstation.sandbox.place import Place
from workstation.services.accounts.model import Account, LockKind, SimState
from workstation.services.views import CaseRow
from workstation.services.workbench import Workbench

Wanted = Callable[[Place, CaseRow, Account], object]


def locked(demo: Place, row: CaseRow, account: Account) -> bool:
    """Somebody may unlock it, once it is clear whose it is."""
    kinds = {lock.kind for lock in account.locks}
    return bool(kinds & {LockKind.FAILED_SIGN_INS, LockKind.SECURITY}) and LockKind.CLIENT not in kinds


def lost_factor(demo: Place, row: CaseRow, account: Account) -> bool:
    """The client has no code at hand: some who say so are not the client."""
    asks = row.kind == "second_factor_lost" and bool(account.factors)
    return asks and not credentials(demo.directory / "exchange", account.id)["factor_code"]


def locked_by_the_client(demo: Place, row: CaseRow, account: Account) -> bool:
    """The client set a lock for a time."""
    return any(lock.kind is LockKind.CLIENT for lock in account.locks)


def sim_swapped(demo: Place, row: CaseRow, account: Account) -> bool:
    """The client's number lies in another card now."""
    return account.sim is SimState.SWAPPED and bool(account.factors)


async def find_case(demo: Place, desk: Workbench, wanted: Wanted) -> CaseRow:
    """Return a case that nobody holds and whose account is as wanted."""
    for row in await desk.case_rows((await desk.queue()).ids):
        if row.holder is None and wanted(demo, row, account_of(demo.directory / "exchange", row.account)):
            return row
    raise AssertionError(f"the sandbox made no case for {wanted.__name__}")
