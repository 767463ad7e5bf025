"""The notary over a real store: what it signs, when, what it refuses, and what a next key needs."""

from __future__ import annotations

import email
import email.policy
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.audit.conftest import forget, work
from tests.audit.office import NEXT_SEED, ORIGIN, SEED, Desk, Office
from tests.rules.installation import Installation, answer
from workstation.services.audit.journal import JOURNAL, Journal
from workstation.services.audit.notary import Look, Pace
from workstation.services.audit.notes import Signer
from workstation.services.audit.offline import load, open_note, parse_keys, tree_head
from workstation.services.audit.sinks import Forked
from workstation.services.audit.verify import verify
from workstation.services.clock import FrozenClock
from workstation.services.errors import Invalid
from workstation.services.mail.message import build
from workstation.services.mail.ports import House, OutRow


def test_a_checkpoint_goes_to_every_sink_and_says_where_the_chains_stand(ws: Installation, office: Office) -> None:
    signed = office.notary.checkpoint()
    assert signed is not None
    assert (signed.size, signed.witnesses) == (1, 1)
    [one] = office.last()
    report = verify(ws.conninfo("gus"), checkpoints=[one])
    assert report.problems == ()
    assert {c: h for c, h in report.heads.items() if c != "ws_notary"} == {
        c: h for c, h in one.heads.items() if c != "ws_notary"
    }
    assert one.witnesses == ("witness.example/w1",)
    files = [office.files(sink) for sink in ("worm", "auditor")]
    assert [[f.name for f in found] for found in files] == [["000000001.checkpoint"]] * 2
    assert {f.read_bytes() for found in files for f in found} == {signed.content.encode()}
    assert stat.S_IMODE(files[0][0].stat().st_mode) == 0o444


def test_what_stands_still_is_not_signed_again(ws: Installation, office: Office) -> None:
    assert office.notary.checkpoint() is not None
    assert office.notary.checkpoint() is None  # only the notary's own chain moved
    work(ws, "ana", times=1)
    again = office.notary.checkpoint()
    assert again is not None
    assert again.size == 2
    found, problems = load([office.directory / "worm"], office.keys)
    assert [c.size for c in found] == [1, 2]
    assert problems == []


def test_the_store_is_told_and_the_auditor_gets_one_an_hour(ws: Installation, office: Office) -> None:
    ws.su.execute("SELECT ws.set_auditor_mail('auditor@audit.invalid')")
    for _ in range(2):
        work(ws, "ana", times=1)
        assert office.notary.checkpoint() is not None
    rows = ws.su.execute("SELECT size, mailed, note FROM wsd.checkpoint ORDER BY size").fetchall()
    assert [(size, mailed) for size, mailed, _ in rows] == [(1, True), (2, False)]
    assert tree_head(open_note(rows[1][2], office.keys)[0])[:2] == (ORIGIN, 2)
    mails = ws.su.execute("SELECT recipient, body, case_id FROM wsd.mail WHERE author = 'ws_notary'").fetchall()
    assert mails == [("auditor@audit.invalid", office.files()[0].read_text(), None)]
    told = ws.su.execute("SELECT object, payload::jsonb ->> 'origin' FROM wsd.audit WHERE event = 'checkpoint'")
    assert ("2", ORIGIN) in told.fetchall()
    standing = answer(ws.desk("gus"), "SELECT ws.notary()")
    assert (standing["size"], standing["witnesses"], standing["trouble"]) == (2, 1, "")


