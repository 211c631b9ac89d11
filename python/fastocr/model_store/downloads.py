"""Fetching models from the official hosts into fastocr's cache."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fastocr import engines
from fastocr.errors import ModelError
from fastocr.model_store import archive, catalog, hosts, manifest, transfer
from fastocr.model_store.catalog import OfficialModel
from fastocr.model_store.files import CONFIG_FILE, NETWORK_FILES, ModelFiles, from_directory
from fastocr.model_store.hosts import Host
from fastocr.model_store.places import own_cache
from fastocr.model_store.search import Search, search
from fastocr.model_store.transfer import DiskError, NotThereError, TransferError, on_disk

__all__ = ["addresses", "download", "fetch"]

_WEIGHTS_FILE = "inference.pdiparams"
# Hidden, so that they are no models.
_UNFINISHED, _LOCKS = ".unfinished", ".locks"
_OFFLINE = ("FASTOCR_OFFLINE", "HF_HUB_OFFLINE")

_log = logging.getLogger("fastocr")


def fetch(name: str, engine: str, found: Search) -> ModelFiles:
    """Fetch a model that was not found on disk.

    Raises:
        ModelNotFoundError: it cannot be had; the message goes on from what was `found`.

    """
    with _storing(name, engine, found):
        # Another process may have been quicker.
        again = search(name, engine)
        if again.files is not None:
            return again.files
        return from_directory(name, _from_hosts(name, engine, found))


def download(name: str, engine: str, *, force: bool) -> Path:
    """Fetch a model into the cache, unless it is there and not forced, and return its directory.

    Raises:
        ModelNotFoundError: it cannot be had.

    """
    found = search(name, engine, [own_cache()])
    if found.location is not None and not force:
        return found.location
    with _storing(name, engine, found):
        again = search(name, engine, [own_cache()])
        if again.location is not None and not force:
            return again.location
        return _from_hosts(name, engine, found)


def addresses(name: str) -> tuple[str, ...]:
    """Return where people find the packages of a model that fastocr can use."""
    official = catalog.official(name)
    packages = _packages(official, engines.AUTO) if official else []
    return tuple(host.address(package) for host in hosts.in_order() for package in packages)


@contextmanager
def _storing(name: str, engine: str, found: Search) -> Iterator[None]:
    """Hold the lock of a model in the cache, if it may be fetched at all."""
    obstacle = _obstacle(name, engine)
    if obstacle is not None:
        raise found.error(f"download: {obstacle}")
    try:
        with _lock(name):
            yield
    except DiskError as error:
        raise found.error(f"download: {error}") from error


def _obstacle(name: str, engine: str) -> str | None:
    """Say why a model cannot be fetched whatever hosts say, or return None."""
    official = catalog.official(name)
    if official is None:
        return "hosts keep official models only"
    if not _packages(official, engine):
        return (
            f"hosts keep no ONNX form of it, and engine {engine!r} reads nothing else; leave the "
            "engine to be chosen, with PaddlePaddle: pip install 'fastocr[paddle]'"
        )
    variable = next((name for name in _OFFLINE if _is_on(os.environ.get(name, ""))), None)
    return f"{variable} forbids it" if variable else None


def _is_on(value: str) -> bool:
    return value.lower() in {"1", "true", "yes", "on"}


def _packages(official: OfficialModel, engine: str) -> list[str]:
    """Return the packages to fetch for an engine, the best one first."""
    readable = engines.forms(engine)
    forms = ["onnx"] if ".onnx" in readable and "onnx" in official.forms else []
    if {".pdmodel", ".json"} & set(readable):
        forms.append("static")
    return [catalog.package(official.name, form) for form in forms]


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Hold a model's lock, which keeps other processes and threads from fetching it as well."""
    from filelock import FileLock, Timeout

    folder = own_cache().root / _LOCKS
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _log.warning("%s is being fetched elsewhere on this machine; waiting for it", name)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _from_hosts(name: str, engine: str, found: Search) -> Path:
    """Fetch a model from the first host that has it, and return its directory."""
    official = catalog.official(name)
    assert official is not None  # See _obstacle.
    failures = []
    for host in hosts.in_order():
        silence = hosts.unreachable(host)
        if silence is not None:
            failures.append(f"{host.title} does not answer: {silence}")
            continue
        for package in _packages(official, engine):
            try:
                directory = _from_host(host, package, name, engine)
            except NotThereError as error:
                failures.append(f"{host.alias}: {error}")
            except (TransferError, ModelError) as error:
                failures.append(f"{host.alias}: {error}")
                break
            else:
                _forget_unfinished(official)
                return directory
        _log.warning("%s cannot be fetched from %s", name, failures[-1])
    raise found.error(*failures)


def _forget_unfinished(official: OfficialModel) -> None:
    for package in official.packages():
        shutil.rmtree(own_cache().root / _UNFINISHED / package, ignore_errors=True)


def _from_host(host: Host, package: str, name: str, engine: str) -> Path:
    root = own_cache().root
    folder, target = root / _UNFINISHED / package, root / package
    _log.info("fetching %s from %s into %s", package, host.title, target)
    try:
        names = _files_from_host(host, package, folder, engine)
        # Before it is put where it would be found.
        from_directory(name, folder)
        with on_disk(folder):
            manifest.write(folder, package=package, source=host.address(package), files=names)
            _remove_others(folder, names)
            _put_in_place(folder, target)
    except DiskError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return target


def _files_from_host(host: Host, package: str, folder: Path, engine: str) -> list[str]:
    """Fetch what is needed of a package into a folder, and return the names of the files."""
    choose = partial(_needed, package=package, engine=engine)
    remote = {file.name: file for file in host.files(package)}
    if host.archives:
        (file,) = remote.values()
        return archive.extract(transfer.fetch(file, folder), folder, choose)
    names = choose(list(remote))
    for file_name in names:
        transfer.fetch(remote[file_name], folder)
    return names


def _needed(names: Sequence[str], *, package: str, engine: str) -> list[str]:
    """Return which files of a package are needed: all forms of the network, and what they need."""
    networks = [name for name in NETWORK_FILES if name in names]
    readable = engines.forms(engine)
    if not any(Path(name).suffix in readable for name in networks):
        raise NotThereError(
            f"{package} holds {' and '.join(networks) or 'no network'}; engine {engine!r} reads "
            f"inference{' or inference'.join(readable)}"
        )
    weights = [_WEIGHTS_FILE] if any(Path(name).suffix != ".onnx" for name in networks) else []
    needed = [CONFIG_FILE, *networks, *weights]
    missing = [name for name in needed if name not in names]
    if missing:
        raise TransferError(f"{package} is incomplete: it has no {' and no '.join(missing)}")
    return needed


def _remove_others(folder: Path, names: Sequence[str]) -> None:
    for file in folder.iterdir():
        if file.name not in (*names, manifest.FILE):
            file.unlink()


def _put_in_place(folder: Path, target: Path) -> None:
    """Make a folder the model's directory, in the place of one that is there."""
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    folder.replace(target)
    shutil.rmtree(old, ignore_errors=True)
