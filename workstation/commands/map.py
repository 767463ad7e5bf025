"""``workstation map``: raw records of a log source into our events, as NDJSON on stdout."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from workstation.services.errors import Invalid
from workstation.services.timeline.mapping import SOURCES, Unmapped, map_lines, read_pieces


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "source", metavar="SOURCE", help="which system wrote the records: " + ", ".join(sorted(SOURCES))
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help="one JSON object or text line a record, or a JSON array; may be gzip; - is standard input (the default)",
    )


def run(args: argparse.Namespace) -> int:
    """Map the file; a record that cannot be mapped becomes a line with ``error`` and its raw text.

    Returns:
        0, also when records could not be mapped; 1 when the input was damaged; 2 for a wrong call.
    """
    if args.source not in SOURCES:
        _complain(f"“{ascii(args.source)[1:-1]}” is not a source. There are: {', '.join(sorted(SOURCES))}.")
        return 2
    try:
        stream = sys.stdin.buffer if args.file == "-" else Path(args.file).open("rb")  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        _complain(f"{ascii(args.file)[1:-1]} cannot be read ({why}). Check the path, or give - for standard input.")
        return 2
    try:
        with stream:
            _write(args.source, stream)
    except BrokenPipeError:
        # Who reads us has seen enough (`| head`). The interpreter would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Invalid, OSError) as error:
        _complain(error.sentence() if isinstance(error, Invalid) else f"The input cannot be read ({error.strerror}).")
        return 1
    return 0


def _write(source: str, stream: BinaryIO) -> None:
    out = sys.stdout.buffer
    for line in _lines(source, stream):
        out.write(line)
        if stream is sys.stdin.buffer:
            # Something may be watching a log as it grows.
            out.flush()
    out.flush()


def _lines(source: str, stream: BinaryIO) -> Iterator[bytes]:
    # Of a pipe, lines come as they are written: nobody waits for a piece to become full.
    for raws in read_pieces(stream):
        for mapped in map_lines(source, raws):
            found: dict[str, Any] = (
                {"error": mapped.error, "raw": mapped.raw.decode("utf-8", "backslashreplace")}
                if isinstance(mapped, Unmapped)
                else mapped.to_ecs()
            )
            yield msgspec.json.encode(found) + b"\n"


def _complain(what: str) -> None:
    print(f"workstation: {what}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="workstation map")
    configure(parser)
    sys.exit(run(parser.parse_args()))
