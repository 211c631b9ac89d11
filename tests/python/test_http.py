"""The HTTP client against a real server on the loopback interface."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fastocr import http
from fastocr.http import Policy, PrivateAddressError, RequestError, StatusError, fetch
from tests.python.web import Answer, WebServer, serving

OPEN = Policy(timeout=30, max_bytes=1 << 20, allow_private=True)
CLOSED = replace(OPEN, allow_private=False)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving() as running:
        yield running


def refusal(url: str, policy: Policy = OPEN) -> str:
    with pytest.raises(RequestError) as caught:
        fetch(url, policy)
    return str(caught.value)


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that stand for addresses; counts the questions under "asked"."""
    names: dict[str, list[str]] = {"asked": []}
    lookup = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host not in names:
            return lookup(host, port, *args, **kwargs)
        names["asked"].append(host)
        found = []
        for address in names[host]:
            found += lookup(address, port, *args, **kwargs)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


# --- answers --------------------------------------------------------------------------------------


def test_content(server: WebServer) -> None:
    content = bytes(range(256)) * 3000
    url = server.serve("/a", content)
    assert fetch(url, OPEN) == content
    (request,) = server.requests
    assert request.headers["Host"] == url.split("/")[2]
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.headers["User-Agent"].startswith("fastocr/")


def test_content_of_unknown_length(server: WebServer) -> None:
    server.answers["/open"] = Answer((b"ab", b"cd"), announced=None)
    assert fetch(server.url("/open"), OPEN) == b"abcd"
    chunks = (b"3\r\nabc\r\n", b"1\r\nd\r\n0\r\n\r\n")
    headers = {"Transfer-Encoding": "chunked"}
    server.answers["/chunks"] = Answer(chunks, headers=headers, announced=None)
    assert fetch(server.url("/chunks"), OPEN) == b"abcd"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/a?x=1&y=%20z#part", "/a?x=1&y=%20z"),
        ("/with space/文.png?q=é", "/with%20space/%E6%96%87.png?q=%C3%A9"),
        ("", "/"),
        ("?q", "/?q"),
    ],
)
def test_path_as_it_is_sent(server: WebServer, asked: str, sent: str) -> None:
    with pytest.raises(StatusError):
        fetch(server.url(asked), OPEN)
    assert server.requests[0].path == sent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 503])
def test_status(server: WebServer, status: int) -> None:
    url = server.serve("/a", b"sorry", status=status)
    with pytest.raises(StatusError, match=f"^{url}: the server answered {status} ") as caught:
        fetch(url, OPEN)
    assert caught.value.status == status


def test_limit_of_bytes(server: WebServer) -> None:
    policy = replace(OPEN, max_bytes=1000)
    assert len(fetch(server.serve("/fits", bytes(1000)), policy)) == 1000
    assert "larger than 1000 bytes" in refusal(server.serve("/large", bytes(1001)), policy)
    endless = Answer((bytes(400),) * 100, announced=None)
    server.answers["/endless"] = endless
    assert "larger than 1000 bytes" in refusal(server.url("/endless"), policy)


def test_large_answers_are_not_waited_for(server: WebServer) -> None:
    never = threading.Event()
    server.answers["/a"] = Answer((b"x",), announced=10**12, pause=lambda: never.wait(60))
    assert "larger than" in refusal(server.url("/a"))
    never.set()


def test_cut_answers(server: WebServer) -> None:
    server.answers["/a"] = Answer((b"12345",), announced=9)
    assert "broke off after 5 of 9 bytes" in refusal(server.url("/a"))
    headers = {"Transfer-Encoding": "chunked"}
    server.answers["/b"] = Answer((b"9\r\nabc",), headers=headers, announced=None)
    assert "no proper HTTP" in refusal(server.url("/b"))


