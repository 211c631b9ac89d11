"""What the command line shows of models and does with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastocr import engines
from fastocr.errors import ModelError
from fastocr.model_store import catalog
from fastocr.model_store.files import NETWORK_FILES
from fastocr.model_store.packages import known_packages
from fastocr.model_store.places import Copy
from fastocr.model_store.search import check_name, places, search

__all__ = [
    "InstalledModel",
    "ModelDescription",
    "describe",
    "download",
    "installed_models",
    "path_of",
    "verify",
]


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A copy of a model on disk.

    `role` is one of `fastocr.model_store.catalog.ROLES`, or None for a model that is not official.
    `place` is where it was found, in words; `location` its directory, or its network in a package;
    `forms` are the files of the network; `size` is in bytes.
    """

    name: str
    role: str | None
    place: str
    location: Path
    forms: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A model: what it is for, which packages hosts keep of it, and where it can be had.

    `packages` and `addresses` are empty for a model that is not official. `distributions` are
    packages on PyPI that hold it. `installed` are its copies on disk, the one that is used first.
    """

    name: str
    role: str | None
    packages: tuple[str, ...]
    addresses: tuple[str, ...]
    distributions: tuple[str, ...]
    installed: tuple[InstalledModel, ...]


def installed_models() -> list[InstalledModel]:
    """Return the models on disk, by name; copies of one model in the order in which they count."""
    names = {name for place in places() for name in place.names()}
    return [model for name in sorted(names, key=_order) for model in _installed(name)]


def describe(name: str) -> ModelDescription:
    """Say what is known of a model.

    Raises:
        ModelNotFoundError: there is no model of this name.

    """
    from fastocr.model_store import downloads

    check_name(name)
    official = catalog.official(name)
    return ModelDescription(
        name,
        official.role if official else None,
        official.packages() if official else (),
        downloads.addresses(name),
        tuple(known.distribution for known in known_packages() if name in known.contents),
        tuple(_installed(name)),
    )


def download(name: str, *, engine: str = engines.AUTO, force: bool = False) -> Path:
    """Fetch a model into fastocr's cache, unless it is there, and return its directory.

    With `force` it is fetched again.

    Raises:
        ModelNotFoundError: there is no such model, no host has it in a form that the engine reads,
            or it could not be fetched or stored; the message lists what was tried.

    """
    from fastocr.model_store import downloads

    check_name(name)
    return downloads.download(name, engine, force=force)


def path_of(name: str, *, engine: str = engines.AUTO) -> Path:
    """Return where a model lies: its directory, or its network in a package.

    Raises:
        ModelNotFoundError: it is not on disk in a form that the engine reads.

    """
    check_name(name)
    found = search(name, engine)
    if found.location is None:
        raise found.error()
    return found.location


def verify(name: str) -> list[str]:
    """Return what is wrong with the copies of a model on disk; nothing is right.

    Downloaded files are compared with the sizes and hashes that were recorded; every copy's
    configuration is read.

    Raises:
        ModelNotFoundError: it is not on disk.

    """
    check_name(name)
    copies = list(_copies(name))
    if not copies:
        raise search(name, engines.AUTO).error()
    return [problem for copy in copies for problem in _problems(copy)]


def _order(name: str) -> tuple[int, str]:
    names = catalog.names()
    return (names.index(name) if name in names else len(names), name)


def _copies(name: str) -> Iterator[Copy]:
    for place in places():
        yield from place.copies(name)


def _installed(name: str) -> Iterator[InstalledModel]:
    official = catalog.official(name)
    for copy in _copies(name):
        files = copy.files()
        yield InstalledModel(
            name,
            official.role if official else None,
            copy.place,
            copy.location,
            tuple(file.name for file in files if _is_network(copy, file)),
            sum(file.stat().st_size for file in files),
        )


def _is_network(copy: Copy, file: Path) -> bool:
    return file == copy.location or file.name in NETWORK_FILES


def _problems(copy: Copy) -> Iterator[str]:
    from fastocr.model_store import manifest

    if copy.location.is_dir():
        yield from manifest.problems(copy.location)
    try:
        copy.load()
    except ModelError as error:
        yield str(error)
