"""A witness over its socket, by the statuses of C2SP tlog-witness, and what it keeps."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.audit.office import NEXT_SEED, ORIGIN, SEED, Desk
from workstation.services.audit.merkle import Tree
from workstation.services.audit.notes import Signer, tree_head
from workstation.services.audit.offline import open_note
from workstation.services.errors import Invalid

LOG = Signer(ORIGIN, SEED)


class Client:
    """A log with a tree that talks to a witness."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.tree = desk, Tree()
        self.http = httpx.Client(transport=httpx.HTTPTransport(uds=desk.url.removeprefix("unix:")), timeout=5)

    def grow(self, count: int, word: str = "leaf") -> None:
        for _ in range(count):
            self.tree.add(f"{word} {self.tree.size}".encode())

    def note(self, signer: Signer = LOG, origin: str = ORIGIN, size: int | None = None) -> str:
        size = self.tree.size if size is None else size
        text = tree_head(origin, size, self.tree.root(size))
        return f"{text}\n{signer.sign(text)}"

    def ask(self, old: int, note: str | None = None, proof: list[bytes] | None = None) -> httpx.Response:
        steps = self.tree.consistency(old) if proof is None else proof
        lines = "".join(base64.b64encode(step).decode() + "\n" for step in steps)
        return self.post(f"old {old}\n{lines}\n{note or self.note()}".encode())

    def post(self, body: bytes) -> httpx.Response:
        return self.http.post("http://w/add-checkpoint", content=body)


@pytest.fixture
def client(witness: Desk) -> Iterator[Client]:
    made = Client(witness)
    yield made
    made.http.close()


def test_it_signs_what_goes_on(client: Client) -> None:
    for old, count in ((0, 3), (3, 4), (7, 0), (7, 9)):
        client.grow(count)
        answer = client.ask(old)
        assert answer.status_code == 200
        _, signed = open_note(client.note() + answer.text, [client.desk.signer.key])
        assert signed == [client.desk.signer.key]
    shown = client.http.get(f"http://w/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint")
    assert open_note(shown.text, [LOG.key, client.desk.signer.key])[1] == [LOG.key, client.desk.signer.key]
    assert shown.text.startswith(client.note())


def test_it_says_where_it_stands(client: Client) -> None:
    client.grow(5)
    assert client.ask(0).status_code == 200
    client.grow(5)
    for old in (0, 4, 6):
        answer = client.ask(old)
        assert (answer.status_code, answer.text) == (409, "5\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"


def test_it_never_goes_back_nor_aside(client: Client, tmp_path: Path) -> None:
    client.grow(5)
    assert client.ask(0).status_code == 200
    assert client.ask(3, client.note(size=4), client.tree.consistency(3, 4)).status_code == 409
    assert client.ask(5, client.note(size=4), []).status_code == 400
    other = Client(client.desk)
    other.grow(5, "other")
    assert other.ask(5).status_code == 422  # two roots of one size
    other.grow(3)
    assert other.ask(5).status_code == 422
    client.grow(3)
    assert client.ask(5, proof=[]).status_code == 422
    assert client.ask(5, proof=[*client.tree.consistency(5), bytes(32)]).status_code == 422
    assert [event for event, _ in client.desk.log].count("fork") == 4
    client.desk.close()
    again = Desk(tmp_path / "witness", [LOG.key])
    back = Client(again)
    back.tree = client.tree
    assert back.ask(0).text == "5\n"
    assert back.ask(5).status_code == 200
    back.http.close()
    again.close()


def test_whose_word_it_takes(client: Client) -> None:
    client.grow(1)
    assert client.ask(0, client.note(Signer("other.example/log", SEED), "other.example/log")).status_code == 404
    assert client.ask(0, client.note(Signer(ORIGIN, NEXT_SEED))).status_code == 403
    assert client.ask(0, client.note().replace("\n1\n", "\n2\n")).status_code == 403
    assert client.ask(0, proof=[bytes(32)]).status_code == 422  # from nothing there is nothing to prove


def test_a_line_in_its_own_name_is_not_kept(client: Client) -> None:
    client.grow(1)
    key = client.desk.signer.key
    forged = f"\u2014 {key.name} {base64.b64encode(key.id + bytes(72)).decode()}\n"
    assert client.ask(0, client.note() + forged).status_code == 200
    client.grow(1)
    assert client.ask(1).status_code == 200  # it can still read what it kept


HASH = base64.b64encode(bytes(32)) + b"\n"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"old 0\n", b"old 00\n\nx", b"old -1\n\nx", b"new 0\n\nx", b"old 0\n!!\n\nx", b"old 0\nAAAA\n\nx"),
        *(b"\xff\n\n", b"old 0\n" + HASH + b"\nx\n1\n", b"old 1\n" + HASH * 64 + b"\nx"),
    ],
)
def test_what_is_no_request(client: Client, body: bytes) -> None:
    assert client.post(body).status_code == 400


def test_it_reads_no_more_than_a_request(client: Client) -> None:
    refused = client.post(b"x" * 70_000)
    assert (refused.status_code, refused.headers["Connection"]) == (413, "close")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(client.desk.url.removeprefix("unix:"))
        raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert raw.recv(20).startswith(b"HTTP/1.1 413")
    assert client.http.get("http://w/anything").status_code == 404
    assert client.http.post("http://w/other", content=b"x").status_code == 404
    assert client.http.get(f"http://w/{'0' * 64}/checkpoint").status_code == 404


def test_two_witnesses_do_not_share_a_directory(client: Client, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Another witness"):
        Desk(tmp_path / "witness", [LOG.key])
