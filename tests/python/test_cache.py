"""Where made files are kept, and by which names."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastocr import cache


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"FASTOCR_CACHE_HOME": "/a"}, "/a/converted"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/fastocr/converted"),
        ({"HOME": "/c"}, "/c/.cache/fastocr/converted"),
    ],
)
def test_place_of_the_cache(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], folder: str
) -> None:
    for name in ("FASTOCR_CACHE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache.folder("converted") == Path(folder)


def test_names(tmp_path: Path) -> None:
    """They go by content and circumstances, not by place."""
    files = [tmp_path / name for name in "ab"]
    for file in files:
        file.write_bytes(b"content")
    names = {
        cache.key(files[:1]),
        cache.key(files[1:]),
        cache.key(files[:1], "1", "2"),
        cache.key(files[:1], "12"),
        cache.key(files),
    }
    assert len(names) == 4
