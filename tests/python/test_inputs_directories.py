"""Directories as inputs."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fastocr.errors import InputError
from fastocr.inputs import InputOptions, iter_pages


def put(path: Path, content: bytes | None = None) -> str:
    """A small image, or other content, at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        content = cv2.imencode(".png", np.zeros((3, 4, 3), np.uint8))[1].tobytes()
    path.write_bytes(content)
    return str(path)


def put_pdf(path: Path) -> str:
    pages = [Image.new("RGB", (9, 9), "white")] * 2
    path.parent.mkdir(parents=True, exist_ok=True)
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:])
    return str(path)


def paths(source: object, **options: bool) -> list[str | None]:
    return [page.input_path for page in iter_pages(source, InputOptions(**options))]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name in ("b.png", "a/2.JPG", "a/10.tif", "a/deep/x.webp", "a.png", "Z.bmp", "c/é 文.png"):
        put(folder / name)
    for name in ("notes.txt", "a/png", "a/.png", "c/script.py", "c/archive.zip"):
        put(folder / name, b"no image")
    put_pdf(folder / "c.pdf")
    return folder


def walked(folder: Path) -> list[str]:
    """As the reference does it: sorted by the whole path."""
    suffixes = ("png", "jpg", "tif", "webp", "bmp", "pdf")
    return sorted(
        f"{root}/{name}"
        for root, _, names in os.walk(folder)
        for name in names
        if name.lower().split(".")[-1] in suffixes and not name.startswith(".") and "." in name
    )


def test_all_files_below_sorted_by_path(tree: Path) -> None:
    expected = walked(tree)
    assert len(expected) == 8
    pages = list(iter_pages(tree))
    assert [page.error for page in pages] == [None] * 9
    # The PDF has two pages.
    assert list(dict.fromkeys(page.input_path for page in pages)) == expected
    assert [page.page_index for page in pages if page.input_path == str(tree / "c.pdf")] == [0, 1]


def test_not_recursive(tree: Path) -> None:
    found = paths(tree, recursive=False)
    assert [Path(str(path)).name for path in found] == ["Z.bmp", "a.png", "b.png", "c.pdf", "c.pdf"]


def test_paths_are_spelled_as_given(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert paths("./a/", recursive=False) == ["./a/10.tif", "./a/2.JPG"]
    assert paths(".", recursive=False)[0] == "./Z.bmp"


@pytest.mark.parametrize("name", ["plain", "folder.png", "folder.pdf"])
def test_a_directory_is_one_whatever_its_name(tmp_path: Path, name: str) -> None:
    inner = put(tmp_path / name / "a.png")
    assert paths(tmp_path / name) == [inner]
    assert paths(tmp_path) == [inner]


@pytest.mark.parametrize(
    "suffix",
    [
        *("bmp", "dib", "jpeg", "jpg", "png", "webp", "pbm", "pgm", "ppm", "pnm", "sr", "ras"),
        *("tiff", "tif", "pdf", "gif", "jp2", "avif", "PNG", "Tiff"),
    ],
)
def test_suffixes(tmp_path: Path, suffix: str) -> None:
    name = put(tmp_path / f"a.{suffix}")
    assert paths(tmp_path) == [name]


def test_empty_directories(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    put(tmp_path / "notes.txt", b"x")
    (page,) = iter_pages(tmp_path)
    assert str(page.error) == f"{tmp_path}: the directory has no image or PDF in it or below"
    assert (page.input_path, page.one_of_many) == (str(tmp_path), False)
    put(tmp_path / "inner" / "a.png")
    (page,) = iter_pages(tmp_path, InputOptions(recursive=False))
    assert str(page.error) == f"{tmp_path}: the directory has no image or PDF in it"


def test_one_bad_file(tree: Path) -> None:
    bad = put(tree / "bad.png", b"junk")
    pages = list(iter_pages(tree))
    (failed,) = [page for page in pages if page.error is not None]
    assert failed.input_path == bad
    assert [page.one_of_many for page in pages] == [True] * 10
    assert [page.followed for page in pages] == [True] * 9 + [False]


def test_a_single_file_of_a_directory_is_one_of_many(tmp_path: Path) -> None:
    """How many files there are decides nothing about where errors go."""
    put(tmp_path / "bad.png", b"junk")
    (page,) = iter_pages(tmp_path)
    assert page.one_of_many


def test_directories_in_lists(tree: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    pages = list(iter_pages([tree / "c", empty, tree / "a.png"]))
    assert [page.error is None for page in pages] == [True, False, True]
    assert [page.followed for page in pages] == [True, True, False]


def test_links(tree: Path, tmp_path: Path) -> None:
    """A link to a file counts; one to a directory, which may lead round in a circle, does not."""
    expected = walked(tree)
    (tree / "a" / "circle").symlink_to(tree, target_is_directory=True)
    (tree / "a" / "folder.png").symlink_to(tmp_path, target_is_directory=True)
    assert set(paths(tree)) == set(expected)
    outside = put(tmp_path / "outside.png")
    (tree / "link.png").symlink_to(outside)
    (tree / "broken.png").symlink_to(tmp_path / "gone.png")
    pages = {page.input_path: page.error for page in iter_pages(tree)}
    assert set(pages) - set(expected) == {str(tree / "link.png"), str(tree / "broken.png")}
    assert pages[str(tree / "link.png")] is None
    assert "no such file" in str(pages[str(tree / "broken.png")])
    # The directory that is given may be a link itself.
    (tmp_path / "link").symlink_to(tree / "c", target_is_directory=True)
    assert paths(tmp_path / "link") == [str(tmp_path / "link" / "é 文.png")]


def test_pipes_do_not_block(tree: Path) -> None:
    expected = walked(tree)
    os.mkfifo(tree / "pipe.png")
    assert set(paths(tree)) == set(expected)


def test_directories_that_cannot_be_listed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may list all of them, so the refusal is made up."""
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path) == tree / "a":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    pages = list(iter_pages(tree))
    (failed,) = [page for page in pages if page.error is not None]
    assert isinstance(failed.error, InputError)
    assert str(failed.error) == f"{tree / 'a'}: the directory cannot be listed: Permission denied"
    assert pages[1] is failed  # sorted as "a", before "a.png"
    assert len(pages) == 7
    (page,) = iter_pages(tree / "a")
    assert "cannot be listed" in str(page.error)
    assert not page.one_of_many


def test_files_are_read_in_their_turn(tmp_path: Path) -> None:
    put(tmp_path / "1.png")
    later = tmp_path / "2.png"
    put(later, b"junk")
    pages = iter_pages(tmp_path)
    next(pages)
    put(later)
    assert next(pages).error is None
