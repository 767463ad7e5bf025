"""The one client policy: over an injected transport, and over real sockets where the wire itself matters."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec
import pytest

from workstation.services.connectors.endpoint import Endpoint, checked_base, is_loopback, route, tls
from workstation.services.connectors.http import HttpSystem
from workstation.services.errors import (
    Invalid,
    SourceBusy,
    SourceChanged,
    SourceDenied,
    SourceDown,
    SourceError,
    SourceGarbled,
    SourceMissing,
    WorkstationError,
)
from workstation.services.text import is_clean

from .wire import NOON, URL, Pauses, system

Any_ = dict[str, Any]


def always(status: int, **response: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, **response)


class Script:
    """Answers one after the other; the last one stays."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


OK = httpx.Response(200, json={"a": 1})


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, Invalid),
            (401, SourceDenied),
            (403, SourceDenied),
            (404, SourceMissing),
            (408, SourceDown),
            (409, Invalid),
            (410, SourceMissing),
            (412, SourceChanged),
            (422, Invalid),
            (428, Invalid),
            (429, SourceBusy),
            (500, SourceDown),
            (502, SourceDown),
            (503, SourceBusy),
            (304, SourceGarbled),
        ],
    )
    async def test_each_status_has_one_meaning(self, status: int, error: type[WorkstationError]) -> None:
        with pytest.raises(error) as caught:
            await system(always(status, json={"detail": "why it is so"})).get("/x", Any_)
        assert "account API" in caught.value.what
        if status != 304:
            assert "why it is so" in caught.value.what

    async def test_a_404_that_is_a_page_is_not_a_missing_account(self) -> None:
        with pytest.raises(SourceGarbled, match="somebody else"):
            await system(always(404, html="<h1>Not Found</h1>")).get("/x", Any_)

    @pytest.mark.parametrize(
        "words", [{"errorMessage": "w"}, {"error": "e", "error_description": "w"}, {"title": "w"}, {"message": "w"}]
    )
    async def test_the_systems_own_words_are_found(self, words: dict[str, str]) -> None:
        with pytest.raises(Invalid, match=": w\\."):
            await system(always(400, json=words)).get("/x", Any_)

    @pytest.mark.parametrize("body", [b"[1]", b"null", b'{"error": {"type": "x"}}', b"{", b"\xff", b"[" * 100_000])
    async def test_words_of_another_shape_are_left_out(self, body: bytes) -> None:
        server = always(400, content=body, headers={"Content-Type": "application/json"})
        with pytest.raises(Invalid, match=r"refused the request \(400\)\."):
            await system(server).get("/x", Any_)

    async def test_a_sentence_is_clean_and_short_and_holds_no_secret(self) -> None:
        hostile = "\x1b]52;c;evil\x07 [@click=app.quit] \u202e read-me-not hunter2 " + "A" * 5_000
        for call in (
            system(always(400, json={"detail": hostile})).get("/x", Any_),
            system(always(400, json={"detail": hostile})).send("POST", "/x", form={"client_secret": "hunter2"}),
        ):
            with pytest.raises(Invalid) as caught:
                await call
            assert is_clean(caught.value.sentence())
            assert len(caught.value.sentence()) < 500
            assert "read-me-not" not in caught.value.sentence()
        assert "hunter2" not in caught.value.sentence()


