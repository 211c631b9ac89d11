"""Finding a model: in a directory that the caller names, else on disk, else from the hosts."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastocr import engines
from fastocr.errors import ModelError, ModelNotFoundError
from fastocr.model_store import catalog
from fastocr.model_store.files import ModelFiles, from_directory
from fastocr.model_store.packages import known_packages, offered
from fastocr.model_store.places import Copy, Place, own_cache, paddlex_cache

__all__ = ["Search", "available", "check_name", "find_model", "packaged_models", "places", "search"]

# What reads a Paddle model that is there in the newer form only.
_JSON_READERS = ("paddle", "paddle2onnx")

_log = logging.getLogger("fastocr")


def find_model(
    name: str,
    directory: str | os.PathLike[str] | None = None,
    *,
    engine: str = engines.AUTO,
    download: bool = False,
) -> ModelFiles:
    """Find the files of the model `name` in a form that the engine reads.

    Args:
        name: official name, for example ``PP-OCRv5_mobile_det``, or one that an installed package
            offers. With a directory it may be any name.
        directory: a model directory in the official layout (``inference.yml`` beside
            ``inference.onnx``, ``inference.pdmodel`` or ``inference.json``); ``~`` stands for the
            home directory. None: fastocr's cache, that of PaddleX and installed packages are
            looked through, in this order.
        engine: name of an engine, or "auto".
        download: whether a model that is not on disk is fetched from the official hosts.

    Raises:
        ModelNotFoundError: the directory or a file in it is missing, or the model is in none of
            the places; the message lists all that were tried and why each failed.
        ModelFormatError: the directory holds another model or a damaged configuration.

    """
    if directory is not None:
        return from_directory(name, Path(directory).expanduser())
    check_name(name)
    found = search(name, engine)
    if found.files is not None:
        return found.files
    if not download:
        raise found.error()
    from fastocr.model_store import downloads

    return downloads.fetch(name, engine, found)


def available(name: str, *, engine: str = engines.AUTO) -> bool:
    """Return whether a model is on disk in a form that the engine reads.

    An unknown name is not available.
    """
    return search(name, engine).files is not None


def packaged_models() -> tuple[str, ...]:
    """Return the names of the models that come with fastocr's own dependencies."""
    return tuple(known_packages()[0].contents)


def check_name(name: str) -> None:
    """Refuse a name that nobody provides.

    Raises:
        ModelNotFoundError: it is neither official nor offered by an installed package.

    """
    others = [known for place in offered() for known in place.names()]
    if catalog.official(name) or name in others:
        return
    close = catalog.close_names(name, others)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    raise ModelNotFoundError(
        f"{name!r} is no official model, nor that of an installed package; {hint}"
        "`fastocr models list --all` shows the names; for your own model give its directory with "
        "the matching *_model_dir parameter"
    )


def places() -> Iterator[Place]:
    """Yield the places in which models are looked for, in order."""
    yield own_cache()
    yield paddlex_cache()
    yield from offered()
    yield from known_packages()


@dataclass(slots=True)
class Search:
    """What came of looking for a model on disk: its files and where, or why each place has none."""

    name: str
    engine: str
    files: ModelFiles | None = None
    location: Path | None = None
    failures: list[str] = field(default_factory=list)

    def error(self, *failures: str) -> ModelNotFoundError:
        """Return the error that lists all places, with those that were tried since."""
        tried = "".join(f"\n  - {failure}" for failure in (*self.failures, *failures))
        remedies = [self._by_hand()] if failures else [self._by_command(), self._by_hand()]
        return ModelNotFoundError(
            f"the model {self.name!r} was not found:{tried}\n{' '.join(filter(None, remedies))}"
        )

    def _by_command(self) -> str:
        if catalog.official(self.name) is None:
            return ""
        engine = "" if self.engine == engines.AUTO else f" --engine {self.engine}"
        return f"`fastocr models download {self.name}{engine}` fetches it."

    def _by_hand(self) -> str:
        return (
            f"By hand: give a directory that holds its inference.yml and network (`fastocr models "
            f"show {self.name}` says where they are) with the matching *_model_dir parameter."
        )


def search(name: str, engine: str, among: Iterable[Place] | None = None) -> Search:
    """Look for a model on disk: in all `places`, or among some.

    With "auto", a copy that only Paddle's package reads comes last.
    """
    result = Search(name, engine)
    second: tuple[ModelFiles, Path] | None = None
    for copy in _copies(result, places() if among is None else among):
        try:
            files = copy.load()
        except ModelError as error:
            _log.warning("%s is passed over: %s", copy.location, error)
            result.failures.append(f"{copy.place}: {error}")
            continue
        obstacle = _obstacle(files, engine)
        if obstacle is not None:
            result.failures.append(f"{copy.place}: {copy.location} {obstacle}")
        elif engine == engines.AUTO and _only_json(files):
            second = second or (files, copy.location)
        else:
            result.files, result.location = files, copy.location
            return result
    if second is not None:
        result.files, result.location = second
    return result


def _copies(result: Search, among: Iterable[Place]) -> Iterator[Copy]:
    for place in among:
        copies = place.copies(result.name)
        absence = place.absence(result.name) if not copies else None
        if absence is not None:
            result.failures.append(f"{place.title}: {absence}")
        yield from copies


def _obstacle(files: ModelFiles, engine: str) -> str | None:
    """Say why an engine cannot read the files, or None."""
    readable = engines.forms(engine)
    if not any(path.suffix in readable for path in files.paths):
        return f"holds {_listed(files)}, which engine {engine!r} does not read"
    if engine == engines.AUTO and _only_json(files) and not any(map(_installed, _JSON_READERS)):
        return (
            f"holds {_listed(files)} only, which needs PaddlePaddle: pip install 'fastocr[paddle]'"
        )
    return None


def _only_json(files: ModelFiles) -> bool:
    return all(path.suffix == ".json" for path in files.paths)


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _listed(files: ModelFiles) -> str:
    return " and ".join(path.name for path in files.paths)
