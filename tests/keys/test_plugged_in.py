"""Which security keys are found, which may not be opened, and which of several is asked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from fido2.ctap import CtapDevice

from tests.people.keys import PluggedKey
from workstation.services.acts.hidkeys import any_there, blocked, plugged_in
from workstation.services.acts.stepup import assertion_of
from workstation.services.errors import StepUpFailed
from workstation.services.people.factors import credential_of

RP = "ws.invalid"
#: The report descriptor's beginning of a FIDO key and of a keyboard (HID usage tables).
FIDO, KEYBOARD = b"\x06\xd0\xf1\x09\x01\xa1\x01", b"\x05\x01\x09\x06\xa1\x01"


def device(known: Path, name: str, descriptor: bytes) -> None:
    (known / name / "device").mkdir(parents=True)
    (known / name / "device" / "report_descriptor").write_bytes(descriptor)


def test_a_key_that_may_not_be_opened_is_said_to_be_there(tmp_path: Path) -> None:
    known, nodes = tmp_path / "sys", tmp_path / "dev"
    nodes.mkdir()
    assert not blocked(known, nodes)
    device(known, "hidraw0", KEYBOARD)
    assert not blocked(known, nodes)
    device(known, "hidraw1", FIDO)
    assert blocked(known, nodes), "there is no node that this user may open"
    (nodes / "hidraw1").touch(mode=0o600)
    assert not blocked(known, nodes)


def test_looking_for_keys_never_fails() -> None:
    for key in plugged_in():
        key.close()


class Counted(PluggedKey):
    """A key that counts how often it was let go of."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_of_two_keys_the_enrolled_one_answers(tmp_path: Path) -> None:
    other, mine = Counted(tmp_path / "other.json"), Counted(tmp_path / "mine.json")
    other.soft.enrol(RP)
    data = mine.soft.enrol(RP)
    credential = data[18:50]
    answer = assertion_of(lambda: [other, mine], RP, b"c" * 32, [credential], threading.Event())
    assert answer["rawId"]
    assert (other.closed, mine.closed) == (1, 1)
    with pytest.raises(StepUpFailed, match="not enrolled"):
        assertion_of(lambda: [other], RP, b"c" * 32, [credential], threading.Event())


def test_a_new_credential_is_made_on_the_one_key_that_is_there(tmp_path: Path) -> None:
    one, two = Counted(tmp_path / "1.json"), Counted(tmp_path / "2.json")
    with pytest.raises(StepUpFailed, match="More than one"):
        credential_of(lambda: [one, two], RP, "ana", b"c" * 32, [], threading.Event())
    assert credential_of(lambda: [one], RP, "ana", b"c" * 32, [], threading.Event())["rawId"]
    assert one.closed == 2


def test_whoever_looks_lets_go(tmp_path: Path) -> None:
    key = Counted(tmp_path / "key.json")
    found: list[CtapDevice] = [key]
    assert any_there(lambda: found)
    assert key.closed == 1
    assert not any_there(list)
