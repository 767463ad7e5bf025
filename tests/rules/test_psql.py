"""What each role gets when it types SQL by itself, past every screen."""

from __future__ import annotations

import pytest

from tests.rules.installation import Installation, answer

UUID = "00000000-0000-4000-8000-000000000000"

#: As a Level 1 analyst: name → statement that must be refused.
LEVEL_1 = {
    "staff is hidden": "SELECT * FROM wsd.staff",
    "factors are hidden": "SELECT data FROM wsd.factor",
    "challenges are hidden": "SELECT nonce FROM wsd.challenge",
    "throttle is hidden": "SELECT * FROM wsd.throttle",
    "evidence is hidden": "SELECT raw FROM wsd.evidence",
    "mail is hidden": "SELECT body FROM wsd.mail",
    "notes are hidden": "SELECT text FROM wsd.note",
    "imported events are hidden": "SELECT raw FROM wsd.imported_event",
    "packets are hidden": "SELECT finding FROM wsd.packet",
    "heads are hidden": "SELECT * FROM wsd.audit_head FOR UPDATE",
    "approvals are hidden": "SELECT * FROM wsd.approval",
    "cases are hidden": "SELECT id FROM wsd.case_file",
    "requests are hidden": "SELECT id FROM wsd.request",
    "the own chain is hidden": "SELECT seq FROM wsd.audit WHERE chain = 'ana'",
    "executions are hidden": "SELECT * FROM wsd.execution",
    "audit: insert": "INSERT INTO wsd.audit SELECT * FROM wsd.audit",
    "audit: update": "UPDATE wsd.audit SET outcome = 'ok'",
    "audit: delete": "DELETE FROM wsd.audit",
    "audit: truncate": "TRUNCATE wsd.audit",
    "audit: copy": "COPY wsd.audit FROM STDIN",
    "audit: heads": "UPDATE wsd.audit_head SET seq = 0",
    "audit: log": "SELECT wsd.log('x', 'ok', 'y', '{}')",
    "policy": "UPDATE wsd.policy SET approvals = 0",
    "policy: limits": "UPDATE wsd.policy_limit SET value = 0",
    "policy: a blocker less": "DELETE FROM wsd.policy_blocker",
    "policy: a reason more": "INSERT INTO wsd.policy_reason VALUES ('unlock', 'BECAUSE')",
    "policy: version": "UPDATE wsd.policy_head SET version = 9",
    "policy: past": "DELETE FROM wsd.policy_edition",
    "policy: a key of my own": "INSERT INTO wsd.policy_key VALUES ('\\x00', 'P1', 'ana', now(), 'ana')",
    "policy: enrol a key": "SELECT ws.enrol_policy_key('ana', '\\x00')",
    "policy: change": "SELECT ws.change_policy('[]', '\\x00', '\\x00', '[]')",
    "policy: as a release": "SELECT ws.install_release('[]', '\\x00')",
    "policy: put": "SELECT wsd.put_policy('[]')",
    "policy: keys are hidden": "SELECT * FROM wsd.policy_key",
    "facts are hidden": "SELECT facts FROM wsd.account_fact",
    "facts: insert": "INSERT INTO wsd.account_fact(account_id, etag, facts, read_by) VALUES ('A', 'e', '{}', 'ana')",
    "facts: attest": "SELECT ws.attest_facts('A', 'e', '{}')",
    "facts: what is wanted": "SELECT * FROM ws.facts_wanted()",
    "proofs are hidden": "SELECT * FROM wsd.proof",
    "proof: insert": "INSERT INTO wsd.proof(case_id, class, evidence_id, note, by, by_person) "
    "VALUES (1, 'proofing', 1, 'as I say so', 'ben', 'P2')",
    "proof: change": "UPDATE wsd.proof SET class = 'possession'",
    "veto: answer for the client": f"SELECT ws.client_veto('\\x00', '{UUID}', now(), '')",
    "veto: call it told": f"SELECT ws.announce('{UUID}', '[]')",
    "veto: notice": f"INSERT INTO wsd.veto_notice VALUES ('{UUID}', now(), 1)",
    "veto: skip answers": "SELECT ws.veto_read('999999')",
    "veto: forget an answer": "DELETE FROM wsd.veto_answer",
    "hold: call it set": f"SELECT ws.hold_settle('{UUID}', 'set', '')",
    "hold: read": "SELECT * FROM ws.holds_due()",
    "case: take": "UPDATE wsd.case_file SET holder = 'ana'",
    "case: insert": "INSERT INTO wsd.case_file(kind, account_id, team) VALUES ('other', 'X', 'A')",
    "note: insert": "INSERT INTO wsd.note(case_id, by, text) VALUES (1, 'ben', 'x')",
    "mail: insert": "INSERT INTO wsd.mail(case_id, direction, state, message_id) VALUES (1, 'out', 'queued', 'x')",
    "request: insert": "INSERT INTO wsd.request DEFAULT VALUES",
    "request: update": "UPDATE wsd.request SET state = 'executed'",
    "approval: insert": f"INSERT INTO wsd.approval VALUES ('{UUID}', 'P9', '\\x00', now(), 'ana', 'P1', now(), now())",
    "execution: insert": f"INSERT INTO wsd.execution(request_id) VALUES ('{UUID}')",
    "elevation: insert": "INSERT INTO wsd.elevation SELECT * FROM wsd.elevation",
    "elevation: refresh": "UPDATE wsd.elevation SET fresh = true",
    "throttle: reset": "UPDATE wsd.throttle SET fails = 0",
    "factor: rewind": "UPDATE wsd.factor SET last_counter = 0",
    "approve": f"SELECT ws.approve('{UUID}', '\\x00')",
    "take over": "SELECT ws.take_over(1)",
    "open an escalation": "SELECT ws.open_escalation(1)",
    "claim for execution": f"SELECT ws.claim('{UUID}', 'e')",
    "settle": f"SELECT ws.settle('{UUID}', 'executed', '', '', '', '')",
    "tell the client": f"SELECT ws.tell_client('{UUID}', '[]')",
    "attest": f"SELECT ws.attest('{UUID}', true, 'totp', NULL, 1, NULL)",
    "read proofs": "SELECT * FROM ws.proofs()",
    "reap": "SELECT ws.reap()",
    "outbox": "SELECT * FROM ws.outbox_claim()",
    "file a mail": "SELECT ws.inbox_file('1', '{}', '\\x00')",
    "enrol": "SELECT ws.enrol('q', 'q', 'q', 3::smallint, 'analyst', 'A', '{}')",
    "enrol a factor": "SELECT ws.enrol_factor('ana', 'totp', '\\x', '\\x')",
    "inner helpers": "SELECT wsd.fresh('\\x00')",
    "inner elevation": "SELECT wsd.elevated()",
    "set role owner": "SET ROLE ws_owner",
    "set role level 2": "SET ROLE ws_l2",
    "become another": "SET SESSION AUTHORIZATION david",
    "triggers off": "ALTER TABLE wsd.audit DISABLE TRIGGER ALL",
    "replica role": "SET session_replication_role = replica",
    "own function in wsd": "CREATE FUNCTION wsd.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "temporary table": "CREATE TEMP TABLE staff(x int)",
    "public table": "CREATE TABLE public.x(i int)",
    "superuser": "ALTER ROLE ana SUPERUSER",
    "grant": "GRANT ws_l2 TO ana",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'id'",
    "advisory lock": "SELECT pg_advisory_lock(4242)",
    "large object": "SELECT lo_from_bytea(0, '\\xdeadbeef')",
    "WAL message": "SELECT pg_logical_emit_message(false, 'x', 'y')",
    "snapshot": "SELECT pg_export_snapshot()",
    "notify by function": "SELECT pg_notify('ws', 'approved')",
}


