"""Where files lie that fastocr makes once and keeps.

In ``$FASTOCR_CACHE_HOME``, else ``fastocr`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. They may be
removed at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["folder", "key"]


def folder(kind: str) -> Path:
    """Return where files of one kind are kept; it need not exist."""
    own = os.environ.get("FASTOCR_CACHE_HOME")
    if own:
        return Path(own) / kind
    common = os.environ.get("XDG_CACHE_HOME")
    return (Path(common) if common else Path.home() / ".cache") / "fastocr" / kind


def key(files: Iterable[Path], *circumstances: str) -> str:
    """Return a name for what is made of these files' content under these circumstances.

    Raises:
        OSError: a file cannot be read.

    """
    import hashlib

    digest = hashlib.sha256("\0".join(circumstances).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
