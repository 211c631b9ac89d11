"""Downloads over HTTP and HTTPS that cannot be led to places the caller did not mean.

Who passes on addresses from strangers must keep them from reaching the machines behind the
firewall. So, unless private addresses are allowed, a host name is resolved once, every address of
it must be public, and the connection goes to one of these addresses itself: a name that means
something else a moment later changes nothing. Each redirection is checked in the same way.

Proxies of the environment are used only where private addresses are allowed, as a proxy resolves
the name itself.
"""

from __future__ import annotations

import base64
import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastocr import _core

__all__ = [
    "Policy",
    "PrivateAddressError",
    "RequestError",
    "StatusError",
    "fetch",
    "without_credentials",
]

_PORTS = {"http": 80, "https": 443}
_REDIRECTIONS = (301, 302, 303, 307, 308)
_CREDENTIALS = re.compile(r"^(\w+://)[^/?#]*@")
_PART_BYTES = 1 << 18
# What may stand in a URL: reserved characters stay as they are, and so do those already escaped.
_URL_SAFE = "/:?#[]@!$&'()*+,;=%~"

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a download may do.

    Attributes:
        timeout: seconds for all of it, from the connection to the last byte.
        connect_timeout: seconds for each address of the host to answer, within `timeout`.
        max_bytes: the largest body.
        max_redirects: how many redirections are followed.
        allow_private: whether addresses may be reached that are not public.

    """

    timeout: float
    max_bytes: int
    allow_private: bool = False
    connect_timeout: float = 10.0
    max_redirects: int = 5


class RequestError(Exception):
    """A URL that cannot be fetched; the message has the URL, without credentials, and why."""


class PrivateAddressError(RequestError):
    """The host has an address that is not public, and the policy does not allow it."""


class StatusError(RequestError):
    """The server answered with an HTTP status other than success."""

    def __init__(self, url: str, status: int) -> None:
        name = http.client.responses.get(status, "")
        super().__init__(f"{url}: the server answered {status} {name}".rstrip())
        self.status = status


def without_credentials(url: str) -> str:
    """Return `url` without user name and password, otherwise as it is."""
    return _CREDENTIALS.sub(r"\1", url)


def fetch(url: str, policy: Policy) -> bytes:
    """Return what a GET of `url` answers.

    Raises:
        RequestError: the URL is none, the host cannot be reached, the answer breaks off, is larger
            or takes longer than the policy allows (`PrivateAddressError`, `StatusError` as above).

    """
    deadline = time.monotonic() + policy.timeout
    target = first = _Target.parse(url)
    for _ in range(policy.max_redirects + 1):
        with _failures(target, policy), _answer(target, policy, deadline) as response:
            location = response.getheader("Location")
            if response.status not in _REDIRECTIONS or location is None:
                return _body(target.url, response, policy.max_bytes)
        target = target.redirected(location)
    raise RequestError(f"{first.url}: more than {policy.max_redirects} redirections")


# ---- URLs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a request goes.

    Attributes:
        url: the URL without credentials and fragment.
        path: path and query, as they are sent.
        authorization: the value of the header, or None.

    """

    url: str
    scheme: str
    host: str
    port: int
    path: str
    authorization: str | None

    @staticmethod
    def parse(url: str) -> _Target:
        try:
            parts = urllib.parse.urlsplit(urllib.parse.quote(url.strip(), safe=_URL_SAFE))
            # A name with letters beyond ASCII was escaped with everything else.
            host = urllib.parse.unquote(parts.hostname or "").encode("idna").decode("ascii")
            port = parts.port
        except (ValueError, UnicodeError):
            raise RequestError(f"{without_credentials(url)}: not a valid URL") from None
        if parts.scheme not in _PORTS:
            raise RequestError(f"{without_credentials(url)}: only http and https can be fetched")
        if not host:
            raise RequestError(f"{without_credentials(url)}: the URL has no host")
        place = parts.netloc.rpartition("@")[2]
        return _Target(
            urllib.parse.urlunsplit((parts.scheme, place, parts.path, parts.query, "")),
            parts.scheme,
            host,
            port or _PORTS[parts.scheme],
            urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, "")),
            _basic(parts.username, parts.password),
        )

    def redirected(self, location: str) -> _Target:
        """Return where a Location header leads; credentials stay with their server."""
        # `http.client` decodes headers as Latin-1, whatever they are.
        plain = urllib.parse.quote(location.encode("latin-1"), safe=_URL_SAFE)
        try:
            url = urllib.parse.urljoin(self.url, plain)
        except ValueError:
            raise RequestError(f"{self.url}: redirects to {plain!r}, no valid URL") from None
        target = _Target.parse(url)
        if (self.scheme, target.scheme) == ("https", "http"):
            raise RequestError(f"{self.url}: redirects from https to http, {target.url}")
        if target.authorization is None and target.origin == self.origin:
            return _Target(
                target.url, target.scheme, target.host, target.port, target.path, self.authorization
            )
        return target

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def _basic(user: str | None, password: str | None) -> str | None:
    if user is None:
        return None
    pair = (
        urllib.parse.unquote_to_bytes(user) + b":" + urllib.parse.unquote_to_bytes(password or "")
    )
    return "Basic " + base64.b64encode(pair).decode("ascii")


# ---- requests ------------------------------------------------------------------------------------


