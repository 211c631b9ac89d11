"""`PaddleOCR.predict` and `predict_iter` from end to end, with the real models."""

from __future__ import annotations

import threading
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fastocr import FailedResult, OCRResult, PaddleOCR
from fastocr.errors import FastOCRError, InputError, InputNotFoundError, InvalidOptionError

Array = npt.NDArray[Any]
MakeOCR = Callable[..., PaddleOCR]

KEYS = (
    "input_path",
    "page_index",
    "doc_preprocessor_res",
    "dt_polys",
    "model_settings",
    "text_det_params",
    "text_type",
    "text_rec_score_thresh",
    "return_word_box",
    "rec_texts",
    "rec_scores",
    "rec_polys",
    "vis_fonts",
    "textline_orientation_angles",
    "rec_boxes",
)


@pytest.fixture(scope="module")
def ticket_path(pages_dir: Path) -> Path:
    """A page with four lines, the quickest one with text."""
    return pages_dir / "noise_background.png"


@pytest.fixture(scope="module")
def ticket(ticket_path: Path) -> Array:
    """The same page as an array; read-only, so that no test changes it for another."""
    image = cv2.imread(str(ticket_path))
    assert image is not None
    image.setflags(write=False)
    return image


@pytest.fixture(scope="module")
def plain(ocr: PaddleOCR, ticket: Array) -> OCRResult:
    """What is read on it."""
    (result,) = ocr.predict(ticket)
    assert isinstance(result, OCRResult)
    assert len(result["rec_texts"]) == 4
    return result


def content(result: Any) -> dict[str, Any]:
    """What was read, in a form that compares exactly."""
    return {
        "dt_polys": [poly.tolist() for poly in result["dt_polys"]],
        "rec_polys": [poly.tolist() for poly in result["rec_polys"]],
        "rec_boxes": result["rec_boxes"].tolist(),
        "rec_texts": list(result["rec_texts"]),
        "rec_scores": list(result["rec_scores"]),
    }


def without_spaces(text: str) -> str:
    return "".join(text.split())


def comparable(result: Any) -> list[str]:
    """The texts without spaces: whether a gap is one depends on the last pixel of the crop."""
    return [without_spaces(text) for text in result["rec_texts"]]


def white(height: int, width: int) -> Array:
    """An empty page."""
    return np.full((height, width, 3), 255, np.uint8)


def write(image: Array, text: str, x: int, y: int, height: float = 1.0) -> None:
    """Put black text on a page; (x, y) is its bottom left corner, `height` 1 is 22 pixels."""
    thickness = max(1, round(2 * height))
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, height, (0, 0, 0), thickness)


# --- the result -----------------------------------------------------------------------------------


def test_keys_and_types(plain: OCRResult, ticket: Array) -> None:
    assert tuple(plain) == KEYS
    assert isinstance(plain, dict)
    assert plain.ok
    assert plain.error is None
    assert plain["input_path"] is None
    assert plain["page_index"] is None
    assert np.array_equal(plain["doc_preprocessor_res"]["output_img"], ticket)
    assert plain["model_settings"] == {
        "use_doc_preprocessor": False,
        "use_textline_orientation": False,
    }
    assert plain["text_type"] == "general"
    assert plain["text_rec_score_thresh"] == 0.0
    assert plain["return_word_box"] is False
    for key in ("dt_polys", "rec_polys", "rec_texts", "rec_scores", "vis_fonts"):
        assert isinstance(plain[key], list), key
        assert len(plain[key]) == 4, key
    for poly in plain["dt_polys"] + plain["rec_polys"]:
        assert poly.shape == (4, 2)
        assert poly.dtype == np.int16
    assert all(isinstance(text, str) for text in plain["rec_texts"])
    assert all(type(score) is float and 0 <= score <= 1 for score in plain["rec_scores"])
    assert plain["textline_orientation_angles"] == [-1] * 4


def test_detection_parameters_are_reported(plain: OCRResult) -> None:
    assert list(plain["text_det_params"].items()) == [
        ("limit_side_len", 960),
        ("limit_type", "max"),
        ("thresh", 0.3),
        ("max_side_limit", 4000),
        ("box_thresh", 0.6),
        ("unclip_ratio", 2.0),
    ]