@pytest.mark.parametrize("statement", LEVEL_1.values(), ids=LEVEL_1.keys())
def test_level_1_is_refused(ws: Installation, statement: str) -> None:
    # 42501: insufficient privilege; 0LP01: no admin option; 25P02 never: each runs by itself
    assert answer(ws.desk("ana"), statement) in ("42501", "0LP01")


OTHERS = {
    "L2 approves nothing above": ("carla", f"SELECT ws.claim('{UUID}', 'e')"),
    "senior claims": ("david", f"SELECT ws.claim('{UUID}', 'e')"),
    "senior attests": ("david", f"SELECT ws.attest('{UUID}', true, 'totp', NULL, 1, NULL)"),
    "senior changes policy": ("david", "UPDATE wsd.policy SET cooldown = '0'"),
    "senior lowers a limit": ("david", "UPDATE wsd.policy_limit SET value = 9999999 WHERE name = 'high_balance_usd'"),
    "senior attests facts": ("david", "SELECT ws.attest_facts('A', 'e', '{}')"),
    "senior signs by himself": ("david", "SELECT ws.change_policy('[]', '\\x00', '\\x00', '[]')"),
    "lead changes policy": ("fay", "UPDATE wsd.policy SET approvals = 0"),
    "lead enrols a policy key": ("fay", "SELECT ws.enrol_policy_key('fay', '\\x00')"),
    "lead reads facts": ("fay", "SELECT facts FROM wsd.account_fact"),
    "auditor signs": ("gus", "SELECT ws.change_policy('[]', '\\x00', '\\x00', '[]')"),
    "auditor attests facts": ("gus", "SELECT ws.attest_facts('A', 'e', '{}')"),
    "broker records a proof": ("ws_executor", "SELECT ws.record_proof(1, 'proofing', 1, 'as I say so')"),
    "broker changes policy": ("ws_executor", "UPDATE wsd.policy SET vetoable = false"),
    "broker installs a policy": ("ws_executor", "SELECT ws.install_release('[]', '\\x00')"),
    "broker reads facts of anybody": ("ws_executor", "SELECT * FROM wsd.account_fact"),
    "courier vetoes": ("ws_courier", f"SELECT ws.client_veto('\\x00', '{UUID}', now(), '')"),
    "courier attests facts": ("ws_courier", "SELECT ws.attest_facts('A', 'e', '{}')"),
    "notary reads facts": ("ws_notary", "SELECT * FROM wsd.account_fact"),
    "senior approves by hand": (
        "david",
        f"INSERT INTO wsd.approval VALUES ('{UUID}', 'P9', '\\x00', now(), 'david', 'P4', now(), now())",
    ),
    "lead approves": ("fay", f"SELECT ws.approve('{UUID}', '\\x00')"),
    "lead takes over": ("fay", "SELECT ws.take_over(1)"),
    "lead claims": ("fay", f"SELECT ws.claim('{UUID}', 'e')"),
    "auditor claims a case": ("gus", "SELECT ws.claim_next()"),
    "auditor writes a note": ("gus", "SELECT ws.note(1, 'x')"),
    "auditor changes audit": ("gus", "UPDATE wsd.audit SET outcome = 'ok'"),
    "auditor reads factors": ("gus", "SELECT data FROM wsd.factor"),
    "broker reads factors": ("ws_executor", "SELECT data FROM wsd.factor"),
    "broker elevates": ("ws_executor", "INSERT INTO wsd.elevation SELECT * FROM wsd.elevation"),
    "broker promotes": ("ws_executor", "UPDATE wsd.staff SET level = 3"),
    "broker approves": ("ws_executor", f"SELECT ws.approve('{UUID}', '\\x00')"),
    "broker asks": ("ws_executor", "SELECT ws.request_act(1, 'unlock', '{}', 'LOST_DEVICE', 'x', 'e')"),
    "broker challenges": ("ws_executor", "SELECT ws.challenge()"),
    "courier claims an act": ("ws_courier", f"SELECT ws.claim('{UUID}', 'e')"),
    "courier reads cases": ("ws_courier", "SELECT * FROM wsd.case_file"),
    "courier judges": ("ws_courier", "SELECT * FROM ws.proofs()"),
    "notary writes audit": ("ws_notary", "INSERT INTO wsd.audit SELECT * FROM wsd.audit"),
    "notary reads mail": ("ws_notary", "SELECT * FROM wsd.mail"),
}


