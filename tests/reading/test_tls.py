"""The reader on a network: TLS or not at all, and packed on the way."""

from __future__ import annotations

import grp
import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.reading.house import House, account, event, read_all
from tests.rules.installation import Installation
from workstation.services.connectors.reader.accounts import ReaderAccounts
from workstation.services.errors import Invalid, SourceDown
from workstation.services.reading.server import listener
from workstation.services.timeline.source import Page
from workstation.settings import ReaderSettings


def certificate(directory: Path) -> tuple[str, str]:
    """Write a certificate for 127.0.0.1 that signs itself, and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reader")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = directory / "r.pem", directory / "r.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(pem), str(secret)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def test_over_tls_the_same_wall_stands(ws: Installation, tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    port = free_port()
    house = House(ws, tmp_path / "unused.sock")
    url = f"https://127.0.0.1:{port}"
    house.settings = ReaderSettings(url=url, ca_file=pem, listen=f"127.0.0.1:{port}", cert_file=pem, key_file=key)
    house.accounts.known["N1"] = account("N1")
    house.log.script = [Page(events=tuple(event(n, "N1", reason="by Carla Canarina") for n in range(1, 400)))]
    async with house.open(), house.person("ana") as ana:
        await ana.hold("N1")
        assert (await ReaderAccounts(ana.client).read("N1")).name == "C•••• C••••"
        found = await read_all(ana.events(), "N1")
        assert len(found) == 399
        assert {e.reason for e in found} == {"by C•••• C••••"}
        assert (await ana.client.streaming()).headers["Accept-Encoding"] == "gzip"
        peers = ws.su.execute("SELECT DISTINCT peer FROM wsd.view_ticket WHERE account_id = 'N1'").fetchall()
        assert peers == [("127.0.0.1",)]
        async with httpx.AsyncClient(verify=False) as http:
            with pytest.raises(httpx.HTTPError):
                await http.get(f"http://127.0.0.1:{port}/v1/health")
        stranger = House(ws, tmp_path / "unused.sock")
        stranger.settings = ReaderSettings(url=url)
        async with stranger.person("ana") as other:
            other.purposes.cases |= ana.purposes.cases
            with pytest.raises(SourceDown) as distrusted:
                await ReaderAccounts(other.client).read("N1")
            assert "certificate" in distrusted.value.what


@pytest.mark.parametrize(
    "chosen",
    [
        ReaderSettings(listen="127.0.0.1:0"),
        ReaderSettings(),
        ReaderSettings(url="https://elsewhere.invalid"),
        ReaderSettings(listen="no port", cert_file="x", key_file="y"),
        ReaderSettings(url="unix:/nowhere/at/all/r.sock"),
        ReaderSettings(url="unix:" + "x" * 200),
    ],
)
def test_it_does_not_listen_where_it_should_not(chosen: ReaderSettings) -> None:
    with pytest.raises(Invalid):
        listener(chosen)


def test_a_group_may_be_let_in_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "g.sock"
    group = grp.getgrgid(os.getegid()).gr_name
    opened = listener(ReaderSettings(url=f"unix:{path}", group=group))
    try:
        assert path.stat().st_mode & 0o777 == 0o660
    finally:
        opened.close()