def test_boxes_bound_the_polygons(plain: OCRResult) -> None:
    boxes = plain["rec_boxes"]
    assert boxes.shape == (4, 4)
    assert boxes.dtype == np.int16
    for box, poly in zip(boxes, plain["rec_polys"], strict=True):
        assert box.tolist() == [*poly.min(axis=0), *poly.max(axis=0)]


def test_blank_page(ocr: PaddleOCR, pages_dir: Path) -> None:
    """Without boxes there are no angles, and `rec_boxes` is the reference's empty float array."""
    (result,) = ocr.predict(str(pages_dir / "blank.png"))
    assert tuple(result) == tuple(key for key in KEYS if key != "textline_orientation_angles")
    for key in ("dt_polys", "rec_polys", "rec_texts", "rec_scores", "vis_fonts"):
        assert result[key] == [], key
    assert result["rec_boxes"].shape == (0,)
    assert result["rec_boxes"].dtype == np.float64
    assert result.ok


def test_polygons_of_very_wide_pages_do_not_wrap(ocr: PaddleOCR) -> None:
    """The reference's int16 ends at 32767 pixels."""
    page = white(100, 34_000)
    write(page, "WIDE", 33_000, 90, height=3)
    (result,) = ocr.predict(page, text_det_limit_type="resize_long", text_det_limit_side_len=4000)
    assert result["rec_texts"] == ["WIDE"]
    assert result["dt_polys"][0].dtype == np.int32
    left, top, right, bottom = result["rec_boxes"][0]
    assert 32_800 < left < 33_050
    assert 33_200 < right < 33_400
    assert 0 <= top < bottom <= 100


# --- options --------------------------------------------------------------------------------------


def test_score_threshold_filters_what_was_recognised(
    ocr: PaddleOCR, ticket: Array, plain: OCRResult
) -> None:
    """`dt_polys` and the angles keep all lines; a line with exactly the threshold stays."""
    scores = sorted(plain["rec_scores"])
    threshold = scores[2]
    assert scores[1] < threshold
    kept = [i for i, score in enumerate(plain["rec_scores"]) if score >= threshold]
    (result,) = ocr.predict(ticket, text_rec_score_thresh=threshold)
    assert content(result)["dt_polys"] == content(plain)["dt_polys"]
    assert len(result["textline_orientation_angles"]) == 4
    for key in ("rec_texts", "rec_scores", "rec_polys", "rec_boxes"):
        assert content(result)[key] == [content(plain)[key][i] for i in kept], key
    assert len(result["vis_fonts"]) == 2
    assert result["text_rec_score_thresh"] == threshold


def test_nothing_passes_a_high_threshold(ocr: PaddleOCR, ticket: Array) -> None:
    (result,) = ocr.predict(ticket, text_rec_score_thresh=2)
    assert len(result["dt_polys"]) == 4
    assert result["rec_texts"] == []
    assert result["rec_boxes"].shape == (0,)
    assert "textline_orientation_angles" in result


def test_predict_overrides_the_constructor(
    make_ocr: MakeOCR, ticket: Array, plain: OCRResult
) -> None:
    """For one call only; None leaves the constructor's value, and 0 is a value."""
    with make_ocr(text_rec_score_thresh=2, text_det_limit_side_len=800, text_det_thresh=0.2) as own:
        (result,) = own.predict(
            ticket, text_rec_score_thresh=0, text_det_limit_side_len=960, text_det_thresh=0.3
        )
        assert content(result) == content(plain)
        assert result["text_det_params"]["limit_side_len"] == 960
        (result,) = own.predict(ticket, text_det_box_thresh=0.5, text_rec_score_thresh=None)
    assert result["rec_texts"] == []
    assert result["text_rec_score_thresh"] == 2
    assert result["text_det_params"]["limit_side_len"] == 800
    assert result["text_det_params"]["thresh"] == 0.2
    assert result["text_det_params"]["box_thresh"] == 0.5


