"""One object for many threads, lists and processes: results, life time, memory."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastocr import PaddleOCR, warmup
from fastocr.errors import FastOCRError, InputError, InputNotFoundError
from fastocr.inputs import sources
from fastocr.options import WARMUP_SIZES

MakeOCR = Callable[..., PaddleOCR]
RunPython = Callable[..., Any]

NAMES = ("noise_background.png", "blank.png", "vertical.png", "small_on_gray.png", "chinese.png")


@pytest.fixture(scope="module")
def paths(pages_dir: Path) -> list[str]:
    return [str(pages_dir / name) for name in NAMES]


@pytest.fixture(scope="module")
def expected(ocr: PaddleOCR, paths: list[str]) -> list[Any]:
    """What is read on each page, one call a page."""
    found = [content(ocr.predict(path)[0]) for path in paths]
    assert sum(len(page["rec_texts"]) for page in found) == 20
    return found


def content(result: Any) -> dict[str, Any]:
    """What was read and where, in a form that compares exactly."""
    return {
        "input_path": result["input_path"],
        "dt_polys": [poly.tolist() for poly in result["dt_polys"]],
        "rec_texts": list(result["rec_texts"]),
        "rec_scores": list(result["rec_scores"]),
    }


def page_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fastocr-page"]


@pytest.fixture
def files_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files in the order in which they are read."""
    paths: list[str] = []
    read = sources.read_file

    def noted(path: str) -> bytes:
        paths.append(path)
        return read(path)

    monkeypatch.setattr(sources, "read_file", noted)
    return paths


# --- the same results -----------------------------------------------------------------------------


def test_lists_equal_single_calls(ocr: PaddleOCR, paths: list[str], expected: list[Any]) -> None:
    order = [0, 1, 2, 3, 4, 3, 2, 0, 1, 4, 4]
    source = [paths[i] for i in order]
    for results in (ocr.predict(source), ocr.predict_iter(tuple(source))):
        assert [content(result) for result in results] == [expected[i] for i in order]


@pytest.mark.parametrize("threads", [1, 3, 4])
def test_any_number_of_threads(
    make_ocr: MakeOCR, paths: list[str], expected: list[Any], threads: int
) -> None:
    """The fixture has two."""
    with make_ocr(cpu_threads=threads) as own:
        assert [content(result) for result in own.predict(paths)] == expected


def test_lists_of_several_callers(ocr: PaddleOCR, paths: list[str], expected: list[Any]) -> None:
    """Each with a list, and with one input that is missing, in another place."""
    start = threading.Barrier(4)

    def work(caller: int) -> None:
        source: list[str] = [*paths, *paths]
        source[caller] = f"missing {caller}.png"
        wanted = [*expected, *expected]
        start.wait(timeout=30)
        for position, result in enumerate(ocr.predict_iter(source)):
            if position == caller:
                assert isinstance(result.error, InputNotFoundError)
            else:
                assert content(result) == wanted[position]
        assert position == 9

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


