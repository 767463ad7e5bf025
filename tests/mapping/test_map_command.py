"""``workstation map`` as a process."""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mapping.samples import raw_of
from workstation.commands import map as map_command
from workstation.services.timeline.mapping import SOURCES

LINE = b"Dec 10 06:55:48 lab sshd[24200]: Failed password for invalid user web from 198.51.100.7 port 38926 ssh2"


def run(*args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "workstation.commands.map", *args], input=stdin, capture_output=True, check=False
    )


def test_one_line_a_record_in_the_order_of_the_input_errors_in_their_place() -> None:
    bad = b"caf\xe9 \x1b]0;x\x07"
    done = run("okta", stdin=b"\n".join([raw_of("okta"), bad, b"{}", raw_of("okta")]) + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    first, second, third, fourth = (json.loads(line) for line in done.stdout.splitlines())
    assert first == fourth
    assert (first["event.id"], first["user.target.name"]) == ("o-1", "maria@ex.example")
    assert (second["raw"], "no JSON" in second["error"]) == ("caf\\xe9 \x1b]0;x\x07", True)
    assert (third["raw"], third["error"]) == ("{}", "The record says no time.")
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_source_reads_lines_arrays_and_what_is_none(
    source: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    sample = LINE if source == "openssh" else raw_of(source)
    lines, array = tmp_path / "lines", tmp_path / "array"
    lines.write_bytes(b"\n".join([sample, b"nonsense", sample]) + b"\n")
    said = [json.dumps(sample.decode()).encode() if source == "openssh" else sample, b'{"no": "time"}']
    array.write_bytes(b"[" + b",".join(said) + b"]")
    for file in (lines, array):
        assert map_command.run(argparse.Namespace(source=source, file=str(file))) == 0
    first, broken, third, *rest = (json.loads(line) for line in capfdbinary.readouterr().out.splitlines())
    assert first == third
    assert first["event.dataset"] in (source, "account-log")
    assert (set(broken), broken["raw"]) == ({"error", "raw"}, "nonsense")
    assert broken["error"]
    if source != "openssh":
        # A log of text lines has no arrays.
        assert rest[0] == first
    assert set(rest[-1]) == {"error", "raw"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_may_be_an_array_and_compressed(tmp_path: Path, pack: object) -> None:
    file = tmp_path / "records with a blank"
    file.write_bytes(pack(b"[" + raw_of("ecs") + b"," + raw_of("ecs") + b"]"))  # type: ignore[operator]
    done = run("ecs", str(file))
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2


def test_an_unknown_source_names_those_that_there_are() -> None:
    done = run("splunk\x1b]0;x\x07")
    assert done.returncode == 2
    assert all(source in done.stderr.decode() for source in SOURCES)
    assert b"\x1b" not in done.stderr


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        done = run("okta", str(path))
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"Check the path" in done.stderr


def test_damaged_input_is_an_error_after_what_could_be_read() -> None:
    done = run("okta", "-", stdin=gzip.compress(raw_of("okta") + b"\n")[:-4])
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert b"damaged" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "workstation.commands.map", "okta"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(raw_of("okta") + b"\n")
        process.stdin.flush()
        # It streams: the first event is there before the input ends.
        assert json.loads(process.stdout.readline())["event.id"] == "o-1"
        process.stdout.close()
        try:
            process.stdin.write((raw_of("okta") + b"\n") * 500)
            process.stdin.close()
        except BrokenPipeError:
            process.stdin = None
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_neither_the_store_nor_the_screens_are_loaded() -> None:
    heavy = ("psycopg", "sqlmodel", "textual", "rich", "httpx", "cryptography")
    code = f"import sys, workstation.commands.map; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