def test_a_mail_is_a_checkpoint_again_whatever_its_line_ends(ws: Installation, office: Office, tmp_path: Path) -> None:
    signed = office.notary.checkpoint()
    assert signed is not None
    (tmp_path / "mail").write_bytes(b"\r\n" + signed.content.replace("\n", "\r\n").encode() + b"\r\n")
    found, problems = load([tmp_path / "mail"], office.keys)
    assert (len(found), problems) == (1, [])


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("a record less", lambda text: text.replace("\nrecords ", "\nrecords 1", 1)),
        ("another head", lambda text: re.sub(r"head ana (\d+)", r"head ana 9\1", text)),
        ("another size", lambda text: text.replace("\n1\n", "\n2\n", 1)),
        ("another origin", lambda text: text.replace(f"\n{ORIGIN}\n", "\nexchange.example/other\n", 1)),
        ("half of it", lambda text: text[: len(text) // 2]),
        ("nothing", lambda text: ""),
        ("no leaf", lambda text: text.partition("\n\n")[2]),
        ("no signature", lambda text: text.rpartition("\n\n")[0] + "\n\n"),
    ],
)
def test_a_checkpoint_that_was_touched_proves_nothing(
    ws: Installation, office: Office, tmp_path: Path, what: str, damage
) -> None:
    signed = office.notary.checkpoint()
    assert signed is not None
    damaged = damage(signed.content)
    assert damaged != signed.content, what
    (tmp_path / "it").write_text(damaged)
    found, problems = load([tmp_path / "it"], office.keys)
    assert found == []
    assert "proves nothing" in problems[0].what


def test_without_the_witness_it_is_not_enough_until_a_later_one_covers_it(
    ws: Installation, office: Office, witness: Desk, tmp_path: Path
) -> None:
    alone = Office(tmp_path / "alone", ws.conninfo("ws_notary"))
    assert alone.notary.checkpoint() is not None
    alone.close()
    _, problems = load([tmp_path / "alone" / "worm"], office.keys)
    assert ["0 of 1 witnesses" in p.what for p in problems] == [True]
    assert load([tmp_path / "alone" / "worm"], office.keys, 0)[1] == []
    back = Office(tmp_path / "alone", ws.conninfo("ws_notary"), witness)
    work(ws, "ana", times=1)
    assert back.notary.checkpoint() is not None
    back.close()
    found, problems = load([tmp_path / "alone" / "worm"], office.keys)
    assert [len(c.witnesses) for c in found] == [0, 1]
    assert problems == []


def test_a_witness_that_is_away_does_not_stop_the_notary(ws: Installation, tmp_path: Path) -> None:
    forget(ws)
    gone = Desk(tmp_path / "gone", [Signer(ORIGIN, SEED).key])
    gone.close()
    made = Office(tmp_path, ws.conninfo("ws_notary"), gone)
    signed = made.notary.checkpoint()
    made.close()
    assert signed is not None
    assert signed.witnesses == 0
    assert "does not answer" in made.cosigners[0].trouble
    assert made.said == ["witness.trouble"]


# -- what it refuses ---------------------------------------------------------------------------------------------------
def test_a_disk_that_lost_what_was_signed_is_found(ws: Installation, office: Office, tmp_path: Path) -> None:
    assert office.notary.checkpoint() is not None
    empty = Office(tmp_path / "empty", ws.conninfo("ws_notary"))
    with pytest.raises(Forked, match="the store knows 1"):
        empty.notary.checkpoint()
    empty.close()


def test_a_witness_that_knows_more_is_believed(ws: Installation, office: Office, witness: Desk, tmp_path: Path) -> None:
    assert office.notary.checkpoint() is not None
    work(ws, "ana", times=1)
    assert office.notary.checkpoint() is not None
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("DELETE FROM wsd.checkpoint")
    ws.su.execute("SET session_replication_role = origin")
    empty = Office(tmp_path / "empty", ws.conninfo("ws_notary"), witness)
    with pytest.raises(Forked, match="has signed 2 checkpoints"):
        empty.notary.checkpoint()
    assert empty.files() == []
    empty.close()