def test_single_pages_run_on_the_callers_thread(
    ocr: PaddleOCR, paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a list, and in a document."""
    from PIL import Image

    document = tmp_path / "one page.pdf"
    Image.new("RGB", (80, 60), "white").save(document)
    frame = tmp_path / "one frame.tif"
    Image.new("RGB", (80, 60), "white").save(frame)
    started: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    for source in (paths[1], [paths[1]], document, [document], frame, np.zeros((9, 9), np.uint8)):
        assert len(ocr.predict(source)) == 1
    assert started == []


# --- callers that stop ----------------------------------------------------------------------------


def test_closing_an_iterator(
    ocr: PaddleOCR, paths: list[str], expected: list[Any], files_read: list[str]
) -> None:
    results = ocr.predict_iter(paths * 20)
    assert [content(next(results)) for _ in range(2)] == expected[:2]
    results.close()
    assert page_threads() == []
    assert files_read == paths[: len(files_read)]
    assert len(files_read) < len(paths)
    assert next(results, None) is None
    assert content(ocr.predict(paths[0])[0]) == expected[0]


def test_leaving_a_loop(
    ocr: PaddleOCR, paths: list[str], expected: list[Any], files_read: list[str]
) -> None:

    def leave() -> None:
        for _ in ocr.predict_iter(paths * 20):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        leave()
    # What has begun ends by itself; meanwhile others are served.
    assert content(ocr.predict(paths[2])[0]) == expected[2]
    for thread in page_threads():
        thread.join(timeout=30)
    assert page_threads() == []
    assert len(files_read) < len(paths)


def test_close_while_pages_are_read(
    make_ocr: MakeOCR, paths: list[str], expected: list[Any]
) -> None:
    """Calls that run are finished; others are refused."""
    own = make_ocr()
    begun = threading.Event()

    def pages() -> Iterator[dict[str, Any]]:
        for result in own.predict_iter(paths):
            begun.set()
            yield content(result)

    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(list, pages())
        assert begun.wait(timeout=30)
        own.close()
        with pytest.raises(FastOCRError, match="closed"):
            own.predict(paths[0])
        assert call.result(timeout=30) == expected


# --- asyncio --------------------------------------------------------------------------------------


def test_asyncio(ocr: PaddleOCR, paths: list[str], expected: list[Any]) -> None:
    """Several tasks through the loop's executor, while the loop goes on."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        ticker = asyncio.create_task(tick())
        calls = (loop.run_in_executor(None, ocr.predict, path) for path in paths)
        results = await asyncio.gather(*calls, loop.run_in_executor(None, ocr.predict, paths))
        ticker.cancel()
        return [[content(result) for result in pages] for pages in results]

    assert asyncio.run(main()) == [*([page] for page in expected), expected]
    assert ticks >= 10


# --- warmup ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [*WARMUP_SIZES, (64, 1000), (1, 1)], ids=str)
def test_pages_of_the_warmup(ocr: PaddleOCR, size: tuple[int, int]) -> None:
    """All their lines are found, so that recognition practises too."""
    width, height = size
    page = warmup.page(width, height)
    assert page.shape == (height, width, 3)
    (result,) = ocr.predict(page)
    if size in WARMUP_SIZES:
        assert len(result["rec_texts"]) == 16
        assert all(text.startswith("EHINTE") for text in result["rec_texts"])


@pytest.mark.parametrize(
    ("value", "sizes"), [(True, list(WARMUP_SIZES)), ([(200, 100)], [(200, 100)]), (False, [])]
)
def test_warmup_reads_its_pages(
    make_ocr: MakeOCR, monkeypatch: pytest.MonkeyPatch, value: Any, sizes: list[Any]
) -> None:
    shapes: list[tuple[int, ...]] = []

    def predict(self: PaddleOCR, pages: list[Any]) -> None:
        shapes.extend(page.shape for page in pages)

    monkeypatch.setattr(PaddleOCR, "predict", predict)
    make_ocr(warmup=value).close()
    assert shapes == [(height, width, 3) for width, height in sizes]


# --- processes ------------------------------------------------------------------------------------

# A program of its own, as the pytest process has threads, which may not be forked.
METHODS = """
import multiprocessing, sys
from fastocr import PaddleOCR

def read(path):
    with PaddleOCR(cpu_threads=1) as ocr:
        return [result["rec_texts"] for result in ocr.predict([path, path])]

if __name__ == "__main__":
    method, *paths = sys.argv[1:]
    with multiprocessing.get_context(method).Pool(2) as pool:
        print([texts for texts in pool.map(read, paths)])
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_start_methods(
    run_python: RunPython, tmp_path: Path, paths: list[str], expected: list[Any], method: str
) -> None:
    """Of multiprocessing; the package is imported before, the objects are made in the children."""
    program = tmp_path / "program.py"
    program.write_text(METHODS, encoding="utf-8")
    done = run_python(program, method, *paths[:2])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([[page["rec_texts"]] * 2 for page in expected[:2]])


FORK = """
import os, signal, sys
from fastocr import PaddleOCR, errors

path, engine = sys.argv[1:]
ocr = PaddleOCR(cpu_threads=2, engine=engine)
results = ocr.predict_iter([path] * 9)
next(results)

def refused(call, *args):
    try:
        call(*args)
    except errors.WrongProcessError as error:
        return "forked" in str(error) and isinstance(error, errors.FastOCRError)

child = os.fork()
if not child:
    signal.alarm(60)
    print("old:", refused(ocr.predict, path), refused(ocr.predict_iter, path),
          refused(next, results), refused(results.close))
    try:
        with PaddleOCR(cpu_threads=2, engine=engine) as own:
            print("new:", len(own.predict(path)[0]["rec_texts"]))
    except errors.WrongProcessError as error:
        print("new:", type(error).__name__, engine in str(error))
    ocr.close()
    sys.exit(3)
_, status = os.waitpid(child, 0)
print("end:", os.waitstatus_to_exitcode(status), len(list(results)))
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("engine", "new"), [("native", "4"), ("openvino", "WrongProcessError True")]
)
def test_a_fork_after_an_object_was_made(
    run_python: RunPython, paths: list[str], engine: str, new: str
) -> None:
    """The child can neither use it nor hang on it, and ends; the parent goes on."""
    done = run_python("-W", "ignore::DeprecationWarning", "-u", "-c", FORK, paths[0], engine)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["old: True True True True", f"new: {new}", "end: 3 8"]
    assert "nanobind" not in done.stderr


