"""Histories as outside systems log them: raw records of nine formats, of people whom the rules' author never met.

Written before the rules were read again, from what vendors document and from published cases. Everything goes through
the product's own mappers, as ``workstation import`` does, so an event that a mapper does not understand is missed here
too. :func:`history` is the same for the same seed; no clock is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from bench.strangers import innocents as good
from bench.strangers import takeovers as bad
from bench.strangers.auth0 import Auth0
from bench.strangers.cloudtrail import Cloudtrail
from bench.strangers.duo import Duo
from bench.strangers.entra import Entra
from bench.strangers.google import Google
from bench.strangers.keycloak import Keycloak
from bench.strangers.lives import Life
from bench.strangers.okta import Okta
from bench.strangers.said import Pen
from bench.strangers.shapes import Ecs, Ocsf
from bench.strangers.world import NOW_US
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import Unmapped, map_line

PENS: dict[str, type[Pen]] = {
    "okta": Okta,
    "auth0": Auth0,
    "keycloak": Keycloak,
    "entra": Entra,
    "google": Google,
    "duo": Duo,
    "cloudtrail": Cloudtrail,
    "ocsf": Ocsf,
    "ecs": Ecs,
}
_IDENTITY = ("okta", "auth0", "keycloak", "entra", "google", "ocsf", "ecs")
#: Story → the formats in which it can be told at all: Duo never sees a password, CloudTrail no mailbox.
TAKEOVERS: dict[Callable[[Life], None], tuple[str, ...]] = {
    bad.credential_stuffing: (*_IDENTITY,),
    bad.mfa_fatigue: ("okta", "auth0", "entra", "google", "duo", "ocsf", "ecs"),
    bad.aitm: (*_IDENTITY,),
    bad.sim_swap: (*_IDENTITY,),
    bad.mailbox_first: (*_IDENTITY,),
    bad.help_desk: (*_IDENTITY, "duo"),
    bad.consent_phish: ("okta", "entra", "google", "keycloak", "ecs"),
    bad.token_replay: (*_IDENTITY,),
    bad.patient: (*_IDENTITY,),
    bad.key_theft: ("cloudtrail",),
    bad.console: ("cloudtrail",),
}
INNOCENTS: dict[Callable[[Life], None], tuple[str, ...]] = {
    good.nothing: tuple(PENS),
    good.travel: tuple(PENS),
    good.new_phone: (*_IDENTITY, "duo"),
    good.lost_phone: (*_IDENTITY, "duo"),
    good.family: (*_IDENTITY,),
    good.hopping_vpn: tuple(PENS),
    good.forced_reset: (*_IDENTITY,),
    good.password_manager: (*_IDENTITY, "cloudtrail"),
    good.office_egress: tuple(PENS),
    good.carrier_nat: (*_IDENTITY, "duo"),
    good.browser_update: (*_IDENTITY, "duo", "cloudtrail"),
    good.forgetful: (*_IDENTITY,),
    good.shift_worker: (*_IDENTITY, "cloudtrail"),
    good.automation: ("cloudtrail", "okta", "ecs"),
    good.moves_house: tuple(PENS),
    good.new_factor_for_all: (*_IDENTITY, "duo"),
    good.new_laptop: tuple(PENS),
    good.travel_new_sim: (*_IDENTITY,),
    good.under_fire: (*_IDENTITY, "cloudtrail"),
    good.sleeper: (*_IDENTITY,),
    good.forgets_abroad: (*_IDENTITY,),
    good.vpn_settings: tuple(PENS),
    good.fresh_account: tuple(PENS),
    good.first_vpn: tuple(PENS),
    good.long_session: (*_IDENTITY, "cloudtrail"),
    good.bad_signal: ("okta", "auth0", "entra", "google", "duo", "ocsf", "ecs"),
    good.contractor: tuple(PENS),
}


class Stranger(NamedTuple):
    """A history: its records as they would be imported, and the truth.

    ``intruders`` are the places among ``lines`` of what the intruder did or had done. ``began_us`` is his first step.
    """

    story: str
    source: str
    lines: tuple[bytes, ...]
    intruders: frozenset[int]
    began_us: int

    def events(self) -> list[Event]:
        """Return what the product makes of the records, in their order. Raises ValueError: one could not be mapped."""
        events = [map_line(self.source, line, around_us=NOW_US) for line in self.lines]
        for event in events:
            if isinstance(event, Unmapped):
                raise ValueError(event.error)
        return [event for event in events if isinstance(event, Event)]


def history(tell: Callable[[Life], None], source: str, seed: int) -> Stranger:
    """Return one history.

    Args:
        tell: a story of :data:`TAKEOVERS` or :data:`INNOCENTS`.
        source: the format in which it is written.
        seed: the same one gives the same history to the byte.
    """
    life = Life(f"{tell.__name__} {source} {seed}", source)
    tell(life)
    pen = PENS[source](life)
    lines: list[bytes] = []
    intruders = set()
    for step in sorted(life.steps, key=lambda step: step.at):
        if step.at > NOW_US:
            continue
        for record in pen.write(step):
            if step.hostile:
                intruders.add(len(lines))
            lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())
    began = min((step.at for step in life.steps if step.hostile), default=0)
    return Stranger(tell.__name__, source, tuple(lines), frozenset(intruders), began)
