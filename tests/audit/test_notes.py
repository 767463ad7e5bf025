"""Signed notes: vectors of others, and what is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.audit.notes import WITNESS_KEY, Signer, signer_of, tree_head
from workstation.services.audit.offline import Refuted, open_note, parse_keys
from workstation.services.audit.offline import tree_head as read_head
from workstation.services.errors import Invalid

#: golang.org/x/mod/sumdb/note, note_test.go.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
BY_PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
BY_ENOCH = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
#: c2sp.org/signed-note, "Example".
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
#: A checkpoint of a certificate log of the year 2026, with the log's own Ed25519 signature and a public witness' word.
ARCHE = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
REAL = (
    "arche2025h1.staging.ct.transparency.dev\n1432088532\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n"
    "— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIg"
    "IpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n"
    "— arche2025h1.staging.ct.transparency.dev "
    "ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "— remora.n621.de "
    "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"
)
SEED = bytes(range(32))


@pytest.mark.parametrize(
    ("note", "keys", "signed"),
    [
        (f"{TEXT}\n{BY_PETER}", [PETER], ["PeterNeumann"]),
        (f"{TEXT}\n{BY_PETER}{BY_ENOCH}", [PETER], ["PeterNeumann"]),
        (f"{TEXT}\n{BY_PETER}{BY_ENOCH}", [PETER, ENOCH], ["PeterNeumann", "EnochRoot"]),
        (f"{TEXT}\n{BY_PETER}{BY_PETER}", [PETER], ["PeterNeumann"]),
        (FOO_NOTE, [FOO], ["example.com/foo"]),
        (REAL, [ARCHE, REMORA], ["arche2025h1.staging.ct.transparency.dev", "remora.n621.de"]),
        (REAL, [REMORA], ["remora.n621.de"]),
    ],
)
def test_notes_of_others(note: str, keys: list[str], signed: list[str]) -> None:
    text, by = open_note(note, parse_keys("\n".join(keys)))
    assert note.startswith(text + "\n")
    assert [key.name for key in by] == signed
    assert [str(key) for key in parse_keys("\n".join(keys))] == keys


@pytest.mark.parametrize(
    ("note", "keys", "why"),
    [
        (f"{TEXT}\n{BY_PETER}", [ENOCH], "no known key"),
        (f"{TEXT}x\n\n{BY_PETER}", [PETER], "wrong"),
        (f"{TEXT}\n{BY_PETER}{BY_ENOCH.replace('rwz+eBzm', 'rwz+eAzm')}", [PETER, ENOCH], "wrong"),
        (f"{TEXT}{BY_PETER}", [PETER], "no signed note"),
        (f"{TEXT}\n{BY_PETER}".rstrip("\n"), [PETER], "no signed note"),
        (f"a\tb\n\n{BY_PETER}", [PETER], "no signed note"),
        (f"{TEXT}\n{BY_PETER}— who\n", [PETER], "malformed"),
        (f"{TEXT}\n{BY_PETER}" + "— a AAAAAAAA\n" * 70, [PETER], "too many"),
        (REAL.replace("2net5wAAAABqEiEg", "2net5wAAAABqEiEh"), [REMORA], "wrong"),
    ],
)
def test_notes_that_prove_nothing(note: str, keys: list[str], why: str) -> None:
    with pytest.raises(Refuted, match=why):
        open_note(note, parse_keys("\n".join(keys)))


@pytest.mark.parametrize(
    "line", ["", "x", f"{PETER[:-1]}", PETER.replace("c74f20a3", "c74f20a4"), f"{PETER} since 4", f"a b{PETER}"]
)
def test_what_is_no_key(line: str) -> None:
    if not line:
        assert parse_keys("# the notary's\n\n") == []
        return
    with pytest.raises(Refuted):
        parse_keys(line)


def test_a_key_counts_for_its_sizes_only() -> None:
    signer = Signer("example.com/log", SEED)
    text = tree_head("example.com/log", 7, bytes(32))
    note = f"{text}\n{signer.sign(text)}"
    for span, counts in (("", True), (" until 7", True), (" from 7", True), (" until 6", False), (" from 8", False)):
        keys = parse_keys(f"{signer.key}{span}")
        if counts:
            assert open_note(note, keys, 7)[1] == keys
        else:
            with pytest.raises(Refuted, match="no known key"):
                open_note(note, keys, 7)


def test_a_witness_says_when() -> None:
    witness = Signer("witness.example/w1", SEED, WITNESS_KEY)
    text = tree_head("example.com/log", 7, bytes(32))
    line = witness.cosign(text, datetime(2023, 3, 20, 12, 12, 27, tzinfo=UTC))
    raw = base64.b64decode(line.split(" ")[2])
    assert int.from_bytes(raw[4:12], "big") == 1679314347
    assert open_note(f"{text}\n{line}", [witness.key])[1] == [witness.key]
    # the same private key as a log's: another id, and neither signature passes for the other
    with pytest.raises(Refuted, match="no known key"):
        open_note(f"{text}\n{line}", [Signer("witness.example/w1", SEED).key])


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_whatever_comes_is_a_note_or_refused(raw: bytes) -> None:
    keys = parse_keys(PETER)
    for note in (raw.decode("utf-8", "replace"), TEXT + "\n" + raw.decode("utf-8", "replace") + "\n"):
        with pytest.raises(Refuted):
            open_note(note, keys)


@pytest.mark.parametrize("text", ["", "a\n1\n", "a\n01\nAAAA\n", "a\n1\n!!\n", "\n1\nAAAA\n", "a\n1\nAAAA\n"])
def test_what_is_no_tree_head(text: str) -> None:
    with pytest.raises(Refuted):
        read_head(text)


@pytest.mark.parametrize(("name", "seed"), [("", "00" * 32), ("a+b", "00" * 32), ("a b", "00" * 32), ("a", "00")])
def test_names_and_seeds_that_are_none(name: str, seed: str) -> None:
    with pytest.raises(Invalid):
        signer_of(name, seed)
