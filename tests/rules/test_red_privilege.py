"""An hour with a login: what psql gives beside the rules. Each attempt, and where it was stopped."""

from __future__ import annotations

import psycopg
import pytest

from tests.rules.installation import Installation, answer

#: Everybody who works cases, by what he could do most harm with.
PEOPLE = ("ana", "carla", "david", "fay")

#: Attempt → statement. The server refuses each with 42501 (insufficient privilege), whoever of PEOPLE types it.
ATTEMPTS = {
    # rows that a filter hides: EXPLAIN counts what it removed, an index answers faster, statistics know the values
    "count another team's cases by the plan": "EXPLAIN (ANALYZE) SELECT 1 FROM wsd.case_file WHERE account_id = 'X'",
    "guess by the estimate": "EXPLAIN SELECT 1 FROM wsd.audit WHERE object = 'X'",
    "transaction numbers of hidden rows": "SELECT max(xmin::text) FROM wsd.request",
    "places of hidden rows": "SELECT max(ctid) FROM wsd.case_file",
    "a leaky condition before the filter": "SELECT 1 FROM wsd.case_file WHERE 1 / (length(account_id) - 6) > 0",
    "approvals of other teams": "SELECT * FROM wsd.approval",
    "executions of other teams": "SELECT readback FROM wsd.execution",
    # who works here now, and on what
    "sessions of others": "SELECT usename, application_name FROM pg_stat_activity",
    "locks of others": "SELECT * FROM pg_locks",
    "when somebody elevates": "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'elevation'",
    "who blocks whom": "SELECT pg_blocking_pids(1)",
    "how much is in the audit": "SELECT pg_total_relation_size('wsd.audit')",
    "how large the store is": "SELECT pg_database_size(current_database())",
    # code
    "forge a line of the server's log": "DO $$ BEGIN RAISE LOG 'WS_DENY user=david event=approve'; END $$",
    "burn transaction numbers": "DO $$ BEGIN FOR i IN 1..9 LOOP PERFORM pg_current_xact_id(); END LOOP; END $$",
    "a function in my own schema": "CREATE SCHEMA mine",
    "a function that shadows": "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL'",
    "an operator that shadows": "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "a cast": "CREATE CAST (bytea AS uuid) WITHOUT FUNCTION",
    "a type over a rule's row": "CREATE TYPE public.staff AS (login text)",
    "an event trigger": "CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION wsd.append_only()",
    "a trigger of mine": "CREATE TRIGGER t AFTER INSERT ON wsd.audit EXECUTE FUNCTION wsd.append_only()",
    "a rule of mine": "CREATE RULE r AS ON INSERT TO wsd.audit DO INSTEAD NOTHING",
    "a policy of mine": "CREATE POLICY p ON wsd.audit USING (true)",
    "a foreign data wrapper": "CREATE FOREIGN DATA WRAPPER f",
    "a publication": "CREATE PUBLICATION p FOR ALL TABLES",
    # roles
    "the gate": "SELECT wsg.set_group('ana', 'ws_senior')",
    "the gate's role": "SET ROLE ws_gate",
    "the broker": "SET ROLE ws_executor",
    "the reader": "SET SESSION AUTHORIZATION ws_reader",
    "more connections": "ALTER ROLE CURRENT_USER CONNECTION LIMIT 1000",
    "another's password": "ALTER ROLE ws_executor PASSWORD 'mine'",
    "another's settings": "ALTER ROLE ws_executor SET search_path = public",
    "everybody's settings": "ALTER DATABASE ws SET temp_file_limit = -1",
    "a role": "CREATE ROLE mine",
    # settings that only a superuser has
    "no bound on temporary files": "SET temp_file_limit = -1",
    "statements into the log": "SET log_statement = 'all'",
    "the log less loud": "SET log_min_messages = 'panic'",
    "triggers off": "SET session_replication_role = 'replica'",
    "catalogs writable": "SET allow_system_table_mods = on",
    "a library": "LOAD 'auto_explain'",
    # files, programs, the cluster
    "list files": "SELECT pg_ls_dir('.')",
    "the log": "SELECT pg_current_logfile(), pg_ls_logdir()",
    "the server's settings file": "SELECT pg_read_file('postgresql.conf')",
    "a file by COPY": "COPY (SELECT 1) TO '/tmp/x'",
    "import a large object": "SELECT lo_import('/etc/passwd')",
    "end somebody's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_get_activity(NULL)",
    "reload": "SELECT pg_reload_conf()",
    "a checkpoint": "CHECKPOINT",
    "switch the WAL": "SELECT pg_switch_wal()",
    "a replication slot": "SELECT pg_create_logical_replication_slot('s', 'pgoutput')",
    "forget what happened": "SELECT pg_stat_reset()",
    "passwords": "SELECT rolpassword FROM pg_authid",
    "statistics": "SELECT stavalues1 FROM pg_statistic",
    # locks on what everybody needs
    "a lock for good": "SELECT pg_advisory_lock(1)",
    "lock rows of the policy": "SELECT 1 FROM wsd.policy FOR KEY SHARE",
}