@pytest.mark.parametrize(
    "code",
    [
        # An iterator that nobody finishes.
        "results = ocr.predict_iter([path] * 9); print(len(next(results)['rec_texts']))",
        # A list that a thread reads when the main thread has ended.
        "threading.Thread(target=after_main).start()",
    ],
    ids=["unfinished", "after the main thread"],
)
def test_the_end_of_the_interpreter(run_python: RunPython, paths: list[str], code: str) -> None:
    program = f"""
import sys, threading
from fastocr import PaddleOCR
path = sys.argv[1]
ocr = PaddleOCR(cpu_threads=2, use_doc_orientation_classify=False, use_doc_unwarping=False,
                use_textline_orientation=False)
def after_main():
    threading.main_thread().join()
    print(*set(len(result["rec_texts"]) for result in ocr.predict([path] * 5)))
{code}
"""
    done = run_python("-c", program, paths[0])
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")


# --- memory ---------------------------------------------------------------------------------------

MANY_FILES = """
import sys
import cv2, numpy as np, psutil
from fastocr import PaddleOCR

folder, count = sys.argv[1], 25
paths = [f"{folder}/{index}.png" for index in range(count)]
for index, path in enumerate(paths):
    height, width = 600 + 37 * (index * 7 % count), 650 + 41 * (index * 11 % count)
    image = np.full((height, width, 3), 255, np.uint8)
    cv2.putText(image, "Page %d" % index, (60, height // 2), 0, width / 400, (0, 0, 0), 4)
    cv2.imwrite(path, image)
process = psutil.Process()
ocr = PaddleOCR(cpu_threads=2, text_det_limit_side_len=256)
for number, result in enumerate(ocr.predict_iter(paths * 9)):
    assert result.ok
    if number in (3 * count, 9 * count - 1):
        print(process.memory_info().rss / 2**20)
"""


def test_a_long_list_takes_no_more_memory(run_python: RunPython, tmp_path: Path) -> None:
    """Pages of many sizes; see `test_memory_does_not_grow` for the bound."""
    pytest.importorskip("psutil")
    done = run_python("-c", MANY_FILES, str(tmp_path))
    assert done.returncode == 0, done.stderr
    before, after = map(float, done.stdout.split())
    assert after <= 1.05 * before, f"from {before:.0f} to {after:.0f} MB"


CLOSED_OBJECTS = """
import sys, threading
import cv2, psutil
from fastocr import PaddleOCR

page = cv2.imread(sys.argv[1])

def resident():
    return psutil.Process().memory_info().rss / 2**20

def use():
    with PaddleOCR(use_textline_orientation=False, cpu_threads=2) as ocr:
        ocr.predict(page)

print(resident())
for _ in range(25):
    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(resident())
"""


def test_closed_objects_leave_no_memory(run_python: RunPython, pages_dir: Path) -> None:
    """Also those made by threads that come and go: malloc keeps a heap for each of these."""
    pytest.importorskip("psutil")
    done = run_python("-c", CLOSED_OBJECTS, pages_dir / "blank.png")
    assert done.returncode == 0, done.stderr
    before, after = map(float, done.stdout.split())
    # An object has some 100 MB. With networks on malloc's heaps 120 to 170 MB were left here, with
    # blocks of their own 25 to 35.
    assert after - before < 60, f"from {before:.0f} to {after:.0f} MB"


def broken_iterator(page: Any) -> Iterator[Any]:
    yield page
    raise KeyError("no more")


@pytest.mark.parametrize(
    ("call", "raised"),
    [
        (lambda ocr, page: ocr.predict(page), None),
        (lambda ocr, page: ocr.predict([page, b"no image"]), None),
        (lambda ocr, page: ocr.predict([page, b"no image"])[1]["rec_texts"], InputError),
        (lambda ocr, page: ocr.predict(b"no image"), InputError),
        (lambda ocr, page: ocr.predict("missing.png"), InputError),
        (lambda ocr, page: ocr.predict(broken_iterator(page)), KeyError),
        (lambda ocr, page: [*ocr.predict_iter(broken_iterator(page))], KeyError),
        (lambda ocr, page: ocr.predict(7), InputError),
    ],
)
def test_no_error_keeps_the_models_of_a_closed_object(
    make_ocr: MakeOCR, pages_dir: Path, call: Callable[..., Any], raised: Any
) -> None:
    """They go at once: the garbage collector may take its time."""
    own = make_ocr()
    models = weakref.ref(own._pipelines[0])
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(raised) if raised else nullcontext():
            call(own, str(pages_dir / "blank.png"))
        own.close()
        assert models() is None
    finally:
        gc.enable()
