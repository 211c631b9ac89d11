"""One file from a host: fetched in parts, resumed after a cut, and checked."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fastocr.model_store.connection import ConnectionFailedError, Response, StatusError, opened

__all__ = [
    "DiskError",
    "NotThereError",
    "RemoteFile",
    "TransferError",
    "fetch",
    "fetch_bytes",
    "on_disk",
    "silence",
]

_TIMEOUT_S = 15
_BLOCK_BYTES = 1 << 18
# Attempts that bring nothing; one that brings at least so many bytes is not among them.
_ATTEMPTS = 5
_PROGRESS_BYTES = 1 << 20
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
# Statuses that pass.
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
# 401 is what Hugging Face says of a repository that does not exist.
_NOT_THERE = frozenset({401, 404, 410})

_log = logging.getLogger("fastocr")
_Result = TypeVar("_Result")


class TransferError(Exception):
    """A host does not do what is wanted of it."""


class NotThereError(TransferError):
    """A host does not have what is asked for."""


class DiskError(Exception):
    """A file cannot be stored; another host would be no help."""


class _CutError(Exception):
    """An attempt that failed in a way that passes; after `pause` seconds at least."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a host, and what the host declares of it, as far as it does.

    `sha256` and `git_oid` are hexadecimal; the latter is the hash that git gives the content, or
    the pointer to it of Git LFS.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None
    git_oid: str | None = None

    @property
    def identity(self) -> str | None:
        """Return what tells this content from another's, if the host declares it."""
        return self.sha256 or self.git_oid


def silence(url: str, *, timeout: float) -> str | None:
    """Say why a server does not answer within `timeout` seconds without an error, if so."""
    try:
        with opened(url, timeout=timeout, method="HEAD", follow=False):
            return None
    except (ConnectionFailedError, StatusError) as error:
        return str(error)


def fetch_bytes(url: str, most: int) -> bytes:
    """Return what lies at an address, of up to `most` bytes.

    Raises:
        NotThereError: the host does not have it.
        TransferError: it cannot be fetched, or is larger.

    """

    def attempt() -> bytes:
        with _request(url, {}) as response:
            data = b"".join(_blocks(response, most + 1))
            length = _length(response)
        if length is not None and len(data) < min(length, most):
            raise _CutError(f"{url}: the connection ended after {len(data)} of {length} bytes")
        return data

    data = _persistently(attempt, lambda: 0)
    if len(data) > most:
        raise TransferError(f"{url} is larger than {most} bytes")
    return data


def fetch(remote: RemoteFile, folder: Path) -> Path:
    """Fetch a file into a folder, or what is missing of it, and return where it is.

    What an earlier call left unfinished is gone on with where host and content are known to be the
    same. The file has its name once it is whole and as the host declares it.

    Raises:
        NotThereError: the host does not have it.
        TransferError: it cannot be fetched, or is not as declared.
        DiskError: it cannot be stored.

    """
    target = folder / remote.name
    with on_disk(folder):
        if target.is_file() and remote.identity and _difference(target, remote) is None:
            return target
        target.unlink(missing_ok=True)
    part = _Part(target, remote)
    for last in (False, True):
        _persistently(lambda: _receive(remote, part), part.size)
        with on_disk(target):
            difference = _difference(part.file, remote)
            if difference is None:
                part.finish()
                return target
            part.discard()
        why = f"{remote.url}: {difference}"
        if not last:
            _log.warning("%s; fetching it again", why)
    raise TransferError(why)


def _persistently(attempt: Callable[[], _Result], progress: Callable[[], int]) -> _Result:
    """Return what an attempt returns that is not cut, made again while attempts bring something."""
    failures = 0
    while True:
        before = progress()
        try:
            return attempt()
        except _CutError as error:
            failures = 1 if progress() - before >= _PROGRESS_BYTES else failures + 1
            if failures >= _ATTEMPTS:
                raise TransferError(f"{error} (after {failures} attempts)") from error
            pause = max(error.pause, _FIRST_PAUSE_S * 2 ** (failures - 1))
            _log.info("%s; trying again", error)
            time.sleep(min(pause, _LONGEST_PAUSE_S))


@contextmanager
def _request(url: str, headers: Mapping[str, str]) -> Iterator[Response]:
    try:
        with opened(url, timeout=_TIMEOUT_S, headers=headers) as response:
            yield response
    except ConnectionFailedError as error:
        raise _CutError(f"{url}: {error}") from error
    except StatusError as error:
        why = f"{url}: {error}"
        if error.status in _TEMPORARY:
            raise _CutError(why, _pause(error.headers)) from error
        if error.status in _NOT_THERE:
            raise NotThereError(why) from error
        if error.status == 416:
            raise
        raise TransferError(why) from error


def _pause(headers: Mapping[str, str]) -> float:
    wanted = headers.get("Retry-After", "")
    return float(wanted) if wanted.isdigit() else 0.0


def _receive(remote: RemoteFile, part: _Part) -> None:
    """Fetch what is missing of a file; every byte that arrives is kept."""
    offset = part.resumable()
    try:
        with _request(remote.url, part.conditions(offset)) as response:
            offset, total = _extent(response, offset)
            if remote.size is not None and total not in (None, remote.size):
                part.discard()
                raise TransferError(
                    f"{remote.url} has {total} bytes, where the host declares {remote.size}"
                )
            part.begin(offset, total, response.headers.get("ETag"))
            _store(remote, part, response, total)
    except StatusError as error:
        # The rest that was asked for does not exist: what is there is of another content.
        part.discard()
        raise _CutError(f"{remote.url}: {error}") from error
    received = part.size()
    total = remote.size if total is None else total
    if total is not None and received < total:
        raise _CutError(f"{remote.url}: the connection ended after {received} of {total} bytes")