@pytest.mark.parametrize(
    ("limit_type", "side_length"), [("max", 320), ("min", 300), ("resize_long", 640)]
)
def test_limit_types(
    ocr: PaddleOCR, ticket: Array, plain: OCRResult, limit_type: str, side_length: int
) -> None:
    """Boxes come back in pixels of the page, whatever the size of the network's input."""
    (result,) = ocr.predict(
        ticket, text_det_limit_type=limit_type, text_det_limit_side_len=side_length
    )
    assert result["text_det_params"]["limit_type"] == limit_type
    assert result["text_det_params"]["limit_side_len"] == side_length
    assert comparable(result) == comparable(plain)
    assert np.abs(np.subtract(result["dt_polys"], plain["dt_polys"], dtype=int)).max() <= 12


@pytest.mark.parametrize(
    "options",
    [
        {"text_det_input_shape": (3, 256, 448)},
        {"text_rec_input_shape": (3, 48, 320)},
        {"text_recognition_batch_size": 1},
        {"text_recognition_batch_size": 1000},
    ],
    ids=lambda options: "-".join(map(str, options.items())),
)
def test_network_input_options(
    make_ocr: MakeOCR, ticket: Array, plain: OCRResult, options: dict[str, Any]
) -> None:
    with make_ocr(**options) as own:
        (result,) = own.predict(ticket)
    assert comparable(result) == comparable(plain)
    assert np.abs(np.subtract(result["dt_polys"], plain["dt_polys"], dtype=int)).max() <= 12


def test_batch_size_decides_the_padding(make_ocr: MakeOCR, ocr: PaddleOCR, pages_dir: Path) -> None:
    """Lines of one batch are padded to its widest, which the scores show; the default is 6."""
    page = pages_dir / "long_line.png"
    (expected,) = ocr.predict(page)
    for size, same in ((6, True), (1, False)):
        with make_ocr(text_recognition_batch_size=size) as own:
            (result,) = own.predict(page)
        assert (content(result) == content(expected)) is same
        assert content(result)["dt_polys"] == content(expected)["dt_polys"]


def test_wrong_options_of_predict(ocr: PaddleOCR, ticket: Array) -> None:
    predict: Any = ocr.predict
    with pytest.raises(InvalidOptionError, match="text_det_thresh"):
        predict(ticket, text_det_thresh="0.3")
    with pytest.raises(TypeError):
        predict(ticket, text_recognition_batch_size=1)
    with pytest.raises(TypeError):
        predict(ticket, False)


# --- inputs ---------------------------------------------------------------------------------------


def test_path_equals_array(
    ocr: PaddleOCR, ticket_path: Path, plain: OCRResult, tmp_path: Path
) -> None:
    unicode_path = tmp_path / "Übersicht 資料 🧾.png"
    unicode_path.write_bytes(ticket_path.read_bytes())
    for path in (str(ticket_path), ticket_path, unicode_path):
        (result,) = ocr.predict(path)
        assert content(result) == content(plain)
        assert result["input_path"] == str(path)
        assert result["page_index"] is None


def with_alpha(image: Array) -> Array:
    alpha = np.arange(image.shape[0] * image.shape[1], dtype=np.uint8)
    return np.dstack([image, alpha.reshape(image.shape[:2])])


def in_a_wider_page(image: Array) -> Array:
    height, width, _ = image.shape
    page = np.zeros((height + 10, width + 10, 3), np.uint8)
    page[5:-5, 5:-5] = image
    return page[5:-5, 5:-5]