def test_another_history_of_the_same_size_is_found_by_the_witness(
    ws: Installation, office: Office, witness: Desk, tmp_path: Path
) -> None:
    assert office.notary.checkpoint() is not None
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("DELETE FROM wsd.checkpoint")
    ws.su.execute("SET session_replication_role = origin")
    other = Office(tmp_path / "other", ws.conninfo("ws_notary"), witness)
    with pytest.raises(Forked, match="another history"):
        other.notary.checkpoint()
    assert other.files() == []
    assert "fork" in [event for event, _ in witness.log]
    other.close()


def test_a_sink_that_holds_another_one_stops_it(ws: Installation, office: Office) -> None:
    path = office.directory / "auditor" / "000000" / "000000001.checkpoint"
    path.parent.mkdir(parents=True)
    path.write_text("another one\n")
    with pytest.raises(Forked, match=r"knows 0 checkpoints, .* knows 1"):
        office.notary.checkpoint()


def test_two_notaries_do_not_share_a_disk(ws: Installation, office: Office) -> None:
    with pytest.raises(Invalid, match="Another notary"):
        Journal(office.directory / "state")


@pytest.mark.parametrize("damage", ["a leaf changed", "a leaf less"])
def test_a_journal_that_is_not_what_was_signed_is_refused(ws: Installation, office: Office, damage: str) -> None:
    for _ in range(2):
        work(ws, "ana", times=1)
        assert office.notary.checkpoint() is not None
    office.journal.close()
    path = office.directory / "state" / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] if damage == "a leaf less" else lines[0] * 2)
    journal = Journal(office.directory / "state")
    with pytest.raises(Invalid, match="not what was signed"):
        journal.last()
    journal.close()


def test_a_journal_is_made_again_from_a_sink(ws: Installation, office: Office, tmp_path: Path, capsys) -> None:
    from workstation.commands.notary import _rebuild
    from workstation.settings import NotarySettings

    for _ in range(3):
        work(ws, "ben", times=1)
        assert office.notary.checkpoint() is not None
    keys = tuple(str(k) for k in office.keys)
    place = NotarySettings(origin=ORIGIN, state=str(tmp_path / "again" / "state"), keys=keys)
    assert _rebuild(place, office.directory / "auditor") == 0
    with pytest.raises(Invalid, match="not empty"):
        _rebuild(place, office.directory / "auditor")
    again = Office(tmp_path / "again", ws.conninfo("ws_notary"))
    assert (again.journal.size, again.journal.tree.root()) == (3, office.journal.tree.root())
    work(ws, "ben", times=1)
    signed = again.notary.checkpoint()
    assert signed is not None
    assert signed.size == 4
    again.close()
    office.files("auditor")[1].unlink()
    with pytest.raises(Invalid, match="missing"):
        _rebuild(NotarySettings(origin=ORIGIN, state=str(tmp_path / "x"), keys=keys), office.directory / "auditor")


# -- keys --------------------------------------------------------------------------------------------------------------
def test_a_next_key_needs_the_word_of_the_one_before(ws: Installation, office: Office, tmp_path: Path) -> None:
    assert office.notary.checkpoint() is not None
    office.close()
    old, new = (Signer(ORIGIN, seed).key for seed in (SEED, NEXT_SEED))
    work(ws, "ana", times=1)
    alone = Office(tmp_path, ws.conninfo("ws_notary"), seeds=(NEXT_SEED,))
    with pytest.raises(Invalid, match="not the one that the log names"):
        alone.notary.checkpoint()
    alone.close()
    both = Office(tmp_path, ws.conninfo("ws_notary"), seeds=(SEED, NEXT_SEED))
    signed = both.notary.checkpoint(even_if_still=True)
    assert signed is not None
    both.close()
    work(ws, "ana", times=1)
    after = Office(tmp_path, ws.conninfo("ws_notary"), seeds=(NEXT_SEED,))
    assert after.notary.checkpoint() is not None
    after.close()
    trusted = parse_keys(f"{old} until {signed.size}\n{new} from {signed.size}")
    found, problems = load([tmp_path / "worm"], trusted)
    assert [c.signers for c in found] == [(str(old),), (str(old), str(new)), (str(new),)]
    assert problems == []


