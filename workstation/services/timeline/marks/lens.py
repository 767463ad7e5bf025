"""A frame as detectors look at it: by time, with what every one of them asks worked out once.

Everything but :attr:`Lens.frame` counts in *places*: 0 is the oldest event. :attr:`Lens.order` says which row is where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.marks.kinds import Kind, kind_of, refused
from workstation.services.timeline.marks.networks import is_hoster, prefix_of
from workstation.services.timeline.marks.programs import program_of
from workstation.services.timeline.working.frame import Check, Codes, Frame, Mask, Times, never

if TYPE_CHECKING:
    from workstation.services.timeline.marks.past import Past

Numbers = npt.NDArray[np.int64]
T = TypeVar("T")

#: Findings of one rule that are worked out; of more, the newest.
NEWEST = 200
#: So long after a link was asked for a new password is a reset, where the log has one word for both. Links of the
#: supported sources are good for minutes to a day; few who ask wait longer than this.
ASKED_US = 2 * 3_600_000_000


class Groups:
    """The places of each code of a column, by time."""

    def __init__(self, codes: Codes | Numbers) -> None:
        self._order = np.argsort(codes, kind="stable")
        self._starts = np.concatenate(([0], np.cumsum(np.bincount(codes))))

    def places(self, code: int) -> Numbers:
        """Return the places of a code."""
        return np.asarray(self._order[self._starts[code] : self._starts[code + 1]])


class Lens:
    """A frame by time.

    Args:
        frame: the events; a snapshot, which does not grow meanwhile.
        check: asked between steps; raises Cancelled.
    """

    def __init__(self, frame: Frame, check: Check = never) -> None:
        self.frame = frame
        self._check = check
        #: What the rule that is being asked found beyond what is worked out.
        self.left_out = 0
        self._columns: dict[str, Codes] = {}
        self._kinds: dict[tuple[Kind, ...], Mask] = {}

    def __len__(self) -> int:
        return len(self.order)

    def newest(self, parts: Sequence[T]) -> Sequence[T]:
        """Return at most :data:`NEWEST` of what a rule found; parts are by time. :attr:`left_out` counts the others."""
        self.left_out += max(0, len(parts) - NEWEST)
        return parts[-NEWEST:]

    @cached_property
    def order(self) -> Numbers:
        """Row of each place; of one instant as they came."""
        return np.argsort(self.frame.times(), kind="stable")

    @cached_property
    def times(self) -> Times:
        """Microseconds since the epoch of each place."""
        return self.frame.times()[self.order]

    def column(self, field: str) -> Codes:
        """Return the codes of a field by place. Raises KeyError."""
        if field not in self._columns:
            self._check()
            self._columns[field] = self.frame.codes(field)[self.order]
        return self._columns[field]

    def text(self, place: int, field: str) -> str:
        """Return one value. Raises KeyError."""
        return self.frame.values(field)[int(self.column(field)[place])]

    def texts(self, places: npt.ArrayLike, field: str) -> list[str]:
        """Return the different values of a field at these places, in their order, without the absent one."""
        values = self.frame.values(field)
        codes = self.column(field)[np.asarray(places, np.int64)].tolist()
        return [values[code] for code in dict.fromkeys(codes) if code]

    def table(self, field: str, of: Callable[[str], int]) -> Numbers:
        """Return a number for each distinct value of a field that these events have; 0 for the absent one."""
        values, codes = self.frame.values(field), self.column(field)
        most = int(codes.max(initial=0))
        return np.fromiter((of(values[code]) if code else 0 for code in range(most + 1)), np.int64, most + 1)

    # -- what happened ---------------------------------------------------------------------------

    @cached_property
    def kinds(self) -> npt.NDArray[np.int8]:
        """Kind of each event."""
        table = self.table("event.action", lambda action: int(kind_of(action))).astype(np.int8)
        kinds = table[self.column("event.action")]
        asked = self.times[(kinds == Kind.RESET_ASKED) & ~self.failed]
        new = np.flatnonzero(kinds == Kind.PASSWORD)
        if len(asked) and len(new):
            before = np.searchsorted(asked, self.times[new], "right") - 1
            since = self.times[new] - asked[np.maximum(before, 0)]
            kinds[new[(before >= 0) & (since <= ASKED_US)]] = Kind.RESET
        return np.asarray(kinds)

    def of(self, *kinds: Kind) -> Mask:
        """Return which events are of these kinds."""
        if kinds not in self._kinds:
            flags = np.zeros(max(Kind) + 1, np.bool_)
            flags[list(kinds)] = True
            self._kinds[kinds] = flags[self.kinds]
        return self._kinds[kinds]

    @cached_property
    def failed(self) -> Mask:
        """Which events say that it did not work."""
        outcomes, actions = self.column("event.outcome"), self.column("event.action")
        said = self.table("event.outcome", lambda text: {"failure": 1, "success": 2}.get(text, 0))[outcomes]
        named = self.table("event.action", refused)[actions] > 0
        return np.asarray((said == 1) | (named & (said != 2)))

    @cached_property
    def own(self) -> Mask:
        """Which events were done in the account's own name: by itself, or by nobody who is named."""
        same = self._same("user.id", "user.target.id") | self._same("user.name", "user.target.name")
        nobody = self.column("user.id") == 0
        # Some logs name people and give them no number.
        nobody &= (self.column("user.name") == 0) | (self.column("user.target.name") == 0)
        return np.asarray(same | nobody)

    def _same(self, actor: str, account: str) -> Mask:
        who, whom = self.column(actor).astype(np.int64), self.column(account).astype(np.int64)
        width = int(whom.max(initial=0)) + 1
        pairs, inverse = np.unique(who * width + whom, return_inverse=True)
        actors, accounts = self.frame.values(actor), self.frame.values(account)

        def same(pair: int) -> bool:
            one, other = divmod(pair, width)
            return bool(one and other) and actors[one].casefold() == accounts[other].casefold()

        return np.fromiter(map(same, pairs.tolist()), np.bool_, len(pairs))[inverse]

    # -- whence ----------------------------------------------------------------------------------

    @cached_property
    def device(self) -> Numbers:
        """What each event came from: a number of the device, else of the kind of program; 0 where neither is said."""
        devices, programs = self.column("device.id").astype(np.int64), self.column("user_agent.original")
        names: dict[str, int] = {}
        table = self.table("user_agent.original", lambda text: 1 + names.setdefault(program_of(text), len(names)))
        by_program = table[programs]
        return np.where(devices > 0, devices, np.where(by_program > 0, by_program + self.named_devices, 0))

    @cached_property
    def named_device(self) -> Numbers:
        """The device of each event where the log names one, else 0."""
        return np.where(self.device <= self.named_devices, self.device, 0)

    @cached_property
    def known_device(self) -> Mask:
        """Which events came from a device that the log names and that was not new any more."""
        return np.asarray((self.named_device > 0) & (self.past.device.since >= 0) & ~self.past.device.new)

    @cached_property
    def by_session(self) -> Groups:
        """The places of each session."""
        return Groups(self.session)

    @cached_property
    def by_address(self) -> Groups:
        """The places of each address."""
        return Groups(self.address)

    @cached_property
    def by_device(self) -> Groups:
        """The places of each device."""
        return Groups(self.device)

    @cached_property
    def named_devices(self) -> int:
        """The greatest number of :attr:`device` that is a device's own; greater ones are kinds of program."""
        return int(self.column("device.id").max(initial=0))

    @cached_property
    def address(self) -> Codes:
        """Code of the IP address of each event; 0 where none is said."""
        return self.column("source.ip")

    @cached_property
    def network(self) -> Numbers:
        """Network of each event: a number of its AS, else of the block around its address; 0 where neither is said."""
        systems = self._at_address(self.column("source.as.number")).astype(np.int64)
        blocks: dict[str, int] = {}

        def block(text: str) -> int:
            name = prefix_of(text)
            return 1 + blocks.setdefault(name, len(blocks)) if name else 0

        around = self.table("source.ip", block)[self.address]
        return np.where(systems > 0, systems, np.where(around > 0, around + int(systems.max(initial=0)), 0))

    @cached_property
    def country(self) -> Codes:
        """Code of the country of each event; 0 where none is said."""
        return self._at_address(self.column("source.geo.country_iso_code"))

    def _at_address(self, codes: Codes) -> Codes:
        """Return a column with what other events say of the same address where one says nothing.

        A change in an audit log names an address only, the sign-in before it the operator and the country too; read
        apart they would look like two networks.
        """
        told = np.flatnonzero((codes > 0) & (self.address > 0))
        if len(told) in (0, len(codes)):
            return codes
        known = np.zeros(int(self.address.max(initial=0)) + 1, codes.dtype)
        known[self.address[told]] = codes[told]
        return np.asarray(np.where(codes > 0, codes, known[self.address]))

    @cached_property
    def session(self) -> Codes:
        """Code of the session of each event; 0 where none is said."""
        return self.column("session.id")

    @cached_property
    def hosted(self) -> Mask:
        """Which events came from a hoster's or anonymiser's network, as far as its name or number tells."""
        names = self._at_address(self.column("source.as.organization.name"))
        numbers = self._at_address(self.column("source.as.number"))
        by_name = self.table("source.as.organization.name", lambda text: is_hoster(name=text))
        by_number = self.table("source.as.number", lambda text: is_hoster(number=text))
        return np.asarray((by_name[names] + by_number[numbers]) > 0)

    @cached_property
    def present(self) -> Mask:
        """Which events show somebody at the account: in its own name, not refused, and from somewhere."""
        return self.own & ~self.failed & ((self.device > 0) | (self.address > 0))

    @cached_property
    def entered(self) -> Mask:
        """Which events let somebody in; in a log of second factors alone, one that was given."""
        coming = self.of(Kind.SIGN_IN, Kind.RESUMED) & ~self.failed & self.own
        return coming if coming.any() else self.of(Kind.FACTOR_CHECKED) & ~self.failed & self.own

    @cached_property
    def past(self) -> Past:
        """What is new to the account."""
        from workstation.services.timeline.marks.past import Past

        return Past(self)

    @cached_property
    def came_in(self) -> Numbers:
        """Place at which each event's session was first seen with its origin; -1 without a session or an origin."""
        told = np.flatnonzero((self.session > 0) & ((self.device > 0) | (self.address > 0)))
        first = np.full(int(self.session.max(initial=0)) + 1, -1, np.int64)
        first[self.session[told][::-1]] = told[::-1]
        first[0] = -1
        return np.asarray(first[self.session])

    @cached_property
    def moved(self) -> Mask:
        """Which events are of a session that came in from another address."""
        start = np.maximum(self.came_in, 0)
        there, here = self.address[start], self.address
        return np.asarray((self.came_in >= 0) & (here > 0) & (there > 0) & (here != there))

    def between(self, since_us: int, until_us: int) -> slice:
        """Return the places from one moment to another, both included."""
        first, last = np.searchsorted(self.times, [since_us, until_us + 1])
        return slice(int(first), int(last))

    def within(self, places: Numbers, since_us: int, until_us: int) -> Numbers:
        """Return those of some places, which are by time, that are from one moment to another, both included."""
        span = self.between(since_us, until_us)
        first, last = np.searchsorted(places, [span.start, span.stop])
        return np.asarray(places[first:last])