ARRAYS: dict[str, Callable[[Array], Array]] = {
    "plain": np.copy,
    "read-only": lambda image: image,
    "BGRA": with_alpha,
    "uint16": lambda image: image.astype(np.uint16) * 257,
    "float32": lambda image: image.astype(np.float32),
    "float64": lambda image: image.astype(np.float64),
    "Fortran": np.asfortranarray,
    "part of a page": in_a_wider_page,
    "every second row": lambda image: image.repeat(2, axis=0)[::2],
    "flipped twice": lambda image: image[::-1, ::-1].copy()[::-1, ::-1],
    "channels reversed twice": lambda image: image[..., ::-1].copy()[..., ::-1],
    "planes": lambda image: image.transpose(2, 0, 1).copy().transpose(1, 2, 0),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_array_kinds(ocr: PaddleOCR, ticket: Array, plain: OCRResult, kind: str) -> None:
    array = ARRAYS[kind](ticket)
    before = array.copy()
    (result,) = ocr.predict(array)
    assert content(result) == content(plain)
    assert np.array_equal(array, before)


@pytest.mark.parametrize("shape", ["(H, W)", "(H, W, 1)"])
def test_gray_arrays(ocr: PaddleOCR, ticket: Array, shape: str) -> None:
    gray = cv2.cvtColor(ticket, cv2.COLOR_BGR2GRAY)
    (expected,) = ocr.predict(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
    assert len(expected["rec_texts"]) == 4
    before = gray.copy()
    (result,) = ocr.predict(gray if shape == "(H, W)" else gray[..., np.newaxis])
    assert content(result) == content(expected)
    assert result["doc_preprocessor_res"]["output_img"].shape == ticket.shape
    assert np.array_equal(gray, before)


def test_drawing_leaves_the_array_alone(ocr: PaddleOCR, ticket: Array) -> None:
    """The result may hold the caller's array itself, so that a picture must be drawn on a copy."""
    image = ticket.copy()
    (result,) = ocr.predict(image)
    assert result.img["ocr_res_img"].size == (2 * image.shape[1], image.shape[0])
    assert np.array_equal(image, ticket)


def test_pdf_pages(ocr: PaddleOCR, tmp_path: Path) -> None:
    """Pages are rendered anew, hence only the text is compared."""
    path = tmp_path / "two pages.pdf"
    first, second = white(120, 420), white(120, 420)
    write(first, "First page", 40, 70)
    write(second, "Second page", 40, 70)
    images = [Image.fromarray(first), Image.fromarray(second)]
    images[0].save(path, save_all=True, append_images=images[1:])
    results = ocr.predict(path)
    assert [(r["page_index"], r["rec_texts"]) for r in results] == [
        (0, ["First page"]),
        (1, ["Second page"]),
    ]
    assert {r["input_path"] for r in results} == {str(path)}
    assert results[0]["doc_preprocessor_res"]["output_img"].shape == (240, 840, 3)


def test_tiff_frames(ocr: PaddleOCR, ticket: Array, plain: OCRResult, tmp_path: Path) -> None:
    path = tmp_path / "scan.tiff"
    frames = [Image.fromarray(ticket[..., ::-1]), Image.new("RGB", (90, 80), "white")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    first, second = ocr.predict(str(path))
    assert (first["page_index"], second["page_index"]) == (0, 1)
    assert content(first) == content(plain)
    assert second["rec_texts"] == []


def test_bad_items_of_a_list_stay_in_their_places(
    ocr: PaddleOCR, ticket: Array, ticket_path: Path, plain: OCRResult, tmp_path: Path
) -> None:
    missing, corrupt = tmp_path / "missing.png", tmp_path / "corrupt.png"
    corrupt.write_bytes(b"not a picture")
    source = [ticket, missing, ticket_path, corrupt, 7, np.zeros((0, 5, 3), np.uint8), white(9, 9)]
    results = ocr.predict(source)
    assert [r.ok for r in results] == [True, False, True, False, False, False, True]
    assert [r["input_path"] for r in results] == [
        None, str(missing), str(ticket_path), str(corrupt), None, None, None,
    ]  # fmt: skip
    assert content(results[0]) == content(results[2]) == content(plain)
    assert results[6]["rec_texts"] == []
    assert isinstance(results[1].error, InputNotFoundError)
    for index in (1, 3, 4, 5):
        failed = results[index]
        assert isinstance(failed, FailedResult)
        assert isinstance(failed.error, InputError)
        assert failed["error"] == str(failed.error)
        with pytest.raises(InputError):
            failed["rec_texts"]


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_and_tuples(ocr: PaddleOCR, ticket: Array, plain: OCRResult, kind: type) -> None:
    """The same array may be given twice."""
    blank = white(64, 64)
    results = ocr.predict(kind([ticket, blank, ticket]))
    assert [len(r["rec_texts"]) for r in results] == [4, 0, 4]
    assert content(results[0]) == content(results[2]) == content(plain)
    assert ocr.predict(kind([])) == []


def test_single_bad_input_raises(ocr: PaddleOCR, tmp_path: Path) -> None:
    missing, corrupt = tmp_path / "missing.png", tmp_path / "corrupt.png"
    corrupt.write_bytes(b"not a picture")
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        ocr.predict(missing)
    with pytest.raises(InputNotFoundError, match=r"missing\.png"):
        ocr.predict(str(missing))
    with pytest.raises(InputError, match=r"corrupt\.png"):
        ocr.predict(corrupt)
    for wrong in (None, 7, b"page.png", np.zeros((0, 0, 3), np.uint8), np.zeros(5, np.uint8)):
        with pytest.raises(InputError):
            ocr.predict(wrong)


def test_input_may_be_named(ocr: PaddleOCR) -> None:
    """As in calls written for the reference."""
    assert ocr.predict(input=white(40, 40))[0]["rec_texts"] == []
    assert next(ocr.predict_iter(input=white(40, 40)))["rec_texts"] == []


# --- generators -----------------------------------------------------------------------------------


def test_predict_iter_reads_a_few_inputs_ahead(
    ocr: PaddleOCR, ticket_path: Path, plain: OCRResult, tmp_path: Path
) -> None:
    """The fourth file appears only after the first result."""
    later = tmp_path / "later.png"
    results = ocr.predict_iter([white(40, 40)] * 3 + [later])
    assert next(results)["rec_texts"] == []
    later.write_bytes(ticket_path.read_bytes())
    assert [next(results)["rec_texts"] for _ in range(2)] == [[], []]
    assert content(next(results)) == content(plain)
    with pytest.raises(StopIteration):
        next(results)


def test_predict_iter_checks_at_once(ocr: PaddleOCR, tmp_path: Path) -> None:
    """Wrong options are reported by the call itself, what is wrong with inputs when it is read."""
    with pytest.raises(InvalidOptionError, match="text_det_limit_type"):
        ocr.predict_iter(white(40, 40), text_det_limit_type="median")
    results = ocr.predict_iter(tmp_path / "missing.png")
    with pytest.raises(InputNotFoundError):
        next(results)


def test_predict_iter_equals_predict(
    ocr: PaddleOCR, ticket_path: Path, ticket: Array, plain: OCRResult
) -> None:
    results = ocr.predict_iter([ticket_path, ticket], text_rec_score_thresh=0)
    assert [content(result) for result in results] == [content(plain)] * 2


def test_abandoned_generators_block_nothing(ocr: PaddleOCR, tmp_path: Path) -> None:
    """In the reference an unfinished PDF blocks every other one."""
    path = tmp_path / "pages.pdf"
    blank = Image.new("RGB", (80, 60), "white")
    blank.save(path, save_all=True, append_images=[blank, blank])
    unfinished = ocr.predict_iter(path)
    next(unfinished)
    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(ocr.predict, path).result(timeout=30)) == 3
    assert len(list(unfinished)) == 2


# --- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 64), (64, 1), (31, 32), (20_000, 50), (50, 20_000)]
)
def test_extreme_sizes(ocr: PaddleOCR, height: int, width: int) -> None:
    page = white(height, width)
    (result,) = ocr.predict(page)
    assert result["dt_polys"] == []
    assert result["doc_preprocessor_res"]["output_img"].shape == page.shape


@pytest.mark.parametrize("turns", [0, 3], ids=["wide", "tall"])
def test_long_strips_are_read(ocr: PaddleOCR, turns: int) -> None:
    """A strip is shrunk fivefold along its length only; the other side is at its least, 32."""
    page = white(50, 20_000)
    write(page, "Far right", 19_700, 40)
    (result,) = ocr.predict(
        np.rot90(page, turns), text_det_limit_type="min", text_det_limit_side_len=50
    )
    assert result["rec_texts"] == ["Far right"]
    box = result["rec_boxes"][0]
    along = [box[0], box[2]] if turns == 0 else [box[1], box[3]]
    assert 19_600 < along[0] < 19_720
    assert 19_800 < along[1] < 19_900


def test_no_text(ocr: PaddleOCR) -> None:
    """A smooth picture, not an even one."""
    y, x = np.mgrid[0:300, 0:400]
    page = np.dstack([x // 2, y // 2, (x + y) // 4]).astype(np.uint8)
    (result,) = ocr.predict(page)
    assert result["rec_texts"] == []


def test_a_thousand_lines(make_ocr: MakeOCR) -> None:
    """Each one found once and read, in reading order.

    A narrow network input is enough for four digits and keeps the test short.
    """
    rows, columns, height, width = 40, 25, 36, 64
    page = white(rows * height, columns * width)
    numbers = [f"{i:04d}" for i in range(rows * columns)]
    for i, number in enumerate(numbers):
        row, column = divmod(i, columns)
        cv2.putText(
            page, number, (column * width + 6, row * height + 26), cv2.FONT_HERSHEY_SIMPLEX, 0.6,
            (0, 0, 0), 2, cv2.LINE_AA,
        )  # fmt: skip
    with make_ocr(text_rec_input_shape=(3, 48, 96), text_det_limit_side_len=1600) as own:
        (result,) = own.predict(page)
    assert len(result["rec_texts"]) == len(numbers)
    # All were read right where this was written; other CPUs round differently.
    assert sum(map(str.__eq__, result["rec_texts"], numbers)) >= 990


def test_memory_of_a_large_page(run_python: Callable[..., Any]) -> None:
    """A page of 10000 x 10000 pixels costs the image itself, which the test holds, and little more.

    Detection runs on a page shrunk to 960 pixels. A copy of the page would cost another 300 MB.
    """
    done = run_python("-c", LARGE_PAGE)
    assert done.returncode == 0, done.stderr
    text, growth, image_size = done.stdout.split(";")
    assert text == "Hello page"
    assert float(growth) <= float(image_size) + 250, "MB"


LARGE_PAGE = """
import resource
import cv2, numpy as np
from fastocr import PaddleOCR

ocr = PaddleOCR(cpu_threads=2)

def page(scale):
    image = np.full((1000 * scale, 1000 * scale, 3), 255, np.uint8)
    cv2.putText(image, "Hello page", (100 * scale, 500 * scale), 0, 3 * scale, (0, 0, 0), 6 * scale)
    return image

def read(image):
    (result,) = ocr.predict(image)
    return result["rec_texts"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

texts, before = read(page(1))
assert texts == ["Hello page"], texts
large = page(10)
texts, after = read(large)
print(*texts, after - before, large.nbytes / 2**20, sep=";", end="")
"""


def test_memory_does_not_grow(run_python: Callable[..., Any]) -> None:
    """Predictions on pages of many sizes, after a warm-up that meets each of them twice.

    The engine keeps the kernels of the sizes it has met, up to a limit, hence the warm-up. A page
    has 1 to 8 MB, so that one kept page in ten predictions would exceed the bound of 5 %; smaller
    growth cannot be told from what the allocator does not return.
    """
    pytest.importorskip("psutil")
    done = run_python("-c", MANY_PAGES)
    assert done.returncode == 0, done.stderr
    lines, before, after = map(float, done.stdout.split())
    assert lines >= 150
    assert after <= 1.05 * before, f"from {before:.0f} to {after:.0f} MB"


MANY_PAGES = """
import cv2, numpy as np, psutil
from fastocr import PaddleOCR

ocr = PaddleOCR(cpu_threads=2, text_det_limit_side_len=256)
process = psutil.Process()

def page(index):
    height, width = 600 + 37 * (index * 7 % 25), 650 + 41 * (index * 11 % 25)
    image = np.full((height, width, 3), 255, np.uint8)
    cv2.putText(image, "Page %d" % index, (60, height // 2), 0, width / 400, (0, 0, 0), 4)
    return image

def read(rounds):
    lines = 0
    for _ in range(rounds):
        for index in range(25):
            (result,) = ocr.predict(page(index))
            lines += len(result["rec_texts"])
    return lines, process.memory_info().rss / 2**20

_, before = read(2)
lines, after = read(6)
print(lines, before, after)
"""


# --- threads and life time ------------------------------------------------------------------------


def test_threads_share_one_object(ocr: PaddleOCR, pages_dir: Path) -> None:
    """Eight threads, each with the pages in another order, get what a single one gets."""
    names = ("noise_background.png", "blank.png", "vertical.png", "small_on_gray.png")
    images = [cv2.imread(str(pages_dir / name)) for name in names]
    expected = [content(ocr.predict(image)[0]) for image in images]
    start = threading.Barrier(8)

    def work(thread: int) -> list[int]:
        start.wait(timeout=30)
        order = [(thread + i) % len(images) for i in range(len(images))]
        return [i for i in order if content(ocr.predict(images[i])[0]) != expected[i]]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [[]] * 8


def test_errors_stay_with_their_thread(
    ocr: PaddleOCR, ticket: Array, plain: OCRResult, tmp_path: Path
) -> None:
    def work(thread: int) -> bool:
        if thread % 2:
            with pytest.raises(InputNotFoundError):
                ocr.predict(tmp_path / f"missing {thread}.png")
            return True
        return content(ocr.predict(ticket)[0]) == content(plain)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_other_python_threads_run_meanwhile(ocr: PaddleOCR, pages_dir: Path) -> None:
    """While one thread predicts, another one that wakes up every millisecond makes progress.

    If predict held the interpreter's lock, the other thread could run only before and after it.
    """
    image = cv2.imread(str(pages_dir / "table.png"))
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        begin = time.perf_counter()
        ocr.predict(image)
        end = time.perf_counter()
    finally:
        done.set()
        ticker.join()
    middle = [t for t in ticks if begin + 0.1 * (end - begin) < t < end - 0.1 * (end - begin)]
    assert len(middle) >= 10


def test_close(make_ocr: MakeOCR) -> None:
    own = make_ocr()
    pending = own.predict_iter([white(40, 40), white(40, 40)])
    next(pending)
    own.close()
    own.close()
    with pytest.raises(FastOCRError, match="closed"):
        own.predict(white(40, 40))
    with pytest.raises(FastOCRError, match="closed"):
        own.predict_iter(white(40, 40))
    # What was begun before is finished.
    assert next(pending)["rec_texts"] == []


def test_context_manager(make_ocr: MakeOCR, ticket: Array, plain: OCRResult) -> None:
    with make_ocr() as own:
        (result,) = own.predict(ticket)
    with pytest.raises(FastOCRError, match="closed"):
        own.predict(ticket)
    # Results do not depend on the object that made them.
    assert content(result) == content(plain)


def test_exceptions_leave_the_context_manager(make_ocr: MakeOCR) -> None:
    with pytest.raises(ZeroDivisionError), make_ocr():
        raise ZeroDivisionError


# --- photographs ----------------------------------------------------------------------------------


def test_photographs(ocr: PaddleOCR, real_images: Path) -> None:
    """The lines found word by word in photographs, scans and receipts.

    A floor against gross damage (swapped colours, turned crops), which the rendered pages might
    not show. It is no measure of accuracy: some of the images are beyond a model of this size.
    """
    expected: list[str] = []
    found: list[bool] = []
    for truth in sorted((real_images / "gt").glob("*.txt")):
        (result,) = ocr.predict(real_images / "images" / truth.stem)
        read = {normalized(line) for line in result["rec_texts"]}
        lines = [normalized(line) for line in truth.read_text(encoding="utf-8").splitlines()]
        expected += lines
        found += [line in read for line in lines]
    missed = [line for line, hit in zip(expected, found, strict=True) if not hit]
    assert sum(found) / len(expected) >= 0.5, missed


def normalized(text: str) -> str:
    """Without spaces and without the difference between full-width and ordinary punctuation."""
    return without_spaces(unicodedata.normalize("NFKC", text))