@pytest.mark.parametrize(("login", "statement"), OTHERS.values(), ids=OTHERS.keys())
def test_everybody_else_keeps_to_their_own(ws: Installation, login: str, statement: str) -> None:
    assert answer(ws.desk(login), statement) == "42501"


def test_a_level_1_sees_cases_of_the_own_team_and_opens_those_that_are_his(ws: Installation) -> None:
    mine, other_team = ws.case("ROW1"), ws.case("ROW2", "B")
    held = ws.case("ROW3")
    assert answer(ws.connect("ben"), "SELECT ws.claim_case(%s, '')", held)["holder"] == "ben"
    seen = answer(ws.connect("ana"), "SELECT ws.queue()")["ids"]
    assert mine in seen
    assert other_team not in seen
    rows = answer(ws.connect("ana"), "SELECT ws.case_rows(%s)", [mine, other_team, held])
    assert {row["id"] for row in rows} == {mine, held}
    assert answer(ws.connect("ana"), "SELECT ws.open_case(%s)", other_team) == "DENIED:unknown"
    assert answer(ws.connect("ana"), "SELECT ws.open_case(%s)", held) == "DENIED:not_holder"


EXECUTE = """
SELECT n.nspname || '.' || p.proname,
       coalesce(string_agg(g.grantee::regrole::text, ' ' ORDER BY g.grantee::regrole::text), '')
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  LEFT JOIN LATERAL aclexplode(p.proacl) g ON g.grantee <> p.proowner
 WHERE n.nspname IN ('ws', 'wsd') AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'i')
 GROUP BY 1
"""

