"""Lines of an OpenSSH server."""

from __future__ import annotations

import json

import pytest

from workstation.services.clock import from_micros, parse_instant, to_micros
from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping import Unmapped, map_line

AROUND = to_micros(parse_instant("2026-03-01T12:00:00Z"))


def mapped(line: str | bytes, around_us: int = AROUND) -> Event:
    event = map_line("openssh", line.encode() if isinstance(line, str) else line, around_us)
    assert isinstance(event, Event), event
    return event


HERE = "198.51.100.7"
PAM = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "


@pytest.mark.parametrize(
    ("message", "action", "outcome", "user", "ip", "factor"),
    [
        (f"Accepted password for maria from {HERE} port 1 ssh2", "sign_in", "success", "maria", HERE, "password"),
        (
            "Accepted publickey for maria from 2001:db8::1 port 4711 ssh2: ED25519 SHA256:abc",
            "sign_in",
            "success",
            "maria",
            "2001:db8::1",
            "publickey",
        ),
        (f"Failed password for root from {HERE} port 1 ssh2", "sign_in", "failure", "root", HERE, "password"),
        (
            f"Failed password for invalid user admin from {HERE} port 4711 ssh2",
            "sign_in",
            "failure",
            "admin",
            HERE,
            "password",
        ),
        (f"Invalid user  from {HERE} port 4711", "sign_in", "failure", "", HERE, ""),
        (f"Invalid user webmaster from {HERE}", "sign_in", "failure", "webmaster", HERE, ""),
        (f"User ana from {HERE} not allowed because not listed", "sign_in", "failure", "ana", HERE, ""),
        (
            f"error: maximum authentication attempts exceeded for root from {HERE} port 1 ssh2 [preauth]",
            "sign_in",
            "failure",
            "root",
            HERE,
            "",
        ),
        (
            "pam_unix(sshd:session): session opened for user maria(uid=1000) by (uid=0)",
            "session.started",
            "success",
            "maria",
            "",
            "",
        ),
        ("pam_unix(sshd:session): session closed for user maria", "session.ended", "success", "maria", "", ""),
        (f"{PAM}rhost={HERE}  user=root", "sign_in", "failure", "root", HERE, ""),
        (f"{PAM}rhost={HERE}", "sign_in", "failure", "", HERE, ""),
        (f"Disconnected from user maria {HERE} port 4711", "sign_out", "unknown", "maria", HERE, ""),
        (f"Disconnected from invalid user x {HERE} port 4711 [preauth]", "Disconnected", "unknown", "x", HERE, ""),
        (
            f"Connection closed by authenticating user root {HERE} port 4711 [preauth]",
            "Connection closed",
            "unknown",
            "root",
            HERE,
            "",
        ),
        (f"Received disconnect from {HERE}: 11: Bye Bye", "Received disconnect", "unknown", "", HERE, ""),
        ("Server listening on :: port 22.", "Server listening on :: port 22.", "unknown", "", "", ""),
    ],
)
def test_messages(message: str, action: str, outcome: str, user: str, ip: str, factor: str) -> None:
    event = mapped(f"Mar  1 06:12:40 gate sshd[24200]: {message}")
    assert (event.action, event.outcome, event.account, event.ip, event.factor) == (action, outcome, user, ip, factor)
    assert (event.target, event.session) == ("gate", "gate/24200")
    assert event.id == f"sha256:{event.sha256}"


def test_a_user_name_cannot_forge_where_it_came_from() -> None:
    forged = "root from 203.0.113.9 port 1 ssh2"
    event = mapped(
        f"Mar  1 06:12:40 gate sshd[1]: Failed password for invalid user {forged} from 198.51.100.7 port 2 ssh2"
    )
    assert (event.account, event.ip) == (forged, "198.51.100.7")


@pytest.mark.parametrize(
    ("stamp", "around", "year"),
    [
        ("Mar  1 06:12:40", "2026-03-01T12:00:00Z", 2026),
        ("Mar  2 06:12:40", "2026-03-01T12:00:00Z", 2026),
        ("Mar  4 06:12:40", "2026-03-01T12:00:00Z", 2025),
        ("Dec 31 23:59:59", "2026-01-01T00:00:10Z", 2025),
        ("Jan  1 00:00:01", "2025-12-31T23:59:50Z", 2026),
        ("Feb 29 10:00:00", "2026-03-01T12:00:00Z", 2024),
    ],
)
def test_the_year_is_the_nearest_before_and_said_to_be_assumed(stamp: str, around: str, year: int) -> None:
    event = mapped(f"{stamp} gate sshd[1]: Connection closed by 198.51.100.7", to_micros(parse_instant(around)))
    assert from_micros(event.time_us).year == year
    assert "no year" in event.reason


def test_the_same_line_keeps_its_time_where_it_is_mapped_again() -> None:
    line = b"Dec 10 06:55:46 LabSZ sshd[24200]: Invalid user webmaster from 173.234.31.186"
    first = mapped(line, to_micros(parse_instant("2026-01-05T00:00:00Z")))
    assert mapped(line, first.time_us).time_us == first.time_us


def test_full_stamps_and_the_journal_say_their_time() -> None:
    event = mapped(
        "2026-03-01T07:12:40.123456+01:00 gate sshd-session[7]: Accepted password for m from 198.51.100.7 port 1 ssh2"
    )
    assert event.time_us == to_micros(parse_instant("2026-03-01T06:12:40.123456Z"))
    assert event.reason == ""
    record = {
        "__REALTIME_TIMESTAMP": "1772345560123456",
        "__CURSOR": "s=1",
        "_HOSTNAME": "gate",
        "_PID": "7",
        "SYSLOG_IDENTIFIER": "sshd",
        "MESSAGE": "Failed password for root from 198.51.100.7 port 1 ssh2",
    }
    journal = mapped(json.dumps(record))
    assert (journal.time_us, journal.id, journal.outcome) == (1772345560123456, "s=1", Outcome.FAILURE)


@pytest.mark.parametrize(
    "line",
    [
        b"Mar  1 06:12:40 gate CRON[1]: pam_unix(cron:session): session opened for user root",
        b"Foo  1 06:12:40 gate sshd[1]: x",
        b"Feb 30 06:12:40 gate sshd[1]: x",
        b"sshd[1]: x",
        b'{"MESSAGE": "x", "SYSLOG_IDENTIFIER": "cron"}',
        b"",
    ],
)
def test_other_lines_are_not_dropped(line: bytes) -> None:
    assert isinstance(map_line("openssh", line, AROUND), Unmapped)


def test_bytes_that_are_no_text_and_very_long_lines_are_read() -> None:
    name = b"\xff\x1b]0;x\x07" + b" from " * 100_000
    line = b"Mar  1 06:12:40 gate sshd[1]: Failed password for invalid user " + name + b" from 198.51.100.7 port 2 ssh2"
    event = mapped(line)
    assert event.ip == "198.51.100.7"
    assert event.raw == line
