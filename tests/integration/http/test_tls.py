"""``velox run`` with a certificate, on a real TLS socket."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import connect

from benchmarks.chaos.running import DEADLINE_S, MAIN, Running
from velox.testing import LiveServer

Start = Callable[..., Running]
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])
ECHO = """
    @app.websocket("/echo")
    async def echo(request, ws):
        async for message in ws:
            await ws.send(message)

    @app.get("/scheme")
    async def scheme(request: Request) -> str:
        return request.scheme

    return app
"""


def make_certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """The files of a certificate that signs itself, and of its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make, *names, *files], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def files(tmp_path: Path, require: Callable[[object, str], None]) -> tuple[Path, Path]:
    """A certificate and its key."""
    require(shutil.which("openssl"), "openssl makes the certificate")
    return make_certificate(tmp_path)


@pytest.fixture
def environment(files: tuple[Path, Path]) -> dict[str, str]:
    """What a server needs to speak TLS."""
    return {"VELOX_SSL_CERTIFICATE": str(files[0]), "VELOX_SSL_KEY": str(files[1])}


def trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def tls(server: Running, certificate: Path) -> ssl.SSLSocket:
    """A connection that trusts nothing but ``certificate``."""
    return trusting(certificate).wrap_socket(server.connect(), server_hostname="localhost")


def ask(connection: ssl.SSLSocket, request: bytes) -> bytes:
    with connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@WORKERS
def test_it_speaks_tls_and_says_so(
    start: Start, project: Path, files: tuple[Path, Path], environment: dict[str, str], workers: str
) -> None:
    """HTTPS with its security header, refusals too; WebSockets; and no version that is broken."""
    (project / "main.py").write_text(MAIN.read_text().replace("    return app\n", ECHO))
    server = start("--workers", workers, environment=environment)
    server.until_ready()
    assert f'"url": "https://127.0.0.1:{server.port}"' in server.output
    connection = tls(server, files[0])
    assert ("http/1.1", "TLSv1.3") == (connection.selected_alpn_protocol(), connection.version())
    answer = ask(connection, b"GET /scheme HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'"https"')
    assert b"\r\nStrict-Transport-Security: max-age=31536000\r\n" in answer
    refused = ask(tls(server, files[0]), b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nStrict-Transport-Security: " in refused
    with connect(f"wss://localhost:{server.port}/echo", ssl=trusting(files[0]), sock=server.connect()) as ws:
        ws.send("hello")
        assert "hello" == ws.recv()
    old = trusting(files[0])
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(server.connect(), server_hostname="localhost")
    assert server.stop() == 0, server.output
    assert "Traceback" not in server.output


def test_plain_http_gets_nothing(start: Start, environment: dict[str, str]) -> None:
    """Not even a word; and the server goes on."""
    server = start("--workers", "1", environment=environment)
    server.until_ready()
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            received = connection.recv(65_536)
        except ConnectionResetError:
            received = b""
        assert b"HTTP" not in received
    assert server.stop() == 0
    assert "Traceback" not in server.output


def test_a_handshake_that_takes_too_long_is_closed(start: Start, environment: dict[str, str]) -> None:
    """It counts as a part of the head, for whose time it has."""
    server = start("--workers", "1", environment={**environment, "VELOX_HEAD_TIMEOUT_S": "0.3"})
    server.until_ready()
    began_s = time.monotonic()
    with server.connect() as connection:
        connection.settimeout(DEADLINE_S)
        try:
            assert b"" == connection.recv(1)
        except ConnectionResetError:
            pass
    assert time.monotonic() - began_s < 5


def test_a_reload_takes_the_newest_certificate(
    start: Start, tmp_path: Path, files: tuple[Path, Path], environment: dict[str, str]
) -> None:
    """As after its renewal; no connection is refused meanwhile."""
    server = start("--workers", "1", environment=environment)
    server.until_ready()
    newest, key = make_certificate(tmp_path, "renewed")
    newest.replace(files[0])
    key.replace(files[1])
    server.process.send_signal(signal.SIGHUP)
    server.until(lambda: "replaced all workers" in server.output)
    with tls(server, files[0]) as connection:
        assert ((("commonName", "renewed"),),) == connection.getpeercert()["subject"]  # type: ignore[index]
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("nowhere.pem", "localhost-key.pem", "ssl_certificate nowhere.pem cannot be read: No such file or directory"),
        ("localhost.pem", "nowhere.pem", "ssl_key nowhere.pem cannot be read: No such file or directory"),
        ("localhost.pem", "", "localhost.pem has no private key in PEM form"),
        ("localhost-key.pem", "localhost-key.pem", "localhost-key.pem has no certificate in PEM form"),
        ("localhost.pem", "other-key.pem", "one of them is damaged, or they do not belong together"),
        ("localhost.pem", "encrypted.pem", "the private key is encrypted"),
        ("", "localhost-key.pem", "ssl_key is localhost-key.pem, but there is no ssl_certificate"),
    ],
)
@WORKERS
def test_what_cannot_be_used_ends_the_start_in_one_line(
    start: Start,
    project: Path,
    require: Callable[[object, str], None],
    certificate: str,
    key: str,
    said: str,
    workers: str,
) -> None:
    require(shutil.which("openssl"), "openssl makes the certificate")
    make_certificate(project)
    make_certificate(project, "other")
    encrypt = ["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", "localhost-key.pem", "-out"]
    subprocess.run([*encrypt, "encrypted.pem"], cwd=project, check=True, capture_output=True)
    given = {"VELOX_SSL_CERTIFICATE": certificate, "VELOX_SSL_KEY": key}
    server = start("--workers", workers, environment={name: value for name, value in given.items() if value})
    assert 1 == server.process.wait(20)
    assert 1 == server.output.count("error VX305 ")
    assert said in server.output
    assert "Traceback" not in server.output


def test_a_live_server_may_speak_tls(project: Path, files: tuple[Path, Path], environment: dict[str, str]) -> None:
    """Its url says so."""
    with LiveServer(directory=project, environment={**environment, "VELOX_DATABASE_URL": "sqlite:///:memory:"}) as live:
        assert f"https://127.0.0.1:{live.port}" == live.url
        with socket.create_connection((live.host, live.port), DEADLINE_S) as plain:
            connection = trusting(files[0]).wrap_socket(plain, server_hostname="localhost")
            answer = ask(connection, b"GET /pid HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