def test_old_checkpoints_carry_old_keys(ws: Installation, office: Office, tmp_path: Path) -> None:
    """CVE-2023-31439: whoever has today's key must not be able to say what was yesterday."""
    signed = office.notary.checkpoint()
    assert signed is not None
    old, new = Signer(ORIGIN, SEED), Signer(ORIGIN, NEXT_SEED)
    text = signed.content.partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
    resigned = f"{signed.content.rpartition(chr(10) * 2)[0]}\n\n{new.sign(text)}"
    (tmp_path / "it").write_text(resigned.replace(str(old.key), str(new.key)))
    (tmp_path / "it2").write_text(resigned)
    trusted = parse_keys(f"{old.key} until 5\n{new.key} from 5")
    found, problems = load([tmp_path / "it", tmp_path / "it2"], trusted)
    assert found == []
    assert all("no known key" in p.what for p in problems)
    # and with a list of keys that knows no sizes, the leaf still names the key
    found, problems = load([tmp_path / "it", tmp_path / "it2"], parse_keys(f"{old.key}\n{new.key}"))
    assert found == []
    assert len(problems) == 2


# -- when --------------------------------------------------------------------------------------------------------------
def test_when_it_is_time() -> None:
    clock = FrozenClock(datetime(2026, 11, 23, tzinfo=UTC))
    pace = Pace(clock)

    def look(records: int, *over: str) -> bool:
        return pace.due(Look(records, frozenset(over)))

    assert look(10)  # whatever the store holds at the start
    pace.done(Look(10, frozenset()))
    assert not look(10)
    assert not look(1009)
    assert look(1010)
    assert look(9)  # a history that shrank
    pace.done(Look(1010, frozenset()))
    clock.move(timedelta(seconds=300))
    assert not look(1010)  # nothing moved
    assert look(1011)
    pace.done(Look(1011, frozenset()))
    assert not look(1012)
    assert look(1013, "e1")  # an elevation ended
    assert look(1013, "e1")  # and it stays due until there is a checkpoint
    pace.done(Look(1013, frozenset()))
    assert not look(1014, "e1")
    assert not look(1015)  # forgotten after half an hour: nothing new
    assert look(1015, "e2")


def test_an_elevation_that_ends_is_seen_also_between_two_looks(ws: Installation, office: Office) -> None:
    desk = ws.desk("erika")
    before = office.store.look().over
    assert ws.step_up(desk) == "ok"
    assert office.store.look().over == before
    answer(desk, "SELECT ws.step_down()")
    assert len(office.store.look().over - before) == 1
    assert ws.step_up(desk) == "ok"
    ws.su.execute("UPDATE wsd.elevation SET last_use = last_use - interval '6 min' WHERE login = 'erika'")
    assert len(office.store.look().over - before) == 2


def test_what_the_courier_carries_is_a_checkpoint_again(ws: Installation, office: Office, tmp_path: Path) -> None:
    ws.su.execute("SELECT ws.set_auditor_mail('auditor@audit.invalid')")
    assert office.notary.checkpoint() is not None
    row = ws.su.execute(
        "SELECT id, message_id, recipient, subject, body, language FROM wsd.mail WHERE author = 'ws_notary'"
    ).fetchone()
    assert row is not None
    names = ("id", "message_id", "recipient", "subject", "body", "language")
    out = OutRow(**dict(zip(names, row, strict=True)), case_ref="", in_reply_to="", refs="", created=datetime.now(UTC))
    house = House(brand="The Exchange", address="support@exchange.invalid", authserv="", hosts=frozenset())
    letter = build(out, house=house, now=datetime.now(UTC))
    text = email.message_from_bytes(letter.raw, policy=email.policy.default).get_content()
    (tmp_path / "mail").write_text(text)
    found, problems = load([tmp_path / "mail"], office.keys)
    assert [c.size for c in found] == [1]
    assert problems == []