class TestBody:
    async def test_a_page_instead_of_json_is_garbled_and_says_why(self) -> None:
        with pytest.raises(SourceGarbled, match="web page") as caught:
            await system(always(200, html="<html>Sign in</html>")).get("/x", Any_)
        assert "proxy" in caught.value.hint

    @pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
    async def test_another_type_is_garbled(self, kind: str) -> None:
        server = always(200, content=b'{"a": 1}', headers={"Content-Type": kind} if kind else {})
        with pytest.raises(SourceGarbled, match="not JSON"):
            await system(server).get("/x", Any_)

    @pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/ld+json", "Application/JSON"])
    async def test_json_by_any_of_its_names_is_read(self, kind: str) -> None:
        server = always(200, content=b'{"a": 1}', headers={"Content-Type": kind})
        assert await system(server).get("/x", Any_) == {"a": 1}

    async def test_a_body_over_the_limit_is_not_read_to_its_end(self) -> None:
        given = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal given
            while True:
                given += 1
                yield b"x" * 1024

        server = always(200, content=endless(), headers={"Content-Type": "application/json"})
        with pytest.raises(SourceGarbled, match="more than 10 KiB"):
            await system(server, body_max=10 * 1024).get("/x", Any_)
        assert given == 11

    async def test_a_bomb_is_stopped_at_the_limit(self) -> None:
        bomb = gzip.compress(b'"' + b"a" * 10_000_000 + b'"')
        assert len(bomb) < 20_000
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        with pytest.raises(SourceGarbled, match="more than"):
            await system(always(200, content=bomb, headers=headers), body_max=1_000_000).get("/x", Any_)

    async def test_gzip_is_unpacked_and_what_is_damaged_or_unasked_for_is_not(self) -> None:
        packed = gzip.compress(b'{"a": 1}')
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        assert await system(always(200, content=packed, headers=headers)).get("/x", Any_) == {"a": 1}
        for content, match in ((packed[:-9], "broke off"), (b"no gzip at all", "damaged")):
            with pytest.raises(SourceGarbled, match=match):
                await system(always(200, stream=httpx.ByteStream(content), headers=headers)).get("/x", Any_)
        with pytest.raises(SourceGarbled, match="not asked for"):
            unasked = always(200, stream=httpx.ByteStream(packed), headers={**headers, "Content-Encoding": "zstd"})
            await system(unasked).get("/x", Any_)

    async def test_an_empty_answer_to_a_write_is_fine_and_to_a_read_is_not(self) -> None:
        assert (await system(always(204)).send("PUT", "/x", json={})).body == b""
        with pytest.raises(SourceGarbled):
            await system(always(200)).get("/x", Any_)


