"""The simulated exchange as a process: ``python -m workstation.sandbox.server --dir D --seed N --scale N``.

Serves on loopback only. ``D/sandbox.json`` says where, as soon as it listens. Stops on SIGTERM and with its
parent. Its clients answer mail and try the door by themselves while it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvicorn

from workstation.sandbox.api import Api, Tokens
from workstation.sandbox.clients import populate, write_private
from workstation.sandbox.errands import run_due
from workstation.sandbox.post import Post
from workstation.sandbox.store import Store
from workstation.services.clock import Clock, SystemClock, to_micros
from workstation.services.daemon import die_with_parent, logger, pause, stop_event, together, watch_parent

#: Seconds between two looks at errands and mail.
EVERY_S = 0.4
#: Seconds that open requests have at the end.
GRACE_S = 3

log = logger("exchange")


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: it would end the process by the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def tokens(directory: Path) -> Tokens:
    """Return the tokens of a directory, made the first time."""
    path = directory / "sandbox-tokens.json"
    if not path.exists():
        made = Tokens(read=secrets.token_urlsafe(32), write=secrets.token_urlsafe(32))
        write_private(path, msgspec.json.encode(made))
    return msgspec.json.decode(path.read_bytes(), type=Tokens)


async def life(store: Store, post: Post, clock: Clock, rng: random.Random, stop: asyncio.Event) -> None:
    """Let people run their errands and answer their mail until `stop`; trouble is logged and tried again."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(_moment, store, post, to_micros(clock.now()), rng)
        except Exception as error:  # noqa: BLE001 - one bad mail must not end everybody's life; it is told
            log("life.trouble", why=f"{type(error).__name__}: {error}")
        await pause(stop, EVERY_S)


def _moment(store: Store, post: Post, now_us: int, rng: random.Random) -> None:
    done = run_due(store, now_us, rng)
    post.step(now_us)
    if done:
        log("errands", done=done)


async def serve(directory: Path, seed: int, scale: int, port: int, parent: int) -> None:
    """Serve the exchange of `directory` until SIGTERM or until `parent` is gone.

    Raises:
        OSError: the port is taken.
    """
    clock, rng, stop = SystemClock(), random.SystemRandom(), stop_event()
    listener = socket.create_server(("127.0.0.1", port))
    store = await asyncio.to_thread(populate, directory, seed, scale, to_micros(clock.now()))
    post = Post(directory / "mail", store, int(store.meta("seed")))
    await asyncio.to_thread(post.deliver, to_micros(clock.now()))
    app = Api(store, tokens(directory), clock, rng).app()
    server = _Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S, server_header=False
        )
    )
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with together(life(store, post, clock, rng, stop), watch_parent(stop, parent), _stopper(server, stop)):
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await pause(stop, 0.01)
        write_private(directory / "sandbox.json", msgspec.json.encode({"url": url, "pid": os.getpid()}))
        log("ready", url=url)
        await serving
    (directory / "sandbox.json").unlink(missing_ok=True)
    log("stopped")


async def _stopper(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def main(argv: list[str] | None = None) -> int:
    """Run the exchange that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(prog="workstation.sandbox.server", description="The simulated exchange.")
    parser.add_argument("--dir", type=Path, required=True, metavar="D", help="where its state lives")
    parser.add_argument("--seed", type=int, default=1, help="which exchange, when it is invented (%(default)s)")
    parser.add_argument("--scale", type=int, default=1, help="its size then: 1 is 40 accounts (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 takes a free one (%(default)s)")
    args = parser.parse_args(argv)
    parent = os.getppid()
    die_with_parent(parent)
    try:
        asyncio.run(serve(args.dir.absolute(), args.seed, args.scale, args.port, parent))
    except OSError as error:
        log("failed", why=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