POLICY = ("policy", "policy_reason", "policy_need", "policy_blocker", "policy_limit", "policy_head")
#: role or roles → functions; everybody who works cases ("ws_user") may call the others.
RIGHTS: dict[str, str] = {
    "": "change_policy enrol enrol_factor enrol_policy_key found install_release read_directly recover "
    "set_auditor_mail",
    "ws_reader": "reader_serves view_check view_imported view_pin view_recipient view_vip",
    "ws_notary": "checkpointed checkpointed_size notary_alarm notary_look notary_seen",
    "ws_executor": "announce attest attest_facts client_veto facts_wanted hold_settle holds_due unannounced "
    "veto_cursor veto_read vetoable attest_offer claim glass_untold proofs publish_seal_key purge reap releasable "
    "settle sweep tell_client tell_glass unsettled untold",
    "ws_courier": "inbox_cursor inbox_file outbox_claim outbox_settle outbox_stuck",
    "ws_l2": "approve return_packet take_over",
    "ws_l2 ws_lead": "open_escalation",
    "ws_lead": "colleagues_account enable grant_act invite review_break_glass revoke_act see_alert set_method_policy "
    "set_methods set_standing watch_account",
    "ws_lead ws_senior": "confirm_change disable unlock_step_up",
    "ws_auditor ws_lead": "alerts",
    "ws_auditor ws_lead ws_senior": "team",
    "ws_auditor ws_user": "approvers audit_export audit_page challenge copied changes elevation end_factor my_factors "
    "notary offer_factor offer_seal policy proof_result prove reviews_due seal_key step_down step_up_methods "
    "team_health views_of whoami withdraw_change",
}
DECIDED = {function: roles for roles, functions in RIGHTS.items() for function in functions.split()}


def test_every_function_has_exactly_the_rights_that_were_decided(ws: Installation) -> None:
    for name, roles in ws.su.execute(EXECUTE).fetchall():
        schema, _, function = name.partition(".")
        expected = "" if schema == "wsd" else DECIDED.get(function, "ws_user")
        assert roles == expected, name


def test_every_table_can_be_read_by_exactly_those_who_should_and_written_by_nobody(ws: Installation) -> None:
    rows = ws.su.execute(
        """SELECT c.relname, g.grantee::regrole::text, g.privilege_type FROM pg_class c, aclexplode(c.relacl) g
            WHERE c.relnamespace = 'wsd'::regnamespace AND c.relkind = 'r' AND g.grantee <> c.relowner"""
    ).fetchall()
    assert {privilege for _, _, privilege in rows} == {"SELECT"}
    readable = {(table, role) for table, role, _ in rows}
    assert readable == {
        *((t, r) for t in POLICY for r in ("ws_user", "ws_auditor")),
        *((t, "ws_auditor") for t in ("case_file", "request", "audit", "approval", "execution")),
        *((t, "ws_auditor") for t in ("policy_edition", "policy_key")),
        ("audit", "ws_notary"),
        ("checkpoint", "ws_auditor"),
        ("checkpoint", "ws_notary"),
        ("audit_head", "ws_auditor"),
        ("audit_head", "ws_notary"),
    }


def test_the_rules_can_be_applied_again_over_data(ws: Installation) -> None:
    from workstation.services.store.migrate import migrate

    before = ws.su.execute("SELECT count(*) FROM wsd.audit").fetchone()
    migrate(ws.lease.superuser_dsn("postgres"))
    assert ws.su.execute("SELECT count(*) FROM wsd.audit").fetchone() == before
    assert answer(ws.connect("ana"), "SELECT ws.queue()")["ids"] is not None
