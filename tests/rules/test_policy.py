"""The policy: the same hash on both sides, changed by two people only, and every other change found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules import asking
from tests.rules.installation import REASON, Installation, answer
from workstation.cli import main
from workstation.commands import policy as command
from workstation.services.acts.control import Act
from workstation.services.audit.verify import verify
from workstation.services.errors import Invalid, Refused
from workstation.services.policy import document, installing

NUMBER = itertools.count(1)
KEYS = {who: Ed25519PrivateKey.from_private_bytes(who.encode().ljust(32, b"k")) for who in ("fay", "david", "erika")}


@pytest.fixture(scope="module", autouse=True)
def keys(ws: Installation) -> None:
    """A lead and two seniors have keys."""
    for login, key in KEYS.items():
        installing.enrol_key(ws.su, login, key.public_key().public_bytes_raw())


@pytest.fixture(autouse=True)
def quiet(ws: Installation) -> Iterator[None]:
    asking.forget(ws)
    yield


def current(ws: Installation) -> document.Policy:
    """Return the policy in force as a document."""
    version, _ = installing.in_force(ws.su)
    return msgspec.structs.replace(document.standard(), version=version, text=_text(ws))


def _text(ws: Installation) -> str:
    return str(answer(ws.su, "SELECT text FROM wsd.policy_head"))


def wanted(ws: Installation, text: str = "") -> document.Policy:
    return msgspec.structs.replace(current(ws), version=current(ws).version + 1, text=text or f"test {next(NUMBER)}")


def change(ws: Installation, policy: document.Policy, *signers: str) -> document.Change:
    _, before = installing.in_force(ws.su)
    made = document.Change(replaces=before.hex(), hash=policy.hash.hex(), version=policy.version)
    for who in signers:
        made = document.sign(made, KEYS[who])
    return made


def said(ws: Installation) -> list[str]:
    # Only of the policy: what these tests take back by hand has records elsewhere.
    return [p.what for p in verify(ws.conninfo("gus")).problems if "polic" in p.what or "signing key" in p.what]


def test_both_sides_hash_the_same(ws: Installation) -> None:
    assert installing.in_force(ws.su)[1] == current(ws).hash
    with psycopg.connect(ws.conninfo("gus")) as connection:
        from workstation.services.audit import policy

        assert policy.in_tables(connection) == current(ws).hash


@settings(max_examples=25, deadline=None)
@given(
    act=st.sampled_from(sorted(Act)),
    title=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=3, max_size=30),
    seconds=st.integers(0, 366 * 86_400),
    days=st.integers(0, 366),
    limit=st.integers(0, 10**12),
)
def test_whatever_a_policy_says_both_sides_hash_the_same(
    ws: Installation, act: Act, title: str, seconds: int, days: int, limit: int
) -> None:
    one = document.standard()
    blockers = {"sim_swap": document.Blocker(days=days, unknown_needs="callback")}
    changed = msgspec.structs.replace(one.acts[act], title=title, cooldown_s=seconds, blockers=blockers)
    limits = msgspec.structs.replace(one.limits, high_balance_usd=limit)
    policy = msgspec.structs.replace(one, text=title, acts={**one.acts, act: changed}, limits=limits)
    with psycopg.connect(ws.lease.superuser_dsn("ws")) as connection:
        connection.execute("SELECT wsd.put_policy(%s::jsonb)", (policy.as_json(),))
        row = connection.execute("SELECT wsd.policy_hash()").fetchone()
        assert row is not None
        assert bytes(row[0]) == policy.hash != one.hash
        connection.rollback()


def test_two_people_change_it_and_anybody_can_check_that_they_did(ws: Installation) -> None:
    policy = wanted(ws, "signed by two")
    installing.install(ws.su, policy, change(ws, policy, "fay", "david"))
    shown = answer(ws.desk("ana"), "SELECT ws.policy()")
    assert (shown["hash"], shown["text"], shown["tampered"]) == (policy.hash.hex(), "signed by two", False)
    assert shown["signed_by"] == ["david", "fay"]
    assert said(ws) == []


@pytest.mark.parametrize(
    "signers", [(), ("fay",), ("fay", "david", "erika")], ids=["nobody", "one", "three and so not as agreed"]
)
def test_not_with_other_than_two_signatures(ws: Installation, signers: tuple[str, ...]) -> None:
    policy = wanted(ws)
    with pytest.raises(Refused):
        installing.install(ws.su, policy, change(ws, policy, *signers))


def test_not_with_signatures_of_something_else(ws: Installation) -> None:
    policy, other = wanted(ws), wanted(ws)
    good = change(ws, policy, "fay", "david")
    no_hex = msgspec.structs.replace(good.signatures[0], signature="zz")
    for wrong in (
        change(ws, other, "fay", "david"),
        msgspec.structs.replace(good, signatures=change(ws, other, "fay", "david").signatures),
        msgspec.structs.replace(good, signatures=good.signatures[:1] * 2),
        msgspec.structs.replace(good, replaces="00" * 32),
        msgspec.structs.replace(good, signatures=(no_hex, good.signatures[1])),
    ):
        with pytest.raises(Refused):
            installing.install(ws.su, policy, wrong)
    old = change(ws, policy, "fay", "david")
    newer = wanted(ws)
    installing.install(ws.su, newer, change(ws, newer, "david", "erika"))
    with pytest.raises(Refused, match="another policy"):
        installing.install(ws.su, policy, old)
    skipped = msgspec.structs.replace(wanted(ws), version=current(ws).version + 2)
    with pytest.raises(Refused, match="version"):
        installing.install(ws.su, skipped, change(ws, skipped, "fay", "david"))


def test_not_by_one_person_with_two_keys_nor_by_somebody_who_left(ws: Installation) -> None:
    policy = wanted(ws)
    second = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
    installing.enrol_key(ws.su, "david2", second.public_key().public_bytes_raw())
    KEYS["david2"] = second
    made = change(ws, policy, "david", "david2")
    with pytest.raises(Refused, match="not of a lead or senior"):  # david's first key is revoked by his second
        installing.install(ws.su, policy, made)
    ws.su.execute("UPDATE wsd.policy_key SET revoked = NULL")
    with pytest.raises(Refused, match="two different people"):
        installing.install(ws.su, policy, made)
    ws.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = 'erika'")
    with pytest.raises(Refused, match="enabled"):
        installing.install(ws.su, policy, change(ws, policy, "fay", "erika"))
    ws.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = 'erika'")
    for login in ("ana", "carla", "gus"):
        with pytest.raises(Refused, match="only a lead or a senior"):
            installing.enrol_key(ws.su, login, b"p" * 32)


def test_what_was_asked_under_another_policy_is_not_done(ws: Installation) -> None:
    cases = [ws.case(f"PO{next(NUMBER)}") for _ in range(2)]
    requests = []
    for case in cases:
        answer(ws.desk("carla"), "SELECT ws.claim_case(%s, '')", case)
        assert ws.step_up(ws.desk("carla")) == "ok"
        made = answer(ws.desk("carla"), asking.REQUEST, case, "unlock", "{}", REASON, "e1")
        assert made["policy"] == current(ws).hash.hex()
        requests.append(made)
    assert asking.approve(ws, "erika", requests[0]) == "OK"
    policy = wanted(ws)
    installing.install(ws.su, policy, change(ws, policy, "fay", "erika"))
    assert asking.approve(ws, "erika", requests[1]) == "DENIED:policy_changed"
    assert answer(ws.desk("ws_executor"), "SELECT ws.claim(%s, 'e1')", requests[0]["id"]) == "policy_changed"
    assert asking.row(ws, requests[0])["state"] == "refused"


def test_a_hand_that_slips_is_stopped_and_a_superuser_is_found(ws: Installation) -> None:
    lower = "UPDATE wsd.policy SET approvals = 1, cooldown = '0' WHERE act = 'remove_factor'"
    assert answer(ws.su, lower) == "42501"
    assert answer(ws.su, "DELETE FROM wsd.policy_blocker") == "42501"
    assert answer(ws.su, "TRUNCATE wsd.policy_need") == "42501"
    assert answer(ws.su, "UPDATE wsd.policy_edition SET hash = sha256('x')") == "42501"
    ws.su.execute("SET session_replication_role = replica")
    before = answer(ws.su, "SELECT cooldown FROM wsd.policy WHERE act = 'remove_factor'")
    ws.su.execute(lower.encode())
    try:
        assert "the policy in the tables is one that nobody signed" in said(ws)
        assert answer(ws.desk("ana"), "SELECT ws.policy()")["tampered"] is True
        case = ws.case(f"PO{next(NUMBER)}")
        answer(ws.desk("ana"), "SELECT ws.claim_case(%s, '')", case)
        made = answer(ws.desk("ana"), asking.REQUEST, case, "lock", "{}", REASON, "e1")
    finally:
        ws.su.execute("UPDATE wsd.policy SET cooldown = %s WHERE act = 'remove_factor'", (before,))
        ws.su.execute("SET session_replication_role = origin")
    # Put back as it was, what was asked for meanwhile still tells.
    assert said(ws) == [f"a request was made under a policy that nobody signed: {made['id']}"]
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("DELETE FROM wsd.request WHERE id = %s", (made["id"],))
    ws.su.execute("SET session_replication_role = origin")


def test_a_signature_that_a_superuser_made_up_is_found(ws: Installation) -> None:
    policy = wanted(ws)
    made = change(ws, policy, "fay", "erika")
    forged = tuple(msgspec.structs.replace(s, signature="00" * 64) for s in made.signatures)
    with psycopg.connect(ws.lease.superuser_dsn("ws")) as connection:
        connection.execute(
            "SELECT ws.change_policy(%s::jsonb, %s, %s, %s::jsonb)",
            (policy.as_json(), bytes.fromhex(made.replaces), policy.hash, msgspec.json.encode(forged).decode()),
        )
        from workstation.services.audit import policy as check

        assert [what for _, what in check.problems(connection)] == ["the signatures of a policy are not right"]
        connection.rollback()


def test_a_migration_leaves_a_signed_policy_alone(ws: Installation) -> None:
    from workstation.services.store.migrate import migrate

    policy = wanted(ws, "ours")
    installing.install(ws.su, policy, change(ws, policy, "fay", "erika"))
    migrate(ws.lease.superuser_dsn("postgres"))
    assert _text(ws) == "ours"
    assert installing.in_force(ws.su) == (policy.version, policy.hash)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("approvals = 1\nmin_level = 2", "approvals = 0\nmin_level = 2", "approval"),
        ("tier = 4", "tier = 3\nvetoable = true\nneeds = [['proofing']]", "client's own lock"),
        ("needs = [[", "neds = [[", "neds"),
        ('unknown_needs = "callback"', 'unknown_needs = "hope"', "hope"),
        ("[acts.unlock]", "[acts.unlok]", "unlok"),
        ("version = 1", "version = 0", "version"),
    ],
)
def test_what_no_policy_may_say(old: str, new: str, word: str) -> None:
    text = Path(document.__file__).with_name("standard.toml").read_text()
    assert old in text
    with pytest.raises(Invalid, match=word):
        document.parse(text.replace(old, new, 1))


def test_by_the_command(
    ws: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.getpass, "getpass", lambda prompt: "a long enough passphrase")
    url = ["--url", ws.lease.superuser_dsn("ws")]
    for login in ("fay", "erika"):
        assert main(["admin", "policy", "new-key", str(tmp_path / login)]) == 0
        public = capsys.readouterr().out.strip()
        assert main(["admin", *url, "policy", "enrol-key", login, public]) == 0
        capsys.readouterr()
    assert (tmp_path / "fay").stat().st_mode & 0o077 == 0
    assert main(["admin", *url, "policy", "show"]) == 0
    version, before = capsys.readouterr().out.split("\n")[:2]
    file = tmp_path / "policy.toml"
    text = Path(document.__file__).with_name("standard.toml").read_text()
    file.write_text(text.replace("version = 1", f"version = {int(version.split()[1]) + 1}"))
    assert main(["admin", "policy", "check", str(file)]) == 0
    assert main(["admin", "policy", "sign", str(file), str(tmp_path / "fay"), "--replaces", before]) == 0
    assert main(["admin", *url, "policy", "install", str(file)]) == 1
    assert main(["admin", "policy", "sign", str(file), str(tmp_path / "erika")]) == 0
    assert main(["admin", *url, "policy", "install", str(file)]) == 0
    assert installing.in_force(ws.su)[1] == document.parse(file.read_text()).hash
    file.write_text(file.read_text() + "\n# a word more changes nothing\n")
    assert document.parse(file.read_text()).hash == installing.in_force(ws.su)[1]
    assert main(["admin", "policy", "new-key", str(tmp_path / "fay")]) == 1
