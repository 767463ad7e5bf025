"""A small OpenID provider on this machine that signs for real, and that a test can make lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT = "workstation"


class Provider:
    """Signs people in without asking. `sub` is who sits at the browser, `acr` what is given, whatever was asked for."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self.other_key = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig"})
        self.published: list[dict[str, Any]] = [self.key.as_dict(private=False)]
        self.sub, self.acr = "sub-of-david", "2"
        self.error = ""
        self.asked: list[dict[str, str]] = []
        self.broken = False
        self.key_requests = 0
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}/realms/staff"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def claims(self, nonce: str, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        made = {
            "iss": self.issuer,
            "sub": self.sub,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "acr": self.acr,
            "auth_time": now,
        }
        return {name: value for name, value in {**made, **changed}.items() if value is not None}

    def token(self, nonce: str, **changed: Any) -> str:
        return str(jwt.encode({"alg": "RS256", "kid": "k1"}, self.claims(nonce, **changed), self.key))

    def answer(self, path: str, question: dict[str, str]) -> tuple[int, Any]:
        base = self.issuer.removesuffix("/realms/staff")
        if self.broken:
            return 503, {}
        if path.endswith("/openid-configuration"):
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{base}/auth?theme=dark",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/keys",
            }
        if path == "/keys":
            self.key_requests += 1
            return 200, {"keys": self.published}
        if path == "/auth":
            return 302, self._authorize(question)
        if path == "/token":
            return self._token(question)
        return 404, {}

    def _authorize(self, question: dict[str, str]) -> str:
        self.asked.append(question)
        back = {"state": question["state"], "iss": self.issuer}
        if self.error:
            return f"{question['redirect_uri']}?{urlencode({**back, 'error': self.error, 'error_description': 'no'})}"
        code = secrets.token_urlsafe(12)
        self._codes[code] = question
        return f"{question['redirect_uri']}?{urlencode({**back, 'code': code})}"

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        question = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        right = question is not None and (
            question["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            and question["redirect_uri"] == form.get("redirect_uri")
            and form.get("client_id") == CLIENT
        )
        if question is None or not right:
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self.token(question["nonce"]), "access_token": "x", "token_type": "Bearer"}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self, body: str) -> None:
            there = urlsplit(self.path)
            question = {name: values[0] for name, values in parse_qs(body or there.query).items()}
            status, said = provider.answer(there.path, question)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", said)
            data = b"" if status == 302 else json.dumps(said).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._reply("")

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
