"""A real HTTP server with the layouts of all official hosts, which can misbehave when told to."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["Fault", "ModelHosts", "Request", "serving"]

# What is larger lies outside git, behind a pointer.
LARGE_BYTES = 10_000


@dataclass
class Fault:
    """What goes wrong once with the next `times` requests whose path holds `path`.

    `status` is answered instead of the content; `cut` ends the connection after so many bytes;
    `until` holds the answer back; `content` replaces what is sent; `headers` are added.
    """

    path: str
    times: int = 1
    method: str = "GET"
    status: int | None = None
    cut: int | None = None
    until: threading.Event | None = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str | None
    status: int


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def pointer(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
    return text.encode()


class ModelHosts:
    """`packages` maps names to files; `requests` are those that were answered, in order.

    `declared` replaces what a host says of a file: (package, file) -> entries of its listing.
    `ranges` says whether parts of files can be asked for.
    """

    def __init__(self) -> None:
        self.packages: dict[str, dict[str, bytes]] = {}
        self.archives: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.declared: dict[tuple[str, str], dict[str, Any]] = {}
        self.ranges = True
        self.address = ""
        self._lock = threading.Lock()

    def environment(self) -> dict[str, str]:
        """The variables that lead to this server."""
        return {
            "PADDLE_PDX_HUGGING_FACE_ENDPOINT": f"{self.address}/huggingface",
            "FASTOCR_AISTUDIO_ENDPOINT": f"{self.address}/aistudio",
            "FASTOCR_MODELSCOPE_ENDPOINT": f"{self.address}/modelscope",
            "FASTOCR_BOS_ENDPOINT": f"{self.address}/bos",
        }

    def paths(self, method: str = "GET") -> list[str]:
        """The paths of the requests with a method."""
        return [request.path for request in self.requests if request.method == method]

    def archive(self, package: str) -> bytes:
        """The archive of a package."""
        if package in self.archives:
            return self.archives[package]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, content in self.packages[package].items():
                member = tarfile.TarInfo(f"{package}_infer/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and fault.path in path:
                    fault.times -= 1
                    return fault
        return None

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def content(self, path: str, query: dict[str, list[str]]) -> bytes | str | None:
        """What lies at a path: content, where it redirects to, or nothing."""
        for pattern, answer in (
            (r"/huggingface/api/models/PaddlePaddle/([^/]+)/tree/main", self._hugging_face),
            (r"/aistudio/api/v1/repos/PaddleX/([^/]+)/git/trees/master", self._aistudio),
            (r"/modelscope/api/v1/models/PaddlePaddle/([^/]+)/repo/files", self._modelscope),
        ):
            found = re.fullmatch(pattern, path)
            if found:
                known = found[1] in self.packages
                return json.dumps(answer(found[1])).encode() if known else None
        return self._file(path, query)

    def _file(self, path: str, query: dict[str, list[str]]) -> bytes | str | None:
        resolved = re.fullmatch(r"/huggingface/PaddlePaddle/([^/]+)/resolve/main/(.+)", path)
        if resolved and resolved[2] in self.packages.get(resolved[1], {}):
            return f"{self.address}/cdn/{resolved[1]}/{resolved[2]}"
        archive = re.fullmatch(
            r"/bos/paddlex/official_inference_model/paddle3\.0\.0/(.+)_infer\.tar", path
        )
        if archive:
            known = archive[1] in self.packages or archive[1] in self.archives
            return self.archive(archive[1]) if known else None
        for pattern in (
            r"/cdn/([^/]+)/(.+)",
            r"/aistudio/api/v1/repos/PaddleX/([^/]+)/media/(.+)",
            r"/modelscope/api/v1/models/PaddlePaddle/([^/]+)/repo",
        ):
            found = re.fullmatch(pattern, path)
            if found:
                name = found[2] if found.re.groups == 2 else query.get("FilePath", [""])[0]
                return self.packages.get(found[1], {}).get(name)
        return None

    def _hugging_face(self, package: str) -> list[dict[str, Any]]:
        entries = []
        for name, content in self.packages[package].items():
            large = len(content) > LARGE_BYTES
            entry: dict[str, Any] = {
                "type": "file",
                "path": name,
                "size": len(content),
                "oid": git_oid(pointer(content) if large else content),
            }
            if large:
                entry["lfs"] = {
                    "oid": hashlib.sha256(content).hexdigest(),
                    "size": len(content),
                    "pointerSize": len(pointer(content)),
                }
            entries.append({**entry, **self.declared.get((package, name), {})})
        return entries

    def _aistudio(self, package: str) -> dict[str, Any]:
        tree = []
        for name, content in self.packages[package].items():
            stored = pointer(content) if len(content) > LARGE_BYTES else content
            entry = {
                "path": name,
                "mode": "100644",
                "type": "blob",
                "size": len(stored),
                "sha": git_oid(stored),
            }
            tree.append({**entry, **self.declared.get((package, name), {})})
        return {
            "sha": "0" * 40,
            "url": f"{self.address}/git/trees/{'0' * 40}",
            "tree": tree,
            "truncated": False,
            "total_count": len(tree),
        }

    def _modelscope(self, package: str) -> dict[str, Any]:
        files = []
        for name, content in self.packages[package].items():
            entry = {
                "Name": name,
                "Path": name,
                "Type": "blob",
                "Size": len(content),
                "Sha256": hashlib.sha256(content).hexdigest(),
            }
            files.append({**entry, **self.declared.get((package, name), {})})
        return {"Code": 200, "Success": True, "Message": "success", "Data": {"Files": files}}


class _Handler(BaseHTTPRequestHandler):
    hosts: ModelHosts
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        fault = self.hosts.take_fault(self.command, self.path) or Fault("")
        if fault.until is not None:
            fault.until.wait(60)
        if fault.status is not None:
            self._send(fault.status, fault.content or b"", fault.headers)
            return
        if self.command == "HEAD":
            self._send(200, b"", {})
            return
        content = fault.content
        if content is None:
            found = self.hosts.content(unquote(parts.path), parse_qs(parts.query))
            if found is None:
                self._send(404, b"", {})
                return
            if isinstance(found, str):
                self._send(302, b"", {"Location": found})
                return
            content = found
        self._send_file(content, fault)

    def _send_file(self, content: bytes, fault: Fault) -> None:
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": etag, **fault.headers}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not self.hosts.ranges or wanted is None or self.headers.get("If-Range", etag) != etag:
            self._send(200, content, headers, fault.cut)
            return
        begin = int(wanted[1])
        if begin >= len(content):
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._send(206, content[begin:], headers, fault.cut)

    def _send(
        self, status: int, content: bytes, headers: dict[str, str], cut: int | None = None
    ) -> None:
        self.hosts.note(Request(self.command, self.path, self.headers.get("Range"), status))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut is not None:
            content = content[:cut]
            self.close_connection = True
        try:
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@contextmanager
def serving() -> Iterator[ModelHosts]:
    """Run a server on the loopback interface."""
    hosts = ModelHosts()
    handler = type("Handler", (_Handler,), {"hosts": hosts})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hosts.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hosts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