def test_unasked_encoding(server: WebServer) -> None:
    url = server.serve("/a", b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert "content encoding 'gzip'" in refusal(url)


def test_time_is_limited_in_all(server: WebServer) -> None:
    """A server that sends a byte now and then would never run into a limit for each wait."""
    never = threading.Event()
    server.answers["/a"] = Answer((b"x",) * 10_000, pause=lambda: never.wait(0.05))
    begin = time.monotonic()
    assert "timed out; 0.5 s" in refusal(server.url("/a"), replace(OPEN, timeout=0.5))
    never.set()
    assert time.monotonic() - begin < 30


def test_time_for_headers_is_limited_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    while True:
                        connection.sendall(b"H")
                        time.sleep(0.05)
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert "timed out" in refusal(url, replace(OPEN, timeout=0.5))
        thread.join(timeout=30)
        assert not thread.is_alive()  # the connection was closed


def test_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "the connection failed" in refusal(f"http://127.0.0.1:{port}/a")
    assert "the connection failed" in refusal("http://name.invalid/a")


def test_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail\r\n\r\n")

        threading.Thread(target=greet, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert "no proper HTTP" in refusal(url)


# --- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://host/a", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("host/a", "only http and https"),
        ("http:///a", "no host"),
        ("http://host:port/a", "not a valid URL"),
        ("http://host:99999/a", "not a valid URL"),
        ("http://[::1/a", "not a valid URL"),
        ("http://a..b/", "not a valid URL"),
        ("http://user:secret@host:port/a", "not a valid URL"),
        ("http://evil%0d%0aX-Header:%20x/", ""),
    ],
)
def test_invalid_urls(url: str, reason: str) -> None:
    message = refusal(url)
    assert reason in message
    assert "secret" not in message


def test_credentials_are_sent_and_never_told(server: WebServer) -> None:
    server.serve("/a", b"content")
    server.redirect("/there", "/a")
    credentials = "me%40home:se%3Acret@"
    assert fetch(server.url("/there", user=credentials), OPEN) == b"content"
    # base64 of "me@home:se:cret", to the same server after the redirection too
    expected = "Basic bWVAaG9tZTpzZTpjcmV0"
    assert [r.headers.get("Authorization") for r in server.requests] == [expected] * 2
    assert refusal(server.url("/none", user=credentials)).startswith(server.url("/none:")[:-1])
    with serving() as other:
        other.serve("/a", b"elsewhere")
        server.redirect("/away", other.url("/a"))
        assert fetch(server.url("/away", user=credentials), OPEN) == b"elsewhere"
        assert "Authorization" not in other.requests[0].headers


def test_without_credentials() -> None:
    for url, expected in [
        ("http://u:p@host/a?b=c@d", "http://host/a?b=c@d"),
        ("https://u@host", "https://host"),
        ("https://u:p@q@host/x", "https://host/x"),
        ("http://host?u:p@x", "http://host?u:p@x"),
        ("http://host/a@b", "http://host/a@b"),
    ]:
        assert http.without_credentials(url) == expected


# --- redirections ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b/c", "c", "//HOST/b/c", "http://HOST/b/c", "/b/%63#x"])
def test_redirections(server: WebServer, status: int, location: str) -> None:
    place = server.url("").removeprefix("http://")
    server.serve("/b/c", b"there")
    server.serve("/b/%63", b"there")
    url = server.redirect("/b/a", location.replace("HOST", place), status)
    assert fetch(url, OPEN) == b"there"


def test_redirections_with_raw_letters(server: WebServer) -> None:
    server.serve("/%C3%A9", b"there")
    url = server.redirect("/a", "/é".encode().decode("latin-1"))
    assert fetch(url, OPEN) == b"there"


def test_redirections_are_limited(server: WebServer) -> None:
    for number in range(6):
        server.redirect(f"/{number}", f"/{number + 1}")
    server.serve("/6", b"there")
    assert fetch(server.url("/1"), OPEN) == b"there"
    assert refusal(server.url("/0")).startswith(f"{server.url('/0')}: more than 5")
    assert "more than 5" in refusal(server.redirect("/circle", "/circle"))


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://host/x"])
def test_redirections_to_other_schemes(server: WebServer, location: str) -> None:
    assert refusal(server.redirect("/a", location)).startswith(location)


def test_redirections_to_nowhere(server: WebServer) -> None:
    url = server.redirect("/b", "http://[bad/")
    assert refusal(url) == f"{url}: redirects to 'http://[bad/', no valid URL"
    assert "answered 302" in refusal(server.serve("/a", b"", status=302))


# --- private addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254",
        "172.16.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.5", "224.0.0.1",
        "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
        "fc00::1", "fd12::1", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not http._is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "223.255.255.254",
        "2001:4860:4860::8888", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808",
        "2a00:1450::1",
    ],
)  # fmt: skip
def test_public_addresses(address: str) -> None:
    assert http._is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0", "[::ffff:127.0.0.1]"]
)
def test_the_own_machine_is_refused(server: WebServer, host: str) -> None:
    """However it is spelled."""
    server.serve("/a", b"secret")
    with pytest.raises(PrivateAddressError, match="is not public"):
        fetch(server.url("/a", host=host), CLOSED)
    assert server.requests == []


