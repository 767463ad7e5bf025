"""Whether what an intruder made still stands: each thing held against the account as it reads now.

Three answers, never two: *gone* needs an account system that would have told of it. What goes into a packet is
decided here too: which act protects against what is live, and what no act can remove.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from workstation.services.accounts.model import Account, Contact, ContactKind, Factor, Standing
from workstation.services.acts.control import Act
from workstation.services.clock import from_micros
from workstation.services.text import clean
from workstation.services.views import Left, LeftStanding, Made, MadeKind, Option, Packet, Still

#: How far the log's time of a change may lie from the account's own: two clocks, and a verification by mail between.
NEAR = timedelta(minutes=10)
#: Where the part of a finding begins that is written here; it is written anew, not twice.
HEAD = "Left standing by the intruder"
#: Which kinds of `Account.standing` are which things.
_LISTED = {
    MadeKind.API_KEY: "api_key",
    MadeKind.WITHDRAWAL_ADDRESS: "withdrawal_address",
    MadeKind.MAIL_RULE: "mail_rule",
    MadeKind.TRUSTED_DEVICE: "trusted_device",
}
#: What protects against a thing that is live, and what that does not do.
REMEDY: dict[MadeKind, tuple[Act | None, str]] = {
    MadeKind.SESSION: (Act.END_SESSIONS, ""),
    MadeKind.PASSWORD: (Act.LOCK, "it stays his until a new one is set"),
    MadeKind.FACTOR: (Act.LOCK, "remove_factor takes it away, with evidence and a second person"),
    MadeKind.FACTOR_OFF: (Act.LOCK, "no act puts it back"),
    MadeKind.CONTACT: (Act.LOCK, "no act changes it back"),
    MadeKind.API_KEY: (Act.FREEZE_WITHDRAWALS, "no act removes the key"),
    MadeKind.WITHDRAWAL_ADDRESS: (Act.FREEZE_WITHDRAWALS, "no act removes the address"),
    MadeKind.MAIL_RULE: (None, "no act removes it: the client or the mail's administrator must"),
    MadeKind.TRUSTED_DEVICE: (Act.LOCK, "no act removes it"),
    MadeKind.ACCESS: (Act.LOCK, "no act takes it back"),
}
#: Of several acts that are needed, which a packet recommends: what keeps him out, then the money, then who is in.
FIRST = (Act.LOCK, Act.FREEZE_WITHDRAWALS, Act.END_SESSIONS)
_LIVE, _GONE, _UNKNOWN = Still.LIVE, Still.GONE, Still.UNKNOWN


def held_against(made: Sequence[Made], account: Account | None, read_at: datetime, problem: str = "") -> LeftStanding:
    """Return each thing with whether it still stands.

    Args:
        made: of :func:`workstation.services.timeline.standing.traces`.
        account: as it was read just now; None where it could not be.
        read_at: when.
        problem: why it could not be read.
    """
    if account is None:
        things = (Left(made=one, state=_UNKNOWN, why=problem) for one in made)
        return LeftStanding(things=tuple(things), read_at=read_at, problem=problem)
    told = frozenset(one.target for one in made if one.target)
    return LeftStanding(things=tuple(judged(one, account, told) for one in made), read_at=read_at)


def judged(made: Made, account: Account, told: Collection[str] = ()) -> Left:
    """Return one thing with whether it stands in `account`, and what that rests on.

    Args:
        made: the thing.
        account: as it was read now.
        told: the names under which the log knows this and the other things. What stands under none of them, and was
            made at the time, may be this one under another name: then it is not called gone.
    """
    match made.kind:
        case MadeKind.SESSION:
            state, why, name = _session(made, account)
        case MadeKind.FACTOR:
            state, why, name = _factor(made, account, told)
        case MadeKind.FACTOR_OFF:
            state, why, name = _factor_off(made, account)
        case MadeKind.PASSWORD:
            state, why, name = _password(made, account)
        case MadeKind.CONTACT:
            state, why, name = _contact(made, account)
        case MadeKind.ACCESS:
            state, why, name = _UNKNOWN, "The account system does not tell of it.", ""
        case _:
            state, why, name = _standing(made, account, told)
    return Left(made=made, state=state, why=why, id=name)


_Answer = tuple[Still, str, str]
_T = TypeVar("_T", Factor, Standing)


def _session(made: Made, account: Account) -> _Answer:
    if not made.target:
        return _UNKNOWN, f"The log names no session; {len(account.sessions)} are open now.", ""
    if any(session.id == made.target for session in account.sessions):
        return _LIVE, "It is among the open sessions.", made.target
    return _GONE, "It is not among the open sessions.", ""


def _factor(made: Made, account: Account, told: Collection[str]) -> _Answer:
    named = [f for f in account.factors if made.target and made.target in (f.id, f.label)]
    timed = [f for f in account.factors if _same_time(made.at_us, f.enrolled_at)]
    if named:
        return _LIVE, "It is enrolled: found by its id.", named[0].id
    if timed and not made.target:
        return _LIVE, "It is enrolled: found by the time at which it was enrolled.", timed[0].id
    other = _untold(timed, told)
    if other is not None:
        return _UNKNOWN, f"Not by that name, but a {other.kind} was enrolled at that time.", other.id
    if made.target:
        return _GONE, "It is not among the factors.", ""
    return _UNKNOWN, f"The log does not name it; {len(account.factors)} factors are enrolled now.", ""


def _factor_off(made: Made, account: Account) -> _Answer:
    if any(made.target and made.target in (f.id, f.label) for f in account.factors):
        return _GONE, "It is enrolled again.", made.target
    since = from_micros(made.last_us)
    again = [f for f in account.factors if f.kind == made.detail and f.enrolled_at and f.enrolled_at > since]
    if again:
        return _UNKNOWN, f"Another {made.detail} was enrolled since; the log must say by whom.", again[0].id
    if made.target or made.detail:
        return _LIVE, "It is still off: no factor of that name is enrolled.", ""
    return _UNKNOWN, f"The log does not name it; {len(account.factors)} factors are enrolled now.", ""


def _password(made: Made, account: Account) -> _Answer:
    at, set_at = account.password_changed_at, from_micros(made.last_us)
    if at is None:
        return _UNKNOWN, "The account system does not say when the password was set.", ""
    if _same_time(made.last_us, at):
        return _LIVE, "It is the password that he set.", ""
    if at > set_at:
        return _GONE, f"Another was set since, {at:%Y-%m-%d %H:%MZ}.", ""
    return _UNKNOWN, f"The account system says that it was last set {at:%Y-%m-%d %H:%MZ}, the log says later.", ""


def _contact(made: Made, account: Account) -> _Answer:
    if made.detail not in set(ContactKind):
        return _UNKNOWN, "The log does not say which contact was changed.", ""
    listed = [c for c in account.contacts if c.kind == made.detail]
    his = [c for c in listed if _same_time(made.last_us, c.verified_at) or (made.target and c.value == made.target)]
    if his:
        one = max(his, key=_since)
        if one.replaced_at is None:
            return _LIVE, f"{one.value} is the {made.detail} in force.", one.value
        return _GONE, f"{one.value} was replaced {one.replaced_at:%Y-%m-%d %H:%MZ}.", ""
    now = [c for c in listed if c.replaced_at is None]
    if all(c.verified_at is not None and c.verified_at < from_micros(made.at_us) for c in now):
        return _GONE, f"The {made.detail} in force was verified before." if now else f"It has no {made.detail} now.", ""
    return _UNKNOWN, f"Another {made.detail} is in force, and nothing ties it to this change.", ""


def _since(contact: Contact) -> float:
    return contact.verified_at.timestamp() if contact.verified_at else 0.0


def _standing(made: Made, account: Account, told: Collection[str]) -> _Answer:
    kind = _LISTED[made.kind]
    there = [one for one in account.standing if one.kind == kind]
    named = [one for one in there if made.target and made.target in (one.id, one.label)]
    timed = [one for one in there if _same_time(made.at_us, one.created_at)]
    if named or (timed and not made.target):
        found: Standing = (named or timed)[0]
        return _LIVE, "It is listed." if named else "One that was made at that time is listed.", found.id
    other = _untold(timed, told)
    if other is not None:
        return _UNKNOWN, "Not by that name, but one that was made at that time is listed.", other.id
    word = kind.replace("_", " ")
    if kind not in account.tells:
        return _UNKNOWN, f"The account system does not tell of every {word}.", ""
    if not made.target and there:
        return _UNKNOWN, f"The log does not name it; {len(there)} of its kind are listed.", ""
    return _GONE, f"The account system lists every {word}, and not this one.", ""


def _untold(some: Sequence[_T], told: Collection[str]) -> _T | None:
    """Return the first of them that the log does not know by its name: logs and account systems need not agree."""
    return next((one for one in some if one.id not in told and one.label not in told), None)


def _same_time(us: int, at: datetime | None) -> bool:
    return at is not None and abs(at - from_micros(us)) <= NEAR


# -- into the packet ---------------------------------------------------------------------------------


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The packet with what is left standing in it, and every sentence that somebody should read about that."""

    packet: Packet
    said: tuple[str, ...]


