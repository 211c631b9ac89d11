"""PDF files in processes of their own: the same pages, and an end to those that would have none."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from fastocr import inputs
from fastocr.errors import InputError, InvalidOptionError
from fastocr.inputs import InputOptions
from fastocr.options import parse_inputs
from fastocr.pdf import Scales, isolated
from fastocr.pdf.isolated import IsolatedDocument, Limits

# Long enough for a busy machine, short enough for a test that waits for it to pass.
PATIENT = InputOptions(pdf_timeout=60.0, pdf_memory=2**30)


def pdf(*objects: bytes) -> bytes:
    """A file of these objects, numbered from 1; the first is the catalogue."""
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    end = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (count, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table) + end


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), entries, data)


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
ONE_PAGE = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
BOX = b"/BBox[0 0 200 200]"


def page_with(form: bytes) -> bytes:
    return (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]"
        b"/Resources<</XObject<</F %s>>>>/Contents 4 0 R>>" % form
    )


def laughs(depth: int = 9) -> bytes:
    """Forms in forms, ten times each: 10^depth rectangles in two kilobytes."""
    forms = [
        stream(
            b"/F Do " * 10 if level < depth - 1 else b"0 0 9 9 re f " * 10,
            b"/Type/XObject/Subtype/Form"
            + BOX
            + b"/Resources<</XObject<</F %d 0 R>>>>" % (level + 6),
        )
        for level in range(depth)
    ]
    return pdf(CATALOG, ONE_PAGE, page_with(b"5 0 R"), stream(b"/F Do"), *forms)


def inflating(megabytes: int) -> bytes:
    """A page whose content becomes a thousand times as large as the file."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>"
    return pdf(CATALOG, ONE_PAGE, page, stream(data, b"/Filter/FlateDecode"))


def good(pages: int = 2) -> bytes:
    first, *others = (PIL.Image.new("RGB", (40 + k, 30), (k, 200, 90)) for k in range(pages))
    file = io.BytesIO()
    first.save(file, "PDF", save_all=True, append_images=others)
    return file.getvalue()


@pytest.fixture(autouse=True)
def _no_idle_processes() -> Iterator[None]:
    yield
    isolated._pool.close()


def read(data: bytes, options: InputOptions) -> list[inputs.Page]:
    return list(inputs.iter_pages(data, options))


def test_pages_are_those_of_this_process() -> None:
    data = good(3)
    alone, here = read(data, PATIENT), read(data, InputOptions())
    assert [page.page_index for page in alone] == [page.page_index for page in here] == [0, 1, 2]
    for one, other in zip(alone, here, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"%PDF-1.4 nothing else", {}),
        (good(2), {"pdf_pages": 7}),
        (good(3), {"max_pages": 2}),
        (pdf(CATALOG, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 100000000>>"), {}),
    ],
)
def test_errors_are_those_of_this_process(data: bytes, options: dict[str, object]) -> None:
    (here,) = read(data, parse_inputs(options))
    (alone,) = read(data, parse_inputs(options, PATIENT))
    assert alone.error is not None
    assert str(alone.error) == str(here.error)


def test_a_page_without_end_is_given_up_and_the_rest_with_it() -> None:
    # Time alone is limited: the page also takes more and more memory, and has been seen to meet a
    # limit of a gigabyte before the 2 s.
    document = IsolatedDocument("x.pdf", laughs(), None, Limits(2.0, None))
    with pytest.raises(InputError, match=r"x\.pdf: page 0: the PDF takes longer than the 2 s"):
        document.render(0, Scales(2.0, 0.1, 10**6))
    with pytest.raises(InputError, match=r"page 1: the PDF takes longer"):
        document.render(1, Scales(2.0, 0.1, 10**6))
    document.close()
    assert read(good(), PATIENT)[0].error is None  # others are read as ever


def test_a_page_that_inflates_ends_at_the_limit() -> None:
    (page,) = read(inflating(400), InputOptions(pdf_timeout=60.0, pdf_memory=200 * 2**20))
    assert page.error is not None
    assert "209715200 bytes of memory allowed by pdf_memory" in str(page.error)
    assert page.page_index == 0
    assert page.one_of_many


def test_memory_alone_is_enough_to_isolate_and_so_is_time() -> None:
    assert read(good(), InputOptions(pdf_memory=2**30))[0].image is not None
    assert len(isolated._pool._idle) == 1
    assert read(good(), InputOptions(pdf_timeout=60.0))[0].image is not None
    assert {child.memory for child in isolated._pool._idle} == {None, 2**30}


def test_a_process_that_dies_costs_its_document_only() -> None:
    document = IsolatedDocument("x.pdf", good(), None, Limits(None, None))
    (child,) = isolated._pool._idle
    os.kill(child._process.pid, signal.SIGKILL)
    child._process.wait()
    with pytest.raises(InputError, match="makes its reader fail"):
        document.render(0, Scales(2.0, 0.1, 10**6))
    assert read(good(), PATIENT)[0].error is None


def test_processes_are_used_again_and_few_are_kept() -> None:
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: read(good(3), PATIENT), range(12)))
    assert all(page.image is not None for pages in results for page in pages)
    assert 1 <= len(isolated._pool._idle) <= 4
    one = isolated._pool._idle[-1]
    read(good(), PATIENT)
    assert one in isolated._pool._idle


def test_a_closed_document_is_dropped_by_its_process() -> None:
    pages = inputs.iter_pages(good(3), PATIENT)
    next(pages)
    (child,) = isolated._pool._idle
    assert child.key is not None
    pages.close()  # type: ignore[attr-defined]
    assert child.key is None


def test_processes_end_with_this_one(run_python, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "good.pdf").write_bytes(good())
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, sys\n"
        "from fastocr import inputs\n"
        "from fastocr.pdf import isolated\n"
        "options = inputs.InputOptions(pdf_timeout=60.0)\n"
        "assert all(page.error is None for page in inputs.iter_pages('good.pdf', options))\n"
        "print(isolated._pool._idle[0]._process.pid, flush=True)\n"
        "if sys.argv[1] == 'killed': os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf-8",
    )
    for how in ("ended", "killed"):
        done = run_python(script, how)
        pid = int(done.stdout)
        subprocess.run(
            ["timeout", "60", "tail", f"--pid={pid}", "-f", "/dev/null"], check=True, timeout=90
        )
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("option", ["pdf_timeout", "pdf_memory", "max_pages"])
def test_limits_are_checked(option: str) -> None:
    with pytest.raises(InvalidOptionError, match=option):
        parse_inputs({option: 0})