@contextmanager
def _answer(target: _Target, policy: Policy, deadline: float) -> Iterator[http.client.HTTPResponse]:
    """Send a request; the connection is closed at the end."""
    headers = {"User-Agent": f"fastocr/{_core.VERSION}", "Accept": "*/*"}
    if target.authorization is not None:
        headers["Authorization"] = target.authorization
    proxy = _proxy(target) if policy.allow_private else None
    path = target.path
    if proxy is None:
        connection = _direct(target, policy, deadline)
    else:
        connection = _proxied(target, proxy, policy, deadline)
        if target.scheme == "http":
            path = target.url
            headers.update(_proxy_headers(proxy))
    try:
        if connection.sock is None:
            connection.connect()
        connection.sock = _DeadlineSocket(connection.sock, deadline)
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def _body(url: str, response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if not 200 <= response.status < 300:
        raise StatusError(url, response.status)
    encoding = response.getheader("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise RequestError(f"{url}: the answer has the content encoding {encoding!r}, unasked for")
    announced = response.length
    parts: list[bytes] = []
    size = 0
    while announced is None or announced <= max_bytes:
        part = response.read(_PART_BYTES)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            break
    if max(size, announced or 0) > max_bytes:
        raise RequestError(f"{url}: the answer is larger than {max_bytes} bytes")
    if announced is not None and size < announced:
        raise RequestError(f"{url}: the answer broke off after {size} of {announced} bytes")
    return b"".join(parts)


@contextmanager
def _failures(target: _Target, policy: Policy) -> Iterator[None]:
    """Turn what the network may raise into a `RequestError`."""
    try:
        yield
    except TimeoutError:
        reason = f"timed out; {policy.timeout:g} s are allowed in all"
    except ssl.SSLCertVerificationError as error:
        reason = f"the certificate of the server is not valid: {error.verify_message}"
    except OSError as error:
        reason = f"the connection failed: {error.strerror or error}{_proxy_hint(target, policy)}"
    except (http.client.HTTPException, ValueError) as error:
        reason = f"the answer is no proper HTTP: {str(error) or type(error).__name__}"
    else:
        return
    raise RequestError(f"{target.url}: {reason}")


def _proxy_hint(target: _Target, policy: Policy) -> str:
    if policy.allow_private or not urllib.request.getproxies().get(target.scheme):
        return ""
    return " (the proxy of the environment is used only where private addresses are allowed)"


class _DeadlineSocket:
    """What `http.client` needs of a socket; each wait ends at the deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._socket = sock
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(_remaining(self._deadline))
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._socket, self._deadline))

    def close(self) -> None:
        """Close the socket when the last file of it is closed."""
        self._socket.close()


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._socket = sock
        self._deadline = deadline
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_remaining(self._deadline))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


# ---- connections ---------------------------------------------------------------------------------


def _direct(target: _Target, policy: Policy, deadline: float) -> http.client.HTTPConnection:
    """Return a connection whose socket is connected to a checked address."""
    if target.scheme == "http":
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = _connected(target, policy, deadline)
        return connection
    context = ssl.create_default_context()
    connection = http.client.HTTPSConnection(target.host, target.port, context=context)
    sock = _connected(target, policy, deadline)
    try:
        connection.sock = context.wrap_socket(sock, server_hostname=target.host)
    except BaseException:
        sock.close()
        raise
    return connection


def _connected(target: _Target, policy: Policy, deadline: float) -> socket.socket:
    """Connect to the first address that answers; all were looked up, and checked, before."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    if not policy.allow_private:
        for *_, address in found:
            if not _is_public(str(address[0])):
                raise PrivateAddressError(
                    f"{target.url}: the address {address[0]} of {target.host} is not public"
                )
    failure: OSError = OSError("the host has no address")
    for family, kind, protocol, _, address in found:
        seconds = min(policy.connect_timeout, _remaining(deadline))
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(seconds)
            sock.connect(address)
            return sock
        except TimeoutError:
            sock.close()
            failure = OSError(f"no answer from {address[0]} within {seconds:g} s")
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _is_public(address: str) -> bool:
    """Tell whether an address is one of the public internet, and of one machine."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not (ip.is_multicast or ip.is_reserved)
    inner = ip.ipv4_mapped or ip.sixtofour
    if inner is None and ip in _NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if inner is not None:
        return _is_public(str(inner))
    return ip in _GLOBAL_UNICAST and ip.is_global


def _proxy(target: _Target) -> urllib.parse.SplitResult | None:
    """Return the proxy that the environment names for a target."""
    proxy = urllib.request.getproxies().get(target.scheme)
    if not proxy or urllib.request.proxy_bypass(target.host):
        return None
    parts = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or parts.hostname is None:
        raise RequestError(
            f"{target.url}: the proxy {without_credentials(proxy)} is not one of http://"
        )
    return parts


def _proxied(
    target: _Target, proxy: urllib.parse.SplitResult, policy: Policy, deadline: float
) -> http.client.HTTPConnection:
    """Return a connection by way of a proxy, not yet connected."""
    host, port = proxy.hostname or "", proxy.port or _PORTS["http"]
    timeout = min(policy.connect_timeout, _remaining(deadline))
    if target.scheme == "http":
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    else:
        connection = http.client.HTTPSConnection(host, port, timeout=timeout)
        connection.set_tunnel(target.host, target.port, _proxy_headers(proxy))
    return connection


def _proxy_headers(proxy: urllib.parse.SplitResult) -> dict[str, str]:
    authorization = _basic(proxy.username, proxy.password)
    return {} if authorization is None else {"Proxy-Authorization": authorization}
