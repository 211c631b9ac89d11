"""Taking a model's files out of an archive, trusting nothing in it."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from fastocr.model_store.transfer import TransferError, on_disk

__all__ = ["extract"]


def extract(
    archive: Path, folder: Path, choose: Callable[[Sequence[str]], Sequence[str]]
) -> list[str]:
    """Write the chosen files of a tar archive into a folder, and return their names.

    Files may lie at the top of the archive or in folders there. Names of files are handed to
    `choose`, which returns those that are wanted or raises. An archive with a link, a device, a
    path that leads elsewhere, or one file twice is refused as a whole.

    Raises:
        TransferError: the archive is damaged or refused.
        DiskError: a file cannot be written.

    """
    try:
        with tarfile.open(archive, "r:") as tar:
            members = _files(tar)
            chosen = choose(list(members))
            for name in chosen:
                _write(tar, members[name], folder / name)
            return list(chosen)
    except (tarfile.TarError, EOFError) as error:
        raise TransferError(f"{archive.name} is a damaged archive: {error}") from error


def _files(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    found: dict[str, tarfile.TarInfo] = {}
    for member in tar:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
            raise TransferError(
                f"the archive is refused: {member.name!r} is a link, a device or leads elsewhere"
            )
        if not member.isfile() or len(path.parts) > 2:
            continue
        if path.name in found:
            raise TransferError(f"the archive is refused: it holds {path.name!r} twice")
        found[path.name] = member
    return found


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None  # It is a file.
    with on_disk(target), source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
