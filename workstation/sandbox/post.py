"""The post: letters leave the state's file for maildirs, and mails of support are answered by the clients.

Maildirs under ``mail/``: ``inbox`` (what support receives), ``outgoing`` (what the courier delivered to
clients), ``clients/ADDRESS`` and ``phones/NUMBER`` (what the exchange itself sent). A letter is written into
the state in the transaction that causes it, and from there delivered once: its file name follows from its number.
"""

from __future__ import annotations

import email
import os
import random
import re
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

from workstation.sandbox import stop
from workstation.sandbox.heads import Statement
from workstation.sandbox.letters import answer
from workstation.sandbox.store import Store, Tx

#: Answers that somebody gives in one thread, statements in one answer, and the seconds it takes to write it.
ANSWERS, STATEMENTS = 3, 2
DELAY_S = (3.0, 9.0)
_PARTS = ("tmp", "new", "cur")
_STOP = re.compile(r"/sandbox/stop\?t=([A-Za-z0-9_-]{100,200})")


class Post:
    """Carries letters and answers mail.

    Args:
        root: the directory ``mail``; made where it is missing.
        store: the exchange's state.
        seed: of the delays and words of answers.
    """

    def __init__(self, root: Path, store: Store, seed: int) -> None:
        self._root, self._store, self._seed = root, store, seed
        root.mkdir(mode=0o700, exist_ok=True)
        for box in ("inbox", "outgoing"):
            _make(root / box)

    def step(self, now_us: int) -> None:
        """Do what is due: note new mails of support, write the answers whose time has come, deliver letters."""
        self._note(now_us)
        self._answer(now_us)
        self.deliver(now_us)

    def deliver(self, now_us: int) -> None:
        """Write every letter that is not delivered yet into its mailbox."""
        with self._store.read() as tx:
            rows = tx.sql.execute(
                "SELECT id, channel, address, raw FROM letter WHERE delivered = 0 ORDER BY id"
            ).fetchall()
        for number, channel, address, raw in rows:
            box = self._root / _box(channel, address)
            _make(box)
            _publish(box, f"{number:08d}.sandbox", raw)
        if rows:
            with self._store.write(now_us, random.Random(0)) as tx:
                tx.sql.executemany("UPDATE letter SET delivered = 1 WHERE id = ?", [(row[0],) for row in rows])

    def _note(self, now_us: int) -> None:
        """Take note of every mail in ``outgoing/new`` once, and file it as read."""
        new = self._root / "outgoing" / "new"
        for name in sorted(entry.name for entry in os.scandir(new) if entry.name[0] != "."):
            received = _read(new / name)
            with self._store.write(now_us, self._rng(name)) as tx:
                self._note_one(tx, name, received)
            (new / name).rename(new.parent / "cur" / f"{name}:2,S")

    def _note_one(self, tx: Tx, name: str, received: EmailMessage) -> None:
        address = parseaddr(str(received.get("Delivered-To") or received.get("To", "")))[1].lower()
        row = tx.sql.execute("SELECT account, who FROM correspondent WHERE address = ?", (address,)).fetchone()
        account, who = row or ("", "")
        thread = _thread(received)
        due: int | None = tx.now_us + int(tx.rng.uniform(*DELAY_S) * 1_000_000)
        query = "SELECT count(*) FROM seen_mail WHERE account = ? AND thread = ? AND due_us IS NOT NULL"
        given = tx.sql.execute(query, (account, thread)).fetchone()[0]
        if not account or automatic(received) or given >= ANSWERS or tx.story(account) is None:
            due = None
        if who == "client" and (link := _STOP.search(_text(received))):
            self._stop(tx, account, link[1])
        tx.sql.execute(
            "INSERT OR IGNORE INTO seen_mail(file, account, thread, who, due_us) VALUES (?, ?, ?, ?, ?)",
            (name, account, thread, who, due),
        )

    def _stop(self, tx: Tx, account: str, token: str) -> None:
        """A client who asked for nothing stops what was asked for in his name; who asked lets it go on."""
        story = tx.story(account)
        if story is not None and story.writer == "intruder":
            stop.use(tx, token)

    def _answer(self, now_us: int) -> None:
        query = "SELECT file, account, thread, who FROM seen_mail WHERE answered = 0 AND due_us <= ? ORDER BY due_us"
        with self._store.read() as tx:
            rows = tx.sql.execute(query, (now_us,)).fetchall()
        for file, account, thread, who in rows:
            received = _read(self._root / "outgoing" / "cur" / f"{file}:2,S")
            with self._store.write(now_us, self._rng(file)) as tx:
                taken = tx.sql.execute("UPDATE seen_mail SET answered = 1 WHERE file = ? AND answered = 0", (file,))
                if taken.rowcount:
                    self._answer_one(tx, received, account, thread, who)

    def _answer_one(self, tx: Tx, received: EmailMessage, account: str, thread: str, who: str) -> None:
        story, record = tx.story(account), tx.load(account)
        if story is None or record is None:
            return
        actor = record.head.client if who == "client" else record.head.intruder
        if actor is None or not actor.writes_from:
            return
        query = "SELECT count(*) FROM seen_mail WHERE account = ? AND thread = ? AND answered = 1"
        turn = tx.sql.execute(query, (account, thread)).fetchone()[0] - 1
        said: list[Statement] = story.client_says if who == "client" else story.intruder_says
        mail = answer(actor, story, said[turn * STATEMENTS : (turn + 1) * STATEMENTS], received, tx.now_us, tx.rng)
        tx.send("support", "", mail.raw)

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}:{name}")


def automatic(mail: EmailMessage) -> bool:
    """Return whether a machine wrote the mail, so that it must not be answered (RFC 3834, 2 and 5)."""
    return str(mail.get("Auto-Submitted", "no")).partition(";")[0].strip().lower() != "no"


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return part.get_content() if part is not None else ""


def _thread(mail: EmailMessage) -> str:
    """Return the Message-ID that a thread began with."""
    ids = str(mail.get("References") or mail.get("In-Reply-To") or mail.get("Message-ID", "")).split()
    return ids[0] if ids else ""


def _read(path: Path) -> EmailMessage:
    mail = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def _box(channel: str, address: str) -> Path:
    if channel == "support":
        return Path("inbox")
    name = "".join(c if c.isalnum() or c in "@.+-_" else "_" for c in address)
    return Path("clients" if channel == "mail" else "phones") / name


def _make(box: Path) -> None:
    for part in _PARTS:
        (box / part).mkdir(mode=0o700, parents=True, exist_ok=True)


def _publish(box: Path, name: str, raw: bytes) -> None:
    """Put a file into ``new``, whole or not at all, unless it was delivered before (read or unread)."""
    if (box / "new" / name).exists() or any(box.glob(f"cur/{name}*")):
        return
    temporary = box / "tmp" / name
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(box / "new" / name)
