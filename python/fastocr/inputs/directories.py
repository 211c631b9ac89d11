"""The files of a directory that are read."""

from __future__ import annotations

import os
from pathlib import Path

from fastocr.errors import InputError

__all__ = ["is_directory", "list_directory"]

# The formats of the reference, and those that OpenCV reads beyond them and that hold text.
_SUFFIXES = frozenset(
    (
        *(".bmp", ".dib", ".jpeg", ".jpg", ".png", ".webp", ".pbm", ".pgm", ".ppm", ".pnm"),
        *(".sr", ".ras", ".tiff", ".tif", ".pdf"),
        *(".apng", ".avif", ".gif", ".j2k", ".jp2", ".jpe", ".pam"),
    )
)


def is_directory(path: str) -> bool:
    """Tell whether a path names a directory; one that cannot be asked for is none."""
    try:
        return path != "" and Path(path).is_dir()
    except OSError:
        return False  # reading it will tell why


def list_directory(path: str, recursive: bool) -> list[str]:
    """Return the images and PDFs in a directory, sorted by their whole path.

    Links to directories are not followed, so there are no circles. A directory in it that cannot
    be listed is one of the returned paths, for its error to be told in its place.

    Raises:
        InputError: the directory cannot be listed, or has no such file.

    """
    found: list[str] = []

    def note(error: OSError) -> None:
        if error.filename == path:
            raise InputError(f"{path}: the directory cannot be listed: {error.strerror}") from None
        found.append(os.fsdecode(error.filename))

    for folder, subfolders, names in os.walk(path, onerror=note):
        if not recursive:
            subfolders.clear()
        # Not by `Path`, which would change how the given path is spelled.
        files = (os.path.join(folder, name) for name in names)  # noqa: PTH118
        found.extend(file for file in files if _is_wanted(Path(file)))
    if not found:
        where = "in it or below" if recursive else "in it"
        raise InputError(f"{path}: the directory has no image or PDF {where}")
    return sorted(found)


def _is_wanted(file: Path) -> bool:
    if file.suffix.lower() not in _SUFFIXES:
        return False
    # A pipe would block; a link that leads nowhere is told like a missing file.
    return file.is_file() or not file.exists()