def named(made: Made) -> str:
    """Return a thing in words: ``session s-9 (NL AS9009 d-77)``; unclean."""
    word = {MadeKind.FACTOR_OFF: "factor taken off", MadeKind.ACCESS: made.action}.get(
        made.kind, made.kind.replace("_", " ")
    )
    aside = f" ({made.detail})" if made.detail else ""
    return f"{word} {made.target}".strip() + aside


def needed(things: Iterable[Left]) -> tuple[Act, ...]:
    """Return the acts that protect against what is live, in the order of :data:`FIRST`."""
    wanted = {REMEDY[one.made.kind][0] for one in things if one.state is _LIVE}
    return tuple(act for act in FIRST if act in wanted)


def proposed(packet: Packet, left: LeftStanding, options: Sequence[Option]) -> Proposal:
    """Return a packet that recommends what protects against what is live, and says what no act can do.

    An act that somebody chose already stays; what stands in the finding stays too, and a list from before is replaced.

    Args:
        packet: as it is stored.
        left: read just now.
        options: every act of the policy.
    """
    known = {option.act: option for option in options}
    acts = [act for act in needed(left.things) if act in known]
    missing = [act for act in needed(left.things) if act not in known]
    said = [f"The policy knows no {act}." for act in missing]
    chosen = packet.act or (acts[0] if acts else "")
    if packet.act and acts and packet.act not in acts:
        said.append(f"The packet recommends {packet.act} already; it stays.")
    if not packet.act and chosen and not known[chosen].allowed:
        said.append(f"{chosen}: not now. {known[chosen].why_not}")
    also = [act for act in acts if act != chosen]
    if also:
        said.append(f"Also needed: {', '.join(also)}. A packet carries one act; a asks for the others.")
    params = packet.params if packet.act else {}
    finding = _with_list(packet.finding, _listed(left, also + missing))
    return Proposal(
        packet=msgspec.structs.replace(packet, finding=finding, act=str(chosen), params=params), said=tuple(said)
    )


def _listed(left: LeftStanding, also: Sequence[str]) -> str:
    lines = [f"{HEAD}, read again {left.read_at:%Y-%m-%d %H:%M:%S} UTC:"]
    lines += [f"still live: {_line(one)}" for one in left.things if one.state is _LIVE]
    lines += [f"can't know: {named(one.made)}: {one.why}" for one in left.things if one.state is _UNKNOWN]
    gone = [named(one.made) for one in left.things if one.state is _GONE]
    lines += [f"gone: {'; '.join(gone)}"] if gone else []
    lines += [f"also needed: {', '.join(also)}"] if also else []
    return "\n".join(clean(line, 500) for line in lines)


def _line(one: Left) -> str:
    act, but = REMEDY[one.made.kind]
    return f"{named(one.made)} → {'; '.join(part for part in (str(act or ''), but) if part)}"


def _with_list(finding: str, text: str) -> str:
    """Return a finding with this list at its end, instead of one that was written before."""
    parts = [part for part in finding.split("\n\n") if part.strip() and not part.lstrip().startswith(HEAD)]
    return "\n\n".join([*parts, text])
