"""Six attacks of a superuser on the audit, and one flipped byte: found, and named."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import psycopg
import pytest

from tests.rules.installation import Installation, answer
from workstation.services.audit.verify import Heads, Report, verify


@pytest.fixture(scope="module")
def history(ws: Installation) -> Heads:
    """Some records of two people; returns the heads as an auditor would keep them."""
    for login in ("ana", "ben"):
        for number in range(6):
            answer(ws.desk(login), "SELECT ws.open_account(%s, 'a reason of enough length')", f"ACC{number}")
    report = walk(ws)
    assert report.problems == ()
    assert not report.partial
    return report.heads


def walk(ws: Installation, heads: Heads | None = None) -> Report:
    return verify(ws.conninfo("gus"), heads=heads)


@contextlib.contextmanager
def attacked(ws: Installation, *statements: str) -> Iterator[None]:
    """Do what only a superuser can, and undo it by putting the table's rows back."""
    su = ws.su
    su.execute("CREATE TEMP TABLE kept AS SELECT * FROM wsd.audit")
    su.execute("CREATE TEMP TABLE kept_heads AS SELECT * FROM wsd.audit_head")
    su.execute("SET session_replication_role = replica")
    try:
        for statement in statements:
            su.execute(statement.encode())
        yield
    finally:
        su.execute("DELETE FROM wsd.audit")
        su.execute("INSERT INTO wsd.audit SELECT * FROM kept")
        su.execute("DELETE FROM wsd.audit_head")
        su.execute("INSERT INTO wsd.audit_head SELECT * FROM kept_heads")
        su.execute("SET session_replication_role = origin")
        su.execute("DROP TABLE kept, kept_heads")


RECOMPUTE = """
DO $$ DECLARE r record; p bytea; BEGIN
  UPDATE wsd.audit SET object = 'nothing' WHERE chain = 'ana' AND seq = 2;
  SELECT prev_hash INTO p FROM wsd.audit WHERE chain = 'ana' AND seq = 2;
  FOR r IN SELECT * FROM wsd.audit WHERE chain = 'ana' AND seq >= 2 ORDER BY seq LOOP
    UPDATE wsd.audit SET prev_hash = p, hash = sha256(p || wsd.lp(r.chain, r.seq::text, wsd.iso(r.ts), r.actor,
      r.person, r.level::text, r.app, host(r.client), r.backend_pid::text, r.event, r.outcome, r.object, r.payload))
     WHERE chain = 'ana' AND seq = r.seq RETURNING hash INTO p;
  END LOOP;
  UPDATE wsd.audit_head SET hash = p WHERE chain = 'ana';
END $$"""

#: name → statements, whether the chains alone show it, a word of what is said.
ATTACKS = {
    "one record changed": (("UPDATE wsd.audit SET outcome = 'xx' WHERE chain = 'ana' AND seq = 3",), True, "content"),
    "one byte of a hash": (
        ("UPDATE wsd.audit SET hash = set_byte(hash, 5, get_byte(hash, 5) # 1) WHERE chain = 'ana' AND seq = 3",),
        True,
        "content",
    ),
    "a record cut out": (("DELETE FROM wsd.audit WHERE chain = 'ana' AND seq = 3",), True, "gap"),
    "the tail cut off": (("DELETE FROM wsd.audit WHERE chain = 'ana' AND seq > 3",), True, "head"),
    "the tail cut off and the head wound back": (
        (
            "DELETE FROM wsd.audit WHERE chain = 'ana' AND seq > 3",
            """UPDATE wsd.audit_head SET seq = 3, hash = (SELECT hash FROM wsd.audit WHERE chain = 'ana' AND seq = 3)
                WHERE chain = 'ana'""",
        ),
        False,
        "missing",
    ),
    "a whole chain removed": (
        ("DELETE FROM wsd.audit WHERE chain = 'ana'", "DELETE FROM wsd.audit_head WHERE chain = 'ana'"),
        False,
        "missing",
    ),
    "history rewritten and recomputed": ((RECOMPUTE,), False, "rewritten"),
}


@pytest.mark.parametrize(("statements", "by_chain", "word"), ATTACKS.values(), ids=ATTACKS.keys())
def test_a_superuser_is_found(
    ws: Installation, history: Heads, statements: tuple[str, ...], by_chain: bool, word: str
) -> None:
    with attacked(ws, *statements):
        alone, with_heads = walk(ws), walk(ws, history)
    assert bool(alone.problems) is by_chain
    assert with_heads.problems
    assert any(word in problem.what and problem.chain == "ana" for problem in with_heads.problems)
    assert walk(ws, history).problems == ()


def test_a_plain_delete_is_refused_even_to_a_superuser(ws: Installation, history: Heads) -> None:
    assert answer(ws.su, "DELETE FROM wsd.audit WHERE chain = 'ana' AND seq = 3") == "42501"
    assert answer(ws.su, "TRUNCATE wsd.audit") == "42501"


def test_an_act_written_past_the_functions_has_no_record(ws: Installation, history: Heads) -> None:
    case = ws.case("ORPHAN")
    ws.su.execute(
        """INSERT INTO wsd.request(id, case_id, act, tier, account_id, params, reason_code, reason_text, requester,
             requester_person, account_etag, evidence_hash, request_hash, created, not_before, approve_by, policy,
             approvals)
           VALUES (gen_random_uuid(), %s, 'unlock', 2, 'ORPHAN', '{}', 'LOST_DEVICE', 'written by hand, not by rule',
             'david', 'P4', 'e', '\\x00', '\\x00', now(), now(), now(), '\\x00', 1)""",
        (case,),
    )
    assert any("a request without its record" in p.what for p in walk(ws).problems)


def test_the_command_names_the_record_and_its_exit_code_says_so(
    ws: Installation, history: Heads, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    from workstation.cli import main
    from workstation.commands import audit

    monkeypatch.setattr(audit, "store_conninfo", lambda args: ws.conninfo("gus"))
    kept = tmp_path / "heads.json"
    kept.write_text(json.dumps(history))
    with attacked(ws, "UPDATE wsd.audit SET payload = '{}x' WHERE chain = 'ben' AND seq = 4"):
        assert main(["audit", "verify", "--checkpoint", str(kept)]) == 1
        said = capsys.readouterr().out
        assert main(["audit", "verify", "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["problems"][0]["seq"] == 4
    assert "ben record 4: its content is not what was hashed" in said


def test_an_analyst_sees_only_the_own_chain_and_is_told_so(ws: Installation) -> None:
    report = verify(ws.conninfo("ana"))
    assert report.partial
    assert set(report.heads) == {"ana"}


def test_a_store_that_is_away_is_an_error_not_a_pass() -> None:
    with pytest.raises(psycopg.OperationalError):
        verify("host=/nonexistent dbname=ws connect_timeout=1")
