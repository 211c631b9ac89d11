"""What is recorded of a download beside its files: where they came from, sizes and hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["FILE", "problems", "sha256_of", "write"]

FILE = "fastocr-manifest.json"


def write(folder: Path, *, package: str, source: str, files: Iterable[str]) -> None:
    """Record the files of a directory.

    Args:
        folder: the directory.
        package: the name of the package it holds.
        source: the address it was fetched from.
        files: the names of the files.

    Raises:
        OSError: a file cannot be read, or the record not be written.

    """
    record = {
        "package": package,
        "source": source,
        "files": {
            name: {"size": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
            for name in sorted(files)
        },
    }
    (folder / FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def problems(folder: Path) -> Iterator[str]:
    """Yield what differs from the record; a directory without one is not checked."""
    file = folder / FILE
    if not file.is_file():
        return
    try:
        recorded = json.loads(file.read_bytes())["files"]
        expected = {str(name): (entry["size"], entry["sha256"]) for name, entry in recorded.items()}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        yield f"{file} is damaged: {type(error).__name__}: {error}"
        return
    for name, (size, digest) in expected.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            yield f"{file} names {name!r}, which is no file of this directory"
            continue
        try:
            yield from _difference(folder / name, size, digest)
        except OSError as error:
            yield f"{folder / name} cannot be read: {error.strerror}"


def _difference(file: Path, size: Any, digest: Any) -> Iterator[str]:
    if not file.is_file():
        yield f"{file} is missing"
    elif file.stat().st_size != size:
        yield f"{file} has {file.stat().st_size} bytes instead of {size}"
    elif sha256_of(file) != digest:
        yield f"{file} has changed since it was fetched: its SHA-256 is not {digest}"


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while block := data.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