class TestRetries:
    async def test_a_read_is_asked_again_with_jitter(self) -> None:
        pauses, server = Pauses(), Script(httpx.ConnectError("no"), httpx.Response(500), OK)
        assert await system(server, pauses).get("/x", Any_) == {"a": 1}
        assert len(server.seen) == 3
        assert 0 <= pauses[0] <= 0.2 and 0 <= pauses[1] <= 0.4

    async def test_the_waits_are_drawn_and_capped(self) -> None:
        pauses = Pauses()
        with pytest.raises(SourceDown):
            await system(Script(httpx.Response(500)), pauses, attempts=12, wait_max_s=1.0, deadline_s=60).get(
                "/x", Any_
            )
        assert len(pauses) == 11 == len(set(pauses))
        assert all(0 <= wait <= 1.0 for wait in pauses) and max(pauses) > 0.4

    async def test_it_ends(self) -> None:
        server = Script(httpx.ReadTimeout("slow"))
        with pytest.raises(SourceDown):
            await system(server).get("/x", Any_)
        assert len(server.seen) == 3

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    @pytest.mark.parametrize(
        "failure",
        [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), httpx.Response(503)],
    )
    async def test_a_write_is_sent_once(self, method: str, failure: Any) -> None:
        pauses, server = Pauses(), Script(failure)
        with pytest.raises(SourceError):
            await system(server, pauses).send(method, "/x", json={})
        assert (len(server.seen), pauses) == (1, [])

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 412])
    async def test_a_refusal_is_not_asked_again(self, status: int) -> None:
        server = Script(httpx.Response(status, json={}))
        with pytest.raises(WorkstationError):
            await system(server).get("/x", Any_)
        assert len(server.seen) == 1

    async def test_a_shape_that_is_wrong_is_not_asked_again(self) -> None:
        server = Script(httpx.Response(200, json=[1]))
        with pytest.raises(SourceGarbled):
            await system(server).get("/x", Any_)
        assert len(server.seen) == 1

    @pytest.mark.parametrize("status", [429, 503])
    async def test_what_the_system_asks_to_wait_is_waited(self, status: int) -> None:
        pauses, server = Pauses(), Script(httpx.Response(status, headers={"Retry-After": "3"}), OK)
        assert await system(server, pauses).get("/x", Any_) == {"a": 1}
        assert 3 <= pauses[0] <= 3.2

    async def test_a_date_is_understood(self) -> None:
        until = format_datetime(NOON + timedelta(seconds=4), usegmt=True)
        pauses, server = Pauses(), Script(httpx.Response(429, headers={"Retry-After": until}), OK)
        await system(server, pauses).get("/x", Any_)
        assert 4 <= pauses[0] <= 4.2

    @pytest.mark.parametrize(("asked", "told"), [("60", 60), ("99999999999", 3600)])
    async def test_what_is_too_long_is_told_instead_of_waited(self, asked: str, told: float) -> None:
        pauses, server = Pauses(), Script(httpx.Response(429, headers={"Retry-After": asked}))
        with pytest.raises(SourceBusy) as caught:
            await system(server, pauses).get("/x", Any_)
        assert (caught.value.retry_after, len(server.seen), pauses) == (told, 1, [])

    @pytest.mark.parametrize("asked", ["soon", "-5", "1e3", "٣", ""])
    async def test_what_cannot_be_read_is_as_if_it_were_not_said(self, asked: str) -> None:
        pauses = Pauses()
        server = Script(httpx.Response(429, headers=[(b"Retry-After", asked.encode())]))
        with pytest.raises(SourceBusy) as caught:
            await system(server, pauses).get("/x", Any_)
        assert (caught.value.retry_after, len(pauses)) == (None, 2)

    async def test_no_wait_goes_beyond_the_deadline(self) -> None:
        pauses, server = Pauses(), Script(httpx.Response(429, headers={"Retry-After": "3"}))
        with pytest.raises(SourceBusy):
            await system(server, pauses, deadline_s=2.0).get("/x", Any_)
        assert (len(server.seen), pauses) == (1, [])

    async def test_the_deadline_covers_everything(self) -> None:
        async def never(request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        with pytest.raises(SourceDown, match=r"within 0\.05 s"):
            await system(never, deadline_s=0.05).get("/x", Any_)


class TestCredential:
    async def test_one_that_can_be_renewed_is_renewed_once(self) -> None:
        class Renewing:
            given = 0

            async def header(self) -> str:
                return f"Bearer {self.given}"

            def refused(self, header: str) -> bool:
                self.given += 1
                return True

        server = Script(httpx.Response(401, json={}), OK)
        assert await system(server, credential=Renewing()).get("/x", Any_) == {"a": 1}
        assert [request.headers["authorization"] for request in server.seen] == ["Bearer 0", "Bearer 1"]
        server = Script(httpx.Response(401, json={}))
        with pytest.raises(SourceDenied):
            await system(server, credential=Renewing()).get("/x", Any_)
        assert len(server.seen) == 2


class TestRedirects:
    @pytest.mark.parametrize(
        "there",
        ["https://evil.test/x", "http://accounts.example.test/x", "https://accounts.example.test:8443/x", "//e.test"],
    )
    async def test_no_other_origin_is_followed_to(self, there: str) -> None:
        server = Script(httpx.Response(302, headers={"Location": there}), OK)
        with pytest.raises(SourceGarbled, match="not followed"):
            await system(server).get("/x", Any_)
        assert len(server.seen) == 1

    async def test_a_read_follows_within_the_origin(self) -> None:
        server = Script(httpx.Response(308, headers={"Location": "/y"}), OK)
        assert await system(server).get("/x", Any_) == {"a": 1}
        assert server.seen[1].url == "https://accounts.example.test/y"

    async def test_not_for_ever(self) -> None:
        server = Script(httpx.Response(302, headers={"Location": "/x"}))
        with pytest.raises(SourceGarbled, match="circles"):
            await system(server).get("/x", Any_)
        assert len(server.seen) == 3

    async def test_a_write_follows_nowhere(self) -> None:
        server = Script(httpx.Response(307, headers={"Location": "/y"}), OK)
        with pytest.raises(SourceGarbled):
            await system(server).send("POST", "/x", json={})
        assert len(server.seen) == 1


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "http://accounts.example.test",
            "http://10.0.0.5",
            "http://127.0.0.1.evil.test",
            "http://localhost.evil.test",
            "ftp://x",
            "accounts.example.test",
            "https://",
            "https://user:pw@x.test",
            "https://x.test/?a=b",
            "https://x.test/#f",
            "https://x y",
            "http://[::1",
        ],
    )
    def test_what_is_unsafe_is_refused(self, url: str) -> None:
        with pytest.raises(Invalid) as caught:
            checked_base(Endpoint(name="account API", url=url))
        assert "account API" in caught.value.what and "pw" not in caught.value.sentence()

    @pytest.mark.parametrize(
        "url", ["https://x.test", "https://x.test/base/", "http://127.0.0.1:8", "http://[::1]:8", "http://localhost:8"]
    )
    def test_what_is_safe_is_taken(self, url: str) -> None:
        assert checked_base(Endpoint(name="account API", url=url)) == url.rstrip("/")

    def test_this_machine_is_known_by_number_and_name(self) -> None:
        assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
        assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.1", "LOCALHOST.", "example.test")))

    def test_an_id_never_becomes_another_path(self) -> None:
        assert route("v1", "a/b?c#d%2f\u202eé") == "/v1/a%2Fb%3Fc%23d%252f%E2%80%AE%C3%A9"
        for hostile in ("", ".", ".."):
            with pytest.raises(Invalid):
                route("v1", hostile)

    async def test_it_arrives_as_it_was_encoded(self) -> None:
        server = Script(OK)
        await system(server).get(route("a/b", "é"), Any_, [("q", "a&b=c d")])
        assert server.seen[0].url.raw_path == b"/base/a%2Fb/%C3%A9?q=a%26b%3Dc+d"


