"""A superuser with his triggers off, beside a signed checkpoint: every attack is found, and the row is named.

Three look: the online verifier, the notary at its next checkpoint, and the offline verifier as a process of its own
that has nothing but an export, the checkpoint and the keys.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import workstation.services.audit.offline as offline
from tests.audit.conftest import forget, work
from tests.audit.office import NEXT_SEED, ORIGIN, SEED, Desk, Office
from tests.rules.installation import REASON, Control, Installation, answer
from tests.rules.test_verify import RECOMPUTE, attacked
from workstation.cli import main
from workstation.commands import audit
from workstation.services.audit.merkle import Tree
from workstation.services.audit.notes import Signer, tree_head
from workstation.services.audit.offline import Checkpoint, leaf_text, load
from workstation.services.audit.sinks import Forked
from workstation.services.audit.verify import verify


@pytest.fixture(scope="module")
def act(ws: Installation) -> dict[str, Any]:
    """An unlock that david asked for, erika approved and the broker did."""
    ws.control = Control()
    case = ws.case("ATTACKED")
    david, erika = ws.desk("david"), ws.desk("erika")
    answer(david, "SELECT ws.claim_case(%s, '')", case)
    assert ws.step_up(david) == "ok"
    asked = "SELECT ws.request_act(%s, 'unlock', '{}', 'FALSE_POSITIVE_LOCK', %s, 'e1')"
    made: dict[str, Any] = answer(david, asked, case, REASON)
    hash_ = bytes.fromhex(made["request_hash"])
    assert ws.step_up(erika, hash_) == "ok"
    assert answer(erika, "SELECT ws.approve(%s, %s)", made["id"], hash_)["state"] == "pending"
    ws.broke("release", "tell")
    assert answer(ws.su, "SELECT state FROM wsd.request WHERE id = %s", made["id"]) == "executed"
    return made


@pytest.fixture
def signed(ws: Installation, act: dict[str, Any], office: Office) -> Checkpoint:
    work(ws, "ana", "ben", times=2)
    assert office.notary.checkpoint() is not None
    [one] = office.last()
    return one


WIND_BACK = """UPDATE wsd.audit_head SET seq = 3, hash = (SELECT hash FROM wsd.audit WHERE chain = 'ana' AND seq = 3)
                WHERE chain = 'ana'"""
#: name → statements, record of ana's chain that is named (None: the last that was signed), a word of what is said,
#: whether the notary sees it at its next checkpoint. Where it does not, it walks only what is new: verify walks all.
ATTACKS: dict[str, tuple[tuple[str, ...], int | None, str, bool]] = {
    "a row edited": (("UPDATE wsd.audit SET outcome = 'xx' WHERE chain = 'ana' AND seq = 3",), 3, "content", False),
    "a middle row deleted": (("DELETE FROM wsd.audit WHERE chain = 'ana' AND seq = 3",), 4, "gap", False),
    "the tail deleted": (("DELETE FROM wsd.audit WHERE chain = 'ana' AND seq > 3",), None, "is missing", True),
    "the tail deleted and the head wound back": (
        ("DELETE FROM wsd.audit WHERE chain = 'ana' AND seq > 3", WIND_BACK),
        None,
        "is missing",
        True,
    ),
    "the chain deleted": (
        ("DELETE FROM wsd.audit WHERE chain = 'ana'", "DELETE FROM wsd.audit_head WHERE chain = 'ana'"),
        None,
        "is missing",
        True,
    ),
    "the chain recomputed whole": ((RECOMPUTE,), None, "rewritten", True),
}


def elsewhere(ws: Installation, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Export, carry export, checkpoints, keys and the one file elsewhere, and verify there; exit code and words."""
    away = tmp_path / "away"
    shutil.rmtree(away, ignore_errors=True)
    away.mkdir()
    assert main(["audit", "export", "--output", str(away / "export.ndjson")]) == 0
    capsys.readouterr()
    shutil.copy(offline.__file__, away / "offline.py")
    shutil.copytree(office.directory / "worm", away / "checkpoints")
    (away / "keys").write_text("".join(f"{key}\n" for key in office.keys))
    # -I: nothing of this project is on the path
    command = [sys.executable, "-I", "offline.py", "export.ndjson", "--checkpoint", "checkpoints", "--key", "keys"]
    done = subprocess.run(command, cwd=away, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(autouse=True)
def auditor(ws: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "store_conninfo", lambda args: ws.conninfo("gus"))


@pytest.mark.parametrize(("statements", "seq", "word", "notary_sees"), ATTACKS.values(), ids=ATTACKS.keys())
def test_the_six_attacks_are_found_beside_a_checkpoint(
    ws: Installation, signed: Checkpoint, office: Office, tmp_path: Path, capsys, statements, seq, word, notary_sees
) -> None:
    named = signed.heads["ana"][0] if seq is None else seq
    with attacked(ws, *statements):
        found = verify(ws.conninfo("gus"), checkpoints=[signed]).problems
        code, said = elsewhere(ws, office, tmp_path, capsys)
        if notary_sees:
            with pytest.raises(Forked, match=f"ana record {named}"):
                office.notary.checkpoint()
    assert [p for p in found if (p.chain, p.seq) == ("ana", named) and word in p.what], found
    assert {p.chain for p in found} == {"ana"}
    assert code == 1
    assert f"ana record {named}: " in said
    assert len(office.files()) == 1  # nothing was signed about it
    assert verify(ws.conninfo("gus"), checkpoints=[signed]).problems == ()
    assert elsewhere(ws, office, tmp_path, capsys)[0] == 0


def test_an_old_backup_put_back_is_found_also_when_it_grew_again(
    ws: Installation, signed: Checkpoint, office: Office
) -> None:
    ws.su.execute("CREATE TEMP TABLE backup AS SELECT * FROM wsd.audit")
    ws.su.execute("CREATE TEMP TABLE backup_heads AS SELECT * FROM wsd.audit_head")
    work(ws, "ana", times=2)
    assert office.notary.checkpoint() is not None
    [later] = office.last()
    seq = later.heads["ana"][0]
    assert seq == signed.heads["ana"][0] + 2
    put_back = (
        "DELETE FROM wsd.audit",
        "INSERT INTO wsd.audit SELECT * FROM backup",
        "DELETE FROM wsd.audit_head",
        "INSERT INTO wsd.audit_head SELECT * FROM backup_heads",
    )
    try:
        with attacked(ws, *put_back):
            found = verify(ws.conninfo("gus"), checkpoints=[later]).problems
            assert [p for p in found if (p.chain, p.seq) == ("ana", seq) and "is missing" in p.what], found
            assert verify(ws.conninfo("gus"), checkpoints=[signed]).problems == ()  # it is whole, only old
            ws.su.execute("SET session_replication_role = origin")
            work(ws, "ana", times=3)
            ws.su.execute("SET session_replication_role = replica")
            found = verify(ws.conninfo("gus"), checkpoints=[later]).problems
            assert [p for p in found if (p.chain, p.seq) == ("ana", seq) and "was rewritten" in p.what], found
            with pytest.raises(Forked, match=f"ana record {seq} was rewritten"):
                office.notary.checkpoint()
    finally:
        ws.su.execute("DROP TABLE backup, backup_heads")


def test_a_row_of_the_policy_edited(ws: Installation, signed: Checkpoint) -> None:
    ws.su.execute("SET session_replication_role = replica")
    try:
        ws.su.execute("UPDATE wsd.policy SET min_level = 1 WHERE act = 'unlock'")
        found = verify(ws.conninfo("gus"), checkpoints=[signed]).problems
    finally:
        ws.su.execute("UPDATE wsd.policy SET min_level = 2 WHERE act = 'unlock'")
        ws.su.execute("SET session_replication_role = origin")
    assert [p.chain for p in found] == ["policy"]
    assert verify(ws.conninfo("gus")).problems == ()


def by_hand(signer: Signer, heads: dict[str, tuple[int, str]], tree: Tree) -> str:
    """Sign a checkpoint as somebody who has the notary's key."""
    leaf = leaf_text("2026-11-23T10:00:00.000000", str(signer.key), heads)
    tree.add(leaf.encode())
    text = tree_head(signer.key.name, tree.size, tree.root())
    path = [base64.b64encode(step).decode() for step in tree.inclusion(tree.size - 1)]
    return f"{leaf}{' '.join(['proof', *path])}\n\n{text}\n{signer.sign(text)}"


def test_two_roots_of_one_size_betray_the_key(ws: Installation, signed: Checkpoint, office: Office, tmp_path) -> None:
    heads = {**signed.heads, "ana": (1, "00" * 32)}
    (tmp_path / "other").write_text(by_hand(Signer(ORIGIN, SEED), heads, Tree()))
    found, problems = load([office.files()[0], tmp_path / "other"], office.keys, 0)
    assert len(found) == 2
    assert [p.seq for p in problems if "two roots of one size" in p.what] == [1]
    # and the forged one alone, without a witness' word
    _, problems = load([tmp_path / "other"], office.keys)
    assert ["0 of 1 witnesses" in p.what for p in problems] == [True]


def test_a_tree_that_is_another_one_and_winds_a_chain_back(ws: Installation, tmp_path: Path) -> None:
    signer, other = Signer(ORIGIN, SEED), Tree()
    other.add(b"another past")
    (tmp_path / "1").write_text(by_hand(signer, {"ana": (5, "aa" * 32), "ben": (2, "bb" * 32)}, Tree()))
    (tmp_path / "2").write_text(by_hand(signer, {"ana": (4, "cc" * 32), "ben": (2, "dd" * 32)}, other))
    _, problems = load([tmp_path / "1", tmp_path / "2"], [signer.key])
    said = {(p.chain, p.seq): p.what for p in problems}
    assert "not in one tree" in said["checkpoint", 2]
    assert "winds it back to 4" in said["ana", 5]
    assert "two hashes" in said["ben", 2]


# -- acts ------------------------------------------------------------------------------------------------------------
ACTS = {
    "a request's parameters": ("UPDATE wsd.request SET params = '{\"x\": 1}' WHERE id = %s", "david", "not what was"),
    "a request's reason": ("UPDATE wsd.request SET reason_text = %s || reason_text WHERE id = %s", "david", "not what"),
    "who asked": ("UPDATE wsd.request SET requester_person = 'P9' WHERE id = %s", "david", "under another person"),
    "how it ended": ("UPDATE wsd.request SET state = 'failed' WHERE id = %s", "david", "a state that nothing tells"),
    "who approved": ("UPDATE wsd.approval SET approver_person = 'P9' WHERE request_id = %s", "erika", "another person"),
    "an approval by somebody else": (
        "UPDATE wsd.approval SET approver = 'zed' WHERE request_id = %s",
        "zed",
        "without",
    ),
    "an approval deleted": ("DELETE FROM wsd.approval WHERE request_id = %s", "erika", "a row that is gone: approve"),
    "an execution deleted": ("DELETE FROM wsd.execution WHERE request_id = %s", "ws_executor", "that is gone: execute"),
    "what the account system said": (
        "UPDATE wsd.execution SET reference = 'r-other' WHERE request_id = %s",
        "ws_executor",
        "not what was told",
    ),
    "an outcome": ("UPDATE wsd.execution SET outcome = 'failed' WHERE request_id = %s", "ws_executor", "without its"),
    "the request itself": ("DELETE FROM wsd.request WHERE id = %s", "david", "a row that is gone: request"),
}


@pytest.fixture
def as_before(ws: Installation, act: dict[str, Any]) -> Iterator[None]:
    tables = ("request", "approval", "execution")
    ws.su.execute("SET session_replication_role = replica")
    for table in tables:
        ws.su.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM wsd.{table}")
    yield
    for table in tables:
        ws.su.execute(f"DELETE FROM wsd.{table}")
        ws.su.execute(f"INSERT INTO wsd.{table} SELECT * FROM kept_{table}")
        ws.su.execute(f"DROP TABLE kept_{table}")
    ws.su.execute("SET session_replication_role = origin")
    assert verify(ws.conninfo("gus")).problems == ()


@pytest.mark.parametrize(("statement", "chain", "word"), ACTS.values(), ids=ACTS.keys())
def test_acts_are_derived_again_from_the_records(
    ws: Installation, act: dict[str, Any], office: Office, tmp_path, capsys, as_before, statement, chain, word
) -> None:
    values = ("x", act["id"]) if statement.count("%s") == 2 else (act["id"],)
    ws.su.execute(statement, values)
    found = verify(ws.conninfo("gus")).problems
    assert [p for p in found if p.chain == chain and word in p.what and act["id"] in p.what], found
    assert office.notary.checkpoint() is not None
    code, said = elsewhere(ws, office, tmp_path, capsys)
    assert code == 1
    assert word in said


# -- the commands ----------------------------------------------------------------------------------------------------
def test_the_command_takes_signed_checkpoints_and_names_the_row(
    ws: Installation, signed: Checkpoint, office: Office, tmp_path: Path, capsys
) -> None:
    (tmp_path / "keys").write_text("".join(f"{key}\n" for key in office.keys))
    call = ["audit", "verify", "--checkpoint", str(office.directory / "worm"), "--key", str(tmp_path / "keys")]
    assert main(call) == 0
    said = capsys.readouterr().out
    assert "1 checkpoints; the last is 1" in said
    assert "co-signed by witness.example/w1" in said
    with attacked(ws, RECOMPUTE):
        assert main([*call, "--json"]) == 1
        problems = json.loads(capsys.readouterr().out)["problems"]
    assert {"chain": "ana", "seq": signed.heads["ana"][0], "what": "was rewritten since checkpoint 1"} in problems
    export = tmp_path / "export.ndjson"
    assert main(["audit", "export", "--output", str(export)]) == 0
    assert main(["audit", "export", "--output", str(export)]) == 1
    assert "there already" in capsys.readouterr().err
    assert main([*call, "--offline", str(export)]) == 0
    (tmp_path / "wrong").write_text(f"{Signer(ORIGIN, NEXT_SEED).key}\n")
    assert main([*call[:-1], str(tmp_path / "wrong")]) == 1
    assert "proves nothing: no known key signed it" in capsys.readouterr().out


def test_an_export_is_on_record_and_not_for_everybody(ws: Installation, monkeypatch, capsysbinary) -> None:
    assert main(["audit", "export"]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert json.loads(lines[0])["by"] == "gus"
    assert any(json.loads(line)[9] == "audit.export" for line in lines if line.startswith(b'["gus"'))
    assert b"".join(lines).isascii()
    monkeypatch.setattr(audit, "store_conninfo", lambda args: ws.conninfo("fay"))
    assert main(["audit", "export"]) == 1
    assert "Only an auditor" in capsysbinary.readouterr().err.decode()
    assert answer(ws.su, "SELECT count(*) FROM wsd.audit WHERE event = 'audit.export' AND outcome = 'denied'") == 1


@pytest.mark.parametrize("cut", ["the end", "a record", "the head", "a field", "everything"])
def test_an_export_that_was_cut_is_no_pass(ws: Installation, tmp_path: Path, capsys, cut: str) -> None:
    file = tmp_path / "export.ndjson"
    assert main(["audit", "export", "--output", str(file)]) == 0
    lines = file.read_bytes().splitlines(keepends=True)
    cuts = {
        "the end": lines[:-1],
        "a record": lines[:3] + lines[4:],
        "the head": lines[1:],
        "a field": [*lines[:2], lines[2].replace(b'","', b'"],["', 1), *lines[3:]],
        "everything": [],
    }
    file.write_bytes(b"".join(cuts[cut]))
    capsys.readouterr()
    assert offline.main([str(file)]) == 1
    assert capsys.readouterr().err.startswith("✗")


def test_an_unwatched_history_says_that_it_is(ws: Installation, tmp_path: Path, capsys) -> None:
    file = tmp_path / "export.ndjson"
    assert main(["audit", "export", "--output", str(file)]) == 0
    assert offline.main([str(file)]) == 0
    assert "Without a signed checkpoint" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        offline.main([str(file), "--checkpoint", str(tmp_path)])


def test_a_stranger_alone_cannot_write_a_checkpoint(ws: Installation, witness: Desk, tmp_path: Path) -> None:
    forget(ws)
    stranger = Office(tmp_path / "stranger", ws.conninfo("ws_notary"), witness, seeds=(NEXT_SEED,))
    signed = stranger.notary.checkpoint()
    stranger.close()
    assert signed is not None
    assert signed.witnesses == 0  # the witness knows another key
    found, problems = load([tmp_path / "stranger" / "worm"], [Signer(ORIGIN, SEED).key, witness.signer.key])
    assert found == []
    assert "no known key" in problems[0].what