def test_every_address_must_be_public(server: WebServer, resolve: dict[str, list[str]]) -> None:
    resolve["mixed.example"] = ["8.8.8.8", "127.0.0.1"]
    with pytest.raises(PrivateAddressError, match=r"address 127\.0\.0\.1 of mixed\.example"):
        fetch(server.url("/a", host="mixed.example"), CLOSED)
    assert server.requests == []


def test_names_are_resolved_once(
    server: WebServer, resolve: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked is what is connected to; the name goes to the server as it was."""
    checked: list[str] = []
    monkeypatch.setattr(http, "_is_public", lambda address: checked.append(address) or True)
    resolve["name.example"] = ["127.0.0.1"]
    url = server.serve("/a", b"x").replace("127.0.0.1", "name.example")
    assert fetch(url, CLOSED) == b"x"
    assert resolve["asked"] == ["name.example"]
    assert checked == ["127.0.0.1"]
    assert server.requests[0].headers["Host"] == url.split("/")[2]


def test_redirections_are_checked(
    server: WebServer, resolve: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first server passes for a public one; it leads to the address of another."""
    monkeypatch.setattr(http, "_is_public", lambda address: address == "127.0.0.1")
    resolve["inside.example"] = ["127.0.0.2"]
    server.serve("/secret", b"secret")
    for host in ("127.0.0.2", "inside.example"):
        url = server.redirect("/a", server.url("/secret", host=host))
        with pytest.raises(PrivateAddressError, match=r"127\.0\.0\.2"):
            fetch(url, CLOSED)
    assert {request.path for request in server.requests} == {"/a"}


def test_the_next_address_is_tried(server: WebServer, resolve: dict[str, list[str]]) -> None:
    resolve["two.example"] = ["127.0.0.9", "127.0.0.1"]
    server.serve("/a", b"x")
    assert fetch(server.url("/a", host="two.example"), OPEN) == b"x"


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for the name localhost, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def secure(certificate: tuple[Path, Path]) -> Iterator[WebServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(context) as running:
        running.serve("/a", b"secure")
        yield running


def test_certificates_are_checked(
    secure: WebServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "certificate" in refusal(secure.url("/a", host="localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert fetch(secure.url("/a", host="localhost"), OPEN) == b"secure"
    # The name in the URL counts, not the address behind it.
    assert "certificate" in refusal(secure.url("/a", host="127.0.0.1"))
    assert len(secure.requests) == 1


def test_no_way_back_from_https(
    secure: WebServer,
    server: WebServer,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    secure.redirect("/down", server.serve("/a", b"plain"))
    assert "redirects from https to http" in refusal(secure.url("/down", host="localhost"))
    assert server.requests == []
    server.redirect("/up", secure.url("/a", host="localhost"))
    assert fetch(server.url("/up"), OPEN) == b"secure"


# --- proxies --------------------------------------------------------------------------------------


def test_proxy(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url("", user="me:secret@"))
    server.serve("/a", b"by proxy")
    assert fetch("http://elsewhere.example/a?b", OPEN) == b"by proxy"
    (request,) = server.requests
    assert request.path == "http://elsewhere.example/a?b"
    assert request.headers["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"
    assert request.headers["Host"] == "elsewhere.example"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetch(server.url("/a"), OPEN) == b"by proxy"
    assert server.requests[1].path == "/a"


def test_no_proxy_where_private_addresses_are_refused(
    server: WebServer, resolve: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.setattr(http, "_is_public", lambda address: True)
    resolve["elsewhere.example"] = ["127.0.0.9"]
    with socket.create_server(("127.0.0.9", 0)) as listener:
        port = listener.getsockname()[1]
    message = refusal(f"http://elsewhere.example:{port}/a", CLOSED)
    assert "proxy of the environment is used only where private addresses are allowed" in message
    assert server.requests == []


def test_tunnel(
    secure: WebServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy passes TLS through and sees the name only."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(source: socket.socket, sink: socket.socket) -> None:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

        def tunnel() -> None:
            client, _ = listener.accept()
            with client, socket.create_connection(secure.server_address[:2]) as upstream:
                asked.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
                back.start()
                pump(client, upstream)
                back.join()

        thread = threading.Thread(target=tunnel, daemon=True)
        thread.start()
        monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{listener.getsockname()[1]}")
        assert fetch(secure.url("/a", host="localhost"), OPEN) == b"secure"
    assert asked[0].startswith(b"CONNECT localhost:")
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in asked[0]


def test_strange_proxy(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://me:secret@127.0.0.1:1")
    message = refusal("http://elsewhere.example/a")
    assert "socks5://127.0.0.1:1" in message
    assert "secret" not in message