def _extent(response: Response, asked: int) -> tuple[int, int | None]:
    """Return where the content of a response begins, and the size of the whole file, if known."""
    if response.status != 206:
        return 0, _length(response)
    given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if given is None or int(given[1]) != asked:
        raise TransferError(
            f"a server was asked for bytes from {asked} on and sent others: "
            f"{response.headers.get('Content-Range')}"
        )
    return asked, None if given[2] == "*" else int(given[2])


def _length(response: Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _store(remote: RemoteFile, part: _Part, response: Response, total: int | None) -> None:
    most = sys.maxsize if remote.size is None else remote.size - part.size() + 1
    with part.appending() as write, _progress(remote.name, part.size(), total) as arrived:
        for block in _blocks(response, most):
            write(block)
            arrived(len(block))


def _blocks(response: Response, most: int) -> Iterator[bytes]:
    """Yield the parts of a body, up to so many bytes in all."""
    while most > 0 and (block := response.read(min(most, _BLOCK_BYTES))):
        most -= len(block)
        yield block


@contextmanager
def _progress(name: str, begin: int, total: int | None) -> Iterator[Callable[[int], Any]]:
    """Show how much has arrived, on a terminal or where progress is logged."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    least = logging.WARNING if terminal else logging.INFO
    if sys.stderr is None or not _log.isEnabledFor(least):
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(
        desc=name,
        initial=begin,
        total=total,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        file=sys.stderr,
        mininterval=0.1 if terminal else 10,
    ) as bar:
        yield bar.update


# --- what is on disk ------------------------------------------------------------------------------


@contextmanager
def on_disk(place: Path) -> Iterator[None]:
    """Turn errors of the file system into `DiskError`.

    Raises:
        DiskError: there was one.

    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if full else error.strerror or str(error)
        raise DiskError(
            f"{error.filename or place}: {why}; FASTOCR_CACHE_HOME names another folder for models"
        ) from error


class _Part:
    """A file that is not whole yet, and beside it what its content is."""

    def __init__(self, target: Path, remote: RemoteFile) -> None:
        self.file = target.with_name(target.name + ".part")
        self._target = target
        self._note = target.with_name(target.name + ".part.json")
        self._remote = remote

    def size(self) -> int:
        with on_disk(self.file):
            return self.file.stat().st_size if self.file.is_file() else 0

    def resumable(self) -> int:
        """Return how many bytes are there of the content that is wanted."""
        noted = self._noted()
        same = (
            noted["identity"] == self._remote.identity
            if self._remote.identity
            else noted["url"] == self._remote.url and noted["etag"] is not None
        )
        return self.size() if same else 0

    def conditions(self, offset: int) -> dict[str, str]:
        """Return the headers that ask for the rest."""
        if offset == 0:
            return {}
        headers = {"Range": f"bytes={offset}-"}
        # A declared hash tells in the end whether the parts belong together; else the server must.
        etag = self._noted()["etag"]
        return headers if self._remote.identity else {**headers, "If-Range": str(etag)}

    def begin(self, offset: int, total: int | None, etag: str | None) -> None:
        """Keep so many bytes, and note what the file is."""
        strong = etag if etag and not etag.startswith("W/") else None
        with on_disk(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.file.parent).free
            if total is not None and total - offset > free:
                raise OSError(errno.ENOSPC, "", str(self.file))
            note = {"identity": self._remote.identity, "url": self._remote.url, "etag": strong}
            self._note.write_text(json.dumps(note), encoding="utf-8")
            with self.file.open("ab") as file:
                file.truncate(offset)

    @contextmanager
    def appending(self) -> Iterator[Callable[[bytes], None]]:
        with on_disk(self.file):
            file = self.file.open("ab")

        def write(block: bytes) -> None:
            with on_disk(self.file):
                file.write(block)

        try:
            yield write
        finally:
            with on_disk(self.file):
                file.close()

    def finish(self) -> None:
        self.file.replace(self._target)
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        with on_disk(self.file):
            self.file.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def _noted(self) -> dict[str, Any]:
        nothing = {"identity": None, "url": None, "etag": None}
        try:
            return {**nothing, **json.loads(self._note.read_bytes())}
        except (OSError, RecursionError, TypeError, ValueError):
            return nothing


def _difference(file: Path, remote: RemoteFile) -> str | None:
    """Say how a file differs from what its host declares, or return None."""
    size = file.stat().st_size
    if remote.size is not None and size != remote.size:
        return f"{size} bytes arrived, where the host declares {remote.size}"
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with file.open("rb") as data:
        while block := data.read(_BLOCK_BYTES):
            sha256.update(block)
            git.update(block)
    if remote.sha256 is not None and sha256.hexdigest() != remote.sha256.lower():
        return f"the SHA-256 is {sha256.hexdigest()}, where the host declares {remote.sha256}"
    oids = [git.hexdigest(), *_pointer_oids(sha256.hexdigest(), size)]
    if remote.git_oid is not None and remote.git_oid.lower() not in oids:
        return f"the hash in git is {oids[0]}, where the host declares {remote.git_oid}"
    return None


def _pointer_oids(sha256: str, size: int) -> Iterator[str]:
    """Yield the hashes of a file's pointers in Git LFS: as git writes them, and AI Studio."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}"
    for pointer in (f"{text}\n".encode(), text.encode()):
        content = b"blob %d\0" % len(pointer) + pointer
        yield hashlib.sha1(content, usedforsecurity=False).hexdigest()