@asynccontextmanager
async def listening(
    reply: Callable[[asyncio.StreamWriter], Any], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A real server that reads a request's head, then does what `reply` does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await reply(writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


class TestSockets:
    async def test_an_answer_that_breaks_off_is_garbled_and_asked_again(self) -> None:
        asked = 0

        async def half(writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
            await writer.drain()

        async with listening(half) as port:
            http = system(None, url=f"http://127.0.0.1:{port}")
            with pytest.raises(SourceGarbled, match="broke off"):
                await http.get("/x", Any_)
            await http.aclose()
        assert asked == 3

    async def test_a_body_that_drips_meets_the_deadline(self) -> None:
        async def drip(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
            await asyncio.Event().wait()

        async with listening(drip) as port:
            http = system(None, url=f"http://127.0.0.1:{port}", deadline_s=0.2)
            with pytest.raises(SourceDown, match="within"):
                await http.get("/x", Any_)
            await http.aclose()

    async def test_nobody_there_is_down(self) -> None:
        async with listening(lambda writer: asyncio.sleep(0)) as port:
            pass
        http = system(None, url=f"http://127.0.0.1:{port}")
        with pytest.raises(SourceDown, match="cannot be reached"):
            await http.get("/x", Any_)
        await http.aclose()

    async def test_proxies_of_the_environment_are_not_obeyed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fine(writer: asyncio.StreamWriter) -> None:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}')
            await writer.drain()

        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with listening(fine) as port:
            http = system(None, url=f"http://127.0.0.1:{port}")
            assert await http.get("/x", Any_) == {"a": 1}
            await http.aclose()
            assert port

    async def test_a_certificate_of_nobody_is_refused_in_words(self, certificate: tuple[str, str]) -> None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(*certificate)
        async with listening(lambda writer: asyncio.sleep(0), server) as port:
            http = system(None, url=f"https://127.0.0.1:{port}")
            with pytest.raises(SourceDown, match="certificate") as caught:
                await http.get("/x", Any_)
            assert "ca_file" in caught.value.hint
            await http.aclose()

    async def test_a_named_authority_replaces_all_others(self, certificate: tuple[str, str]) -> None:
        async def fine(writer: asyncio.StreamWriter) -> None:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}')
            await writer.drain()

        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(*certificate)
        async with listening(fine, server) as port:
            plain = system(None, url=f"https://127.0.0.1:{port}")
            http = HttpSystem(
                Endpoint(name="account API", url=f"https://127.0.0.1:{port}", ca_file=certificate[0]),
                plain._credential,
                plain.surroundings,
            )
            assert await http.get("/x", Any_) == {"a": 1}
            await http.aclose()
        trusted = tls(certificate[0], "https://x").get_ca_certs()
        assert [dict(part[0] for part in one["subject"])["commonName"] for one in trusted] == ["nobody"]

    async def test_a_closed_system_stays_closed(self) -> None:
        http = system(Script(OK))
        await http.get("/x", Any_)
        await http.aclose()
        with pytest.raises(SourceDown, match="closed"):
            await http.get("/x", Any_)


class TestStrict:
    async def test_an_unknown_value_refuses_the_answer(self) -> None:
        class Shape(msgspec.Struct):
            a: int

        with pytest.raises(SourceGarbled, match="another shape"):
            await system(Script(httpx.Response(200, json={"a": "1"}))).get("/x", Shape)

    def test_the_base_is_only_a_base(self) -> None:
        assert URL.endswith("/base")