@pytest.mark.parametrize("statement", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_it_is_refused_to_everybody(ws: Installation, statement: str) -> None:
    assert {answer(ws.desk(login), statement) for login in PEOPLE} == {"42501"}


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_nobody_enters_another_database_of_the_cluster(ws: Installation, database: str) -> None:
    """There, rights are as PostgreSQL brings them: one login could take every lock of the table that all share."""
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
        psycopg.connect(ws.lease.dsn("ana", ws.passwords["ana"], database))


@pytest.mark.parametrize("table", ["wsd.audit", "wsd.staff", "wsd.policy", "pg_catalog.pg_class"])
def test_nobody_locks_a_table_that_others_need(ws: Installation, table: str) -> None:
    with ws.connect("david", autocommit=False) as desk:
        assert answer(desk, f"LOCK TABLE {table} IN ROW SHARE MODE") == "42501"


def test_statistics_show_no_value_of_a_table_of_cases(ws: Installation) -> None:
    ws.case("KNOWN-TO-STATISTICS")
    ws.su.execute("ANALYZE")
    shown = """SELECT coalesce(array_agg(DISTINCT tablename::text), '{}') FROM pg_stats
                WHERE schemaname = 'wsd' AND tablename NOT LIKE 'policy%%'"""
    for login in PEOPLE:
        assert answer(ws.desk(login), shown) == []


def test_no_setting_of_the_session_changes_what_a_rule_says(ws: Installation) -> None:
    """Rules bring their own search_path; what a session may set changes neither names, nor hashes, nor comparisons."""
    case = ws.case("SETTINGS-1")
    desk = ws.connect("ana")
    plain = answer(desk, "SELECT ws.intent(%s, 'unlock', '{}')", case)
    for setting in (
        "search_path = wsd, public",
        "timezone = 'Asia/Kolkata'",
        "datestyle = 'German, DMY'",
        "intervalstyle = 'sql_standard'",
        "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "quote_all_identifiers = on",
        "row_security = off",
        "array_nulls = off",
        "lc_numeric = 'C'",
        "wsd.policy_change = '1'",
        "role = 'none'",
    ):
        desk.execute(f"SET {setting}".encode())
    assert answer(desk, "SELECT ws.intent(%s, 'unlock', '{}')", case) == plain
    assert answer(desk, "SELECT ws.claim_case(%s, '')", case)["holder"] == "ana"
    assert (
        answer(
            desk, "SELECT ws.request_act(%s, 'unlock', '{}', 'LOST_DEVICE', 'a reason that is long enough', '')", case
        )
        == "DENIED:level"
    )
    assert (
        answer(ws.su, "SELECT wsd.policy_hash() = hash FROM wsd.policy_edition ORDER BY version DESC LIMIT 1") is True
    )


def test_what_is_typed_cannot_begin_a_line_of_the_log_or_imitate_a_field(ws: Installation) -> None:
    forged = "SELECT wsd.loggable(E'X why=none\nWS_ALERT user=david kind=\u202ex')"
    assert answer(ws.su, forged) == "X_why_none_WS_ALERT_user_david_kind_x"
    assert answer(ws.su, "SELECT length(wsd.loggable(repeat('x', 100000)))") == 200


NULLS = """
SELECT p.oid::regprocedure::text, 'SELECT ws.' || p.proname || '(' || array_to_string(ARRAY(
         SELECT 'NULL::' || format_type(t, NULL) FROM unnest(p.proargtypes::oid[]) t), ', ') || ')'
  FROM pg_proc p WHERE p.pronamespace = 'ws'::regnamespace AND p.pronargs > 0
   AND has_function_privilege(%s, p.oid, 'EXECUTE') ORDER BY 1
"""
#: What is everybody's own to have, whatever is asked.
REFUSALS = {"42501", "22004", "23502", "23514", "42602"}
HARMLESS = {"audit_page", "challenge", "changes", "intent", "options_for", "step_up_methods"}


@pytest.mark.parametrize("login", ["ana", "carla", "david", "fay", "gus"])
def test_a_null_is_never_a_yes(ws: Installation, login: str) -> None:
    """In SQL a comparison with nothing is neither true nor false, and IF takes it for false: a refusal is left out."""
    group = {"ana": "ws_l1", "carla": "ws_l2", "david": "ws_senior", "fay": "ws_lead", "gus": "ws_auditor"}[login]
    yes = {}
    for name, statement in ws.su.execute(NULLS, (group,)).fetchall():
        said = answer(ws.desk(login), statement)
        said = f"DENIED:{said[-1]}" if isinstance(said, tuple) and said[-1] else said
        refused = isinstance(said, str) and (said.startswith("DENIED:") or said in REFUSALS)
        if not refused and said not in (None, [], 0, {"recalled": False}):
            yes[name.split("(")[0].removeprefix("ws.")] = said
    assert yes.keys() <= HARMLESS, yes
