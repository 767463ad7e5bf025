"""Any order of asking, agreeing, stopping, dying, leaving and changing: nothing is executed without a live, matching,
second person's approval, under the policy it was asked under, with nobody having said no.

A state machine over a real database. Time passes by back-dating rows as superuser, never by waiting.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.rules import asking
from tests.rules.installation import REASON, Box, Control, Installation, Killed, answer
from workstation.services.accounts.model import SimState
from workstation.services.errors import Refused
from workstation.services.policy import document, installing

pytestmark = pytest.mark.long

NUMBER = itertools.count(1)
SENIORS = ("david", "erika", "hugo")
EVERYBODY = (*SENIORS, "david2", "carla", "ana")
SIGNERS = {who: Ed25519PrivateKey.from_private_bytes(who.encode().ljust(32, b"k")) for who in ("fay", "erika")}

#: What must be true of every execution, as the tables and the audit tell it afterwards, each by its own query.
WRONG = {
    "nobody else agreed": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
         WHERE r.tier >= 2 AND (SELECT count(DISTINCT a.approver_person) FROM wsd.approval a
                WHERE a.request_id = r.id AND a.approver_person <> r.requester_person
                  AND a.request_hash = r.request_hash AND a.decided <= e.claimed AND e.claimed <= a.execute_by
                  AND NOT EXISTS (SELECT 1 FROM gone g
                                   WHERE g.login = a.approver AND e.claimed BETWEEN g.since AND g.until))
               < greatest(r.approvals, 1)""",
    "an approver had worked on the case": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
          JOIN wsd.approval a ON a.request_id = r.id
          JOIN wsd.proof p ON p.case_id = r.case_id AND p.by_person = a.approver_person AND p.at <= a.decided""",
    "the request is not what was hashed": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
         WHERE r.request_hash <> wsd.request_hash(r)""",
    "another policy": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
         WHERE r.policy <> (SELECT p.hash FROM policies p WHERE p.since <= e.claimed ORDER BY p.since DESC LIMIT 1)""",
    "other evidence": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
         WHERE r.tier >= 2 AND r.evidence_hash <> (SELECT x.hash FROM evidences x
                WHERE x.case_id = r.case_id AND x.since <= e.claimed ORDER BY x.since DESC LIMIT 1)""",
    "another version of the account": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
         WHERE r.tier >= 2 AND e.etag_before <> r.account_etag""",
    "somebody had said no": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
          JOIN wsd.audit a ON a.object = r.id::text AND a.event IN ('veto', 'client.veto') AND a.outcome = 'ok'
         WHERE a.ts < e.claimed""",
    "a requester who was gone": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
          JOIN gone g ON g.login = r.requester AND e.claimed BETWEEN g.since AND g.until""",
    "the client was not told": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
         WHERE r.vetoable_until IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM wsd.veto_mail v JOIN wsd.mail m ON m.id = v.mail_id
                WHERE v.request_id = r.id AND m.state = 'sent')""",
    "cool-down": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id WHERE e.claimed < r.not_before""",
    "no facts of that moment": """
        SELECT r.id FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
         WHERE r.tier >= 3 AND NOT EXISTS (SELECT 1 FROM wsd.account_fact f WHERE f.account_id = r.account_id
                AND f.etag = e.etag_before AND f.facts ->> 'sim' <> 'swapped' AND f.read_at <= e.claimed
                AND f.read_at > e.claimed - interval '5 min')""",
}


#: What may come in between.
DISTURBANCES: dict[str, Callable[[Acts], None]] = {
    "a colleague says no": lambda m: m.stop("ana"),
    "the client says no": lambda m: m.client_says_no(True),
    "somebody forges his no": lambda m: m.client_says_no(False),
    "who asked leaves": lambda m: m.somebody_leaves_or_comes_back("david"),
    "who agrees leaves": lambda m: m.somebody_leaves_or_comes_back("erika"),
    "a factor goes": lambda m: m.the_account_changes("factor"),
    "the SIM card is swapped": lambda m: m.the_account_changes("sim"),
    "who agrees adds evidence": lambda m: m.evidence_is_added("erika"),
    "evidence is added": lambda m: m.evidence_is_added("hugo"),
    "the policy changes": lambda m: m.the_policy_changes(),
    "two hours pass": lambda m: m.time_passes("2 h"),
}


class Acts(RuleBasedStateMachine):
    """One account, one case; three seniors, one of whom has two logins."""

    ws: ClassVar[Installation]

    @initialize()
    def begin(self) -> None:
        ws = self.ws
        ws.control, ws.box = Control(), Box()
        asking.forget(ws)
        for statement in (
            "UPDATE wsd.staff SET enabled = true",
            "UPDATE gone SET until = clock_timestamp() WHERE until = 'infinity'",
            "DELETE FROM wsd.execution",
            "DELETE FROM wsd.veto_cursor",
            "DELETE FROM wsd.elevation",
        ):
            ws.su.execute(statement.encode())
        self.account = f"SM{next(NUMBER)}"
        self.case = asking.ready(ws, "david", self.account, "proofing", "possession")
        self.request: dict[str, Any] | None = None
        self._note_evidence()

    # -- what people do ------------------------------------------------------------------------------
    @rule(who=st.sampled_from(EVERYBODY), act=st.sampled_from(["unlock", "remove_factor", "lock"]))
    def ask(self, who: str, act: str) -> None:
        ws, desk = self.ws, self.ws.desk(who)
        ws.attest(self.account)
        answer(desk, "SELECT ws.claim_case(%s, 'taken over for this test')", self.case)
        params = asking.FACTOR if act == "remove_factor" else "{}"
        bind = answer(desk, "SELECT ws.intent(%s, %s, %s::jsonb)", self.case, act, params)
        if self._enabled(who):
            ws.step_up(desk, bind if act == "remove_factor" else None)
        made = answer(desk, asking.REQUEST, self.case, act, params, REASON, f"e{ws.control.version}")
        if isinstance(made, dict) and act != "lock":
            self.request = made

    @precondition(lambda self: self.request)
    @rule(who=st.sampled_from(EVERYBODY), shown=st.sampled_from(["as it is", "something else"]))
    def agree(self, who: str, shown: str) -> None:
        assert self.request is not None
        hash_ = bytes.fromhex(self.request["request_hash"])
        desk = self.ws.desk(who)
        if self._enabled(who):
            self.ws.step_up(desk, hash_)
        seen = hash_ if shown == "as it is" else bytes(32)
        answer(desk, "SELECT ws.approve(%s, %s)", self.request["id"], seen)

    def stop(self, who: str) -> None:
        assert self.request is not None
        answer(self.ws.desk(who), "SELECT ws.veto(%s, 'no')", self.request["id"])

    def client_says_no(self, right: bool) -> None:
        assert self.request is not None
        until = asking.row(self.ws, self.request)["vetoable_until"]
        if until is not None:
            token = self.ws.links.token(self.request["id"], datetime.fromisoformat(until))
            forged = ("B" if token[0] == "A" else "A") + token[1:]
            self.ws.box.tokens.append(token if right else forged)

    @rule(
        act=st.sampled_from(["unlock", "remove_factor"]),
        but=st.sampled_from([*DISTURBANCES, *[""] * 6]),
        at=st.integers(0, 4),
        died=st.sampled_from(["", "before effect", "after effect"]),
    )
    def all_goes_well_but(self, act: str, but: str, at: int, died: str) -> None:
        """Left to chance alone hardly a request would live to be released: this one does, with one thing in between."""
        if self.request is None or asking.row(self.ws, self.request)["state"] != "pending":
            self.ask("david", act)
        if self.request is None:
            return
        steps: list[Callable[[], Any]] = [
            lambda: self.broker_tells_the_client(True),
            lambda: self.agree("erika", "as it is"),
            lambda: self.time_passes("24 h 1 min") if self.request and self.request["tier"] == 3 else None,
            lambda: self.broker_releases(died),
            lambda: self.broker_finds_out(),
        ]
        for number, step in enumerate(steps):
            if number == at and but:
                DISTURBANCES[but](self)
            step()

    # -- what happens --------------------------------------------------------------------------------
    @rule(left=st.booleans())
    def broker_tells_the_client(self, left: bool) -> None:
        self.ws.broke("attend")
        if left:
            self.ws.mails_left()

    @rule(point=st.sampled_from(["", "", "read", "before effect", "after effect"]))
    def broker_releases(self, point: str) -> None:
        if point:
            self.ws.control.fail[point] = Killed()
        try:
            self.ws.broke("release")
        except Killed:
            self.ws.control.fail.clear()
        self.ws.control.fail.clear()

    @rule()
    def broker_finds_out(self) -> None:
        self.ws.broke("reconcile", "sweep")

    @precondition(lambda self: self.request)
    @rule(age=st.sampled_from(["30 s", "16 min", "2 h", "24 h 1 min"]))
    def time_passes(self, age: str) -> None:
        assert self.request is not None
        state = asking.row(self.ws, self.request)["state"]
        if state == "pending":
            self.ws.cooled(self.request["id"], age)
            self.request = asking.row(self.ws, self.request)

    @rule(who=st.sampled_from(EVERYBODY))
    def somebody_leaves_or_comes_back(self, who: str) -> None:
        ws = self.ws
        if self._enabled(who):
            ws.su.execute("INSERT INTO gone VALUES (%s, clock_timestamp(), 'infinity')", (who,))
            ws.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = %s", (who,))
        else:
            ws.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = %s", (who,))
            ws.su.execute("UPDATE gone SET until = clock_timestamp() WHERE login = %s AND until = 'infinity'", (who,))

    @rule(what=st.sampled_from(["factor", "sim", "back"]))
    def the_account_changes(self, what: str) -> None:
        if what == "factor":
            self.ws.control.change(factors=self.ws.control.like.factors[:1])
        elif what == "sim":
            # the carrier's word does not move the account's version
            self.ws.control.like = msgspec.structs.replace(self.ws.control.like, sim=SimState.SWAPPED)
        else:
            self.ws.control.like = msgspec.structs.replace(self.ws.control.like, sim=SimState.UNCHANGED)

    @rule(who=st.sampled_from(SENIORS))
    def evidence_is_added(self, who: str) -> None:
        if self._enabled(who):
            desk = self.ws.desk(who)
            answer(desk, "SELECT ws.claim_case(%s, 'taken over for this test')", self.case)
            self.ws.proofs(who, self.case, "callback")
            self._note_evidence()

    @rule()
    def the_policy_changes(self) -> None:
        ws = self.ws
        version, before = installing.in_force(ws.su)
        policy = msgspec.structs.replace(document.standard(), version=version + 1, text=f"policy {version + 1}")
        change = document.Change(replaces=before.hex(), hash=policy.hash.hex(), version=policy.version)
        for key in SIGNERS.values():
            change = document.sign(change, key)
        try:
            installing.install(ws.su, policy, change)
        except Refused:
            return  # a signer is gone just now
        ws.su.execute("INSERT INTO policies VALUES (%s, clock_timestamp())", (policy.hash,))

    # -- what must hold ------------------------------------------------------------------------------
    @invariant()
    def nothing_was_executed_that_may_not_be(self) -> None:
        for what, query in WRONG.items():
            assert self.ws.su.execute(query.encode()).fetchall() == [], what

    @invariant()
    def nothing_took_effect_that_was_not_let_out(self) -> None:
        let_out = {str(r[0]) for r in self.ws.su.execute("SELECT request_id FROM wsd.execution").fetchall()}
        assert set(self.ws.control.effects) <= let_out
        assert len(self.ws.control.effects) == len(set(self.ws.control.effects))

    def _note_evidence(self) -> None:
        self.ws.su.execute(
            "INSERT INTO evidences SELECT %s, wsd.evidence_hash(%s), clock_timestamp()", (self.case, self.case)
        )

    def _enabled(self, who: str) -> bool:
        return bool(answer(self.ws.su, "SELECT enabled FROM wsd.staff WHERE login = %s", who))


@pytest.fixture(scope="module", autouse=True)
def prepared(ws: Installation) -> None:
    """A third senior, two signers, and what the test itself notes down of who was gone when."""
    ws.add("hugo", "P9", 3, "analyst", "A", "ws_senior")
    for login, key in SIGNERS.items():
        installing.enrol_key(ws.su, login, key.public_key().public_bytes_raw())
    ws.su.execute("CREATE TEMP TABLE gone(login text, since timestamptz, until timestamptz)")
    ws.su.execute("CREATE TEMP TABLE policies(hash bytea, since timestamptz)")
    ws.su.execute("CREATE TEMP TABLE evidences(case_id bigint, hash bytea, since timestamptz)")
    ws.su.execute("INSERT INTO policies SELECT wsd.policy_hash(), '-infinity'")


def test_whatever_happens_in_whatever_order(ws: Installation) -> None:
    Acts.ws = ws
    run_state_machine_as_test(
        Acts,
        settings=settings(
            max_examples=20,
            stateful_step_count=18,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    ws.su.execute("UPDATE wsd.staff SET enabled = true")


def test_the_machine_does_execute_when_all_is_well(ws: Installation) -> None:
    """The invariants are worth nothing if nothing is ever executed."""
    Acts.ws = ws
    for act in ("unlock", "remove_factor"):
        machine = Acts()
        machine.begin()
        machine.ask("david", act)
        machine.broker_tells_the_client(True)
        machine.agree("erika", "as it is")
        if act == "remove_factor":
            machine.time_passes("24 h 1 min")
        machine.broker_releases("")
        assert machine.request is not None
        assert asking.row(ws, machine.request)["state"] == "executed"
        machine.nothing_was_executed_that_may_not_be()
        machine.nothing_took_effect_that_was_not_let_out()


#: What each disturbance must come to when all else goes well: in tier 2, in tier 3.
MUST = {
    "a colleague says no": ("no", "no"),
    "the client says no": ("", "the client stopped it by the link in his mail"),
    "somebody forges his no": ("", ""),
    "who asked leaves": ("requester_revoked", "requester_revoked"),
    "who agrees leaves": ("nobody approved in time, or the time to execute ran out",) * 2,
    "a factor goes": ("account_changed: second factor passkey removed since",) * 2,
    "the SIM card is swapped": ("", "sim_swap"),
    "who agrees adds evidence": ("evidence_changed", "evidence_changed"),
    "evidence is added": ("evidence_changed", "evidence_changed"),
    "the policy changes": ("policy_changed", "policy_changed"),
    "two hours pass": ("nobody approved in time, or the time to execute ran out",) * 2,
}


@pytest.mark.parametrize("tier", [2, 3])
@pytest.mark.parametrize("but", DISTURBANCES)
def test_one_thing_in_between(ws: Installation, but: str, tier: int) -> None:
    """After the approval, right before the release: executed where it does not matter, else refused in words."""
    Acts.ws = ws
    machine = Acts()
    machine.begin()
    # In tier 3 the approval is given before the cool-down, and the disturbance comes after it.
    machine.all_goes_well_but("unlock" if tier == 2 else "remove_factor", but, 3, "")
    assert machine.request is not None
    after = asking.row(ws, machine.request)
    if after["state"] == "pending":
        ws.cooled(after["id"], "2 h")
        ws.broke("sweep")
        after = asking.row(ws, machine.request)
    why = MUST[but][tier - 2]
    assert (after["state"] == "executed", after["why"]) == (why == "", why)
    machine.nothing_was_executed_that_may_not_be()
    machine.nothing_took_effect_that_was_not_let_out()


APPROVED = """INSERT INTO wsd.approval SELECT id, requester_person, request_hash, approve_by, 'erika', 'P5', now(),
                now() + interval '1 h' FROM wsd.request WHERE id = %(id)s"""
#: What a hand past every rule would have to do for each invariant to notice.
BY_HAND = {
    "nobody else agreed": (),
    "an approver had worked on the case": (
        "UPDATE wsd.proof SET by_person = 'P5' WHERE case_id = (SELECT case_id FROM wsd.request WHERE id = %(id)s)",
        APPROVED,
    ),
    "the request is not what was hashed": ("UPDATE wsd.request SET params = '{}' WHERE id = %(id)s",),
    "another policy": ("UPDATE wsd.request SET policy = sha256('mine') WHERE id = %(id)s",),
    "other evidence": ("INSERT INTO evidences SELECT case_id, 'x', now() FROM wsd.request WHERE id = %(id)s",),
    "another version of the account": ("UPDATE wsd.request SET account_etag = 'other' WHERE id = %(id)s",),
    "somebody had said no": (
        "UPDATE wsd.audit SET event = 'veto' WHERE event = 'request' AND outcome = 'ok' AND object = %(id)s::text",
    ),
    "a requester who was gone": ("INSERT INTO gone VALUES ('david', '-infinity', 'infinity')",),
    "the client was not told": (),
    "cool-down": (),
    "no facts of that moment": ("UPDATE wsd.account_fact SET read_at = read_at - interval '1 day'",),
}


@pytest.mark.parametrize("what", sorted(WRONG))
def test_every_invariant_would_notice(ws: Installation, what: str) -> None:
    Acts.ws = ws
    machine = Acts()
    machine.begin()
    machine.ask("david", "remove_factor")
    assert machine.request is not None
    values = {"id": machine.request["id"]}
    with ws.su.transaction(force_rollback=True):
        ws.su.execute("SET LOCAL session_replication_role = replica")
        for statement in BY_HAND[what]:
            ws.su.execute(statement.encode(), values)
        ws.su.execute(
            "INSERT INTO wsd.execution(request_id, claimed_by, claimed, etag_before) "
            "VALUES (%(id)s, 'ws_executor', clock_timestamp(), %(etag)s)",
            {**values, "etag": machine.request["account_etag"]},
        )
        found = {str(row[0]) for row in ws.su.execute(WRONG[what].encode()).fetchall()}
    assert found == {machine.request["id"]}
