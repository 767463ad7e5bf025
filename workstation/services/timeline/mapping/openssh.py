"""OpenSSH server lines from syslog (RFC 3164 or ISO stamps) and from ``journalctl -o json``.

The classic stamp has no year and no zone: the year is the one in which the line lies nearest before "around" (now,
or when it was imported), the zone is taken as UTC, and the event says so in its reason. What an attacker types as a
user name stands within the message, so a name is taken only up to the last ``from ADDRESS port N``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from workstation.services.clock import from_micros, to_micros
from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.records import (
    MICROS,
    Unmappable,
    address,
    decode,
    first_time,
    make,
    micros,
    optional_time,
    text,
)

SOURCE = "openssh"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STAMP = r"(?:(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d)|(?P<stamp>\d{4}-\d\d-\d\dT\S+))"
_LINE = re.compile(
    rf"(?:<\d{{1,3}}>\d? ?)?{_STAMP}"
    r" (?P<host>\S+) (?P<program>sshd(?:-session)?)(?:\[(?P<pid>\d+)\])?:? ?(?:- - )?(?P<message>.*)",
    re.DOTALL | re.ASCII,
)
_FROM = r" from (?P<ip>\S+)(?: port \d+)?(?: ssh2)?"
_MAXIMUM = "maximum authentication attempts exceeded"
_WHOSE = r"(?:(?:invalid|authenticating) )?user (?P<user>\S*) "
#: Native action, our word, outcome, and the message. The first that fits counts.
_MESSAGES: tuple[tuple[str, str, Outcome, re.Pattern[str]], ...] = tuple(
    (native, word, outcome, re.compile(pattern, re.DOTALL))
    for native, word, outcome, pattern in (
        ("Accepted", "sign_in", Outcome.SUCCESS, rf"Accepted (?P<factor>\S+) for (?P<user>.*){_FROM}.*"),
        (
            "Failed",
            "sign_in",
            Outcome.FAILURE,
            rf"Failed (?P<factor>\S+) for (?P<why>invalid user )?(?P<user>.*){_FROM}.*",
        ),
        ("Invalid user", "sign_in", Outcome.FAILURE, rf"(?P<why>Invalid user) (?P<user>.*){_FROM}"),
        (
            _MAXIMUM,
            "sign_in",
            Outcome.FAILURE,
            rf"(?:error: )?(?P<why>{_MAXIMUM}) for (?:invalid user )?(?P<user>.*){_FROM}.*",
        ),
        ("User not allowed", "sign_in", Outcome.FAILURE, r"User (?P<user>.*) from (?P<ip>\S+) (?P<why>not allowed .*)"),
        (
            "authentication failure",
            "sign_in",
            Outcome.FAILURE,
            r"pam_unix\(sshd:auth\): (?P<why>authentication failure);.*?rhost=(?P<ip>\S*)(?:\s+user=(?P<user>\S+))?.*",
        ),
        (
            "session opened",
            "session.started",
            Outcome.SUCCESS,
            r"pam_unix\(sshd:session\): session opened for user (?P<user>[^\s(]+).*",
        ),
        (
            "session closed",
            "session.ended",
            Outcome.SUCCESS,
            r"pam_unix\(sshd:session\): session closed for user (?P<user>\S+).*",
        ),
        ("Disconnected", "sign_out", Outcome.UNKNOWN, r"Disconnected from user (?P<user>\S*) (?P<ip>\S+) port \d+.*"),
        ("Disconnected", "", Outcome.UNKNOWN, rf"Disconnected from (?:{_WHOSE})?(?P<ip>\S+)(?: port \d+)?.*"),
        (
            "Connection closed",
            "",
            Outcome.UNKNOWN,
            rf"Connection (?:closed|reset) by (?:{_WHOSE})?(?P<ip>\S+)(?: port \d+)?.*",
        ),
        ("Received disconnect", "", Outcome.UNKNOWN, r"Received disconnect from (?P<ip>\S+?):? .*"),
    )
)
_ASSUMED = "the line names no year and no zone"


def map_raw(raw: bytes, around_us: int) -> Event:
    """Return the event of a line of syslog or a JSON record of the journal. Raises Unmappable."""
    if raw.lstrip().startswith(b"{"):
        return _journal(raw)
    match = _LINE.fullmatch(raw.decode("utf-8", "replace").rstrip())
    if match is None:
        raise Unmappable("The line is none of an OpenSSH server's.")
    assumed = match["stamp"] is None
    time_us = _without_year(match, around_us) if assumed else micros(match["stamp"])
    return _event(raw, "", time_us, match["host"], match["pid"] or "", match["message"], _ASSUMED if assumed else "")


def _journal(raw: bytes) -> Event:
    record: Any = decode(raw)
    message = text(record, "MESSAGE")
    if not text(record, "SYSLOG_IDENTIFIER", "_COMM").startswith("sshd") or not message:
        raise Unmappable("The record is none of an OpenSSH server's.")
    time_us = first_time(record, "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP", unit=MICROS)
    event = _event(raw, text(record, "__CURSOR"), time_us, text(record, "_HOSTNAME"), text(record, "_PID"), message, "")
    # The journal's own clock beside that of the process.
    return msgspec.structs.replace(event, ingested_us=optional_time(record, "__REALTIME_TIMESTAMP", unit=MICROS))


def _event(raw: bytes, identifier: str, time_us: int, host: str, pid: str, message: str, assumed: str) -> Event:
    found, native, word, outcome = _read(message)
    user, why = found.get("user") or "", found.get("why") or ""
    return make(
        SOURCE,
        raw,
        own_id=identifier,
        time_us=time_us,
        native=native,
        words={native: word or native},
        outcome=outcome,
        reason="; ".join(filter(None, (why.strip().lower(), assumed))),
        account=user,
        account_name=user,
        actor=user,
        actor_name=user,
        ip=address(found.get("ip") or ""),
        session=f"{host}/{pid}" if pid else "",
        factor=found.get("factor") or "",
        target=host,
    )


def _read(message: str) -> tuple[dict[str, str], str, str, Outcome]:
    for native, word, outcome, pattern in _MESSAGES:
        if match := pattern.fullmatch(message):
            return match.groupdict(), native, word, outcome
    return {}, message, "", Outcome.UNKNOWN


def _without_year(match: re.Match[str], around_us: int) -> int:
    if match["month"] not in _MONTHS:
        raise Unmappable("The line's time cannot be read.")
    month, day = _MONTHS.index(match["month"]) + 1, int(match["day"])
    hour, minute, second = (int(part) for part in match["clock"].split(":"))
    latest = around_us + 86_400_000_000
    year = from_micros(around_us).year + 1
    # 29 February needs a leap year, and those may lie eight years apart.
    for candidate in range(year, year - 10, -1):
        try:
            at_us = to_micros(datetime(candidate, month, day, hour, minute, min(second, 59), tzinfo=UTC))
        except ValueError:
            continue
        if at_us <= latest:
            return at_us
    raise Unmappable("The line's time cannot be read.")
