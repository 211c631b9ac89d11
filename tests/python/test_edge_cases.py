"""The reference's edge cases, by number: what is done, what comes of it, and how the two compare.

A row that says `MATCHES` has the result of PaddleOCR 3.7; the others say what fastocr does instead,
and `docs/compatibility.md` says why. Longer tests of the same places stand with their subject.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import httpx
import numpy as np
import pytest
import yaml
from PIL import Image

from fastocr import PaddleOCR, TextDetection, TextRecognition, _core, cli, languages
from fastocr.errors import (
    InputError,
    InputNotFoundError,
    InvalidOptionError,
    ModelFormatError,
    ModelNotFoundError,
)
from fastocr.inputs import InputOptions, iter_pages
from fastocr.results import FailedResult
from tests.python.onnx_writer import OnnxNetwork
from tests.python.serving.conftest import Borrowed, running
from tests.python.test_inputs import make_pdf, pdf_of_pages
from tests.python.web import serving

CASES = range(1, 50)
MATCHES = "matches the reference"
WHITE = np.full((80, 120, 3), 255, np.uint8)


class Fails(NamedTuple):
    """The error that a row expects, and what its message names."""

    kind: type[Exception]
    names: str


@dataclass(frozen=True)
class Setting:
    """What rows work with."""

    ocr: PaddleOCR
    make_ocr: Callable[..., PaddleOCR]
    folder: Path
    pages: Path
    orientation_dir: Path
    client: Callable[[], httpx.Client]
    caplog: pytest.LogCaptureFixture
    capsys: pytest.CaptureFixture[str]

    def page(self, name: str = "english") -> np.ndarray:
        image = cv2.imread(str(self.pages / f"{name}.png"))
        assert image is not None
        return image

    def line(self) -> np.ndarray:
        """The first line of a page, with some white around it."""
        image = self.page()
        left, top, right, bottom = self.ocr.predict(image)[0]["rec_boxes"][0]
        return image[top - 4 : bottom + 4, left - 4 : right + 4]

    def write(self, name: str, content: bytes) -> str:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return str(file)

    def save(self, name: str, image: np.ndarray) -> str:
        return self.write(name, cv2.imencode(Path(name).suffix, image)[1].tobytes())

    def read(self, source: Any, **options: Any) -> Any:
        """The result of a single page."""
        (result,) = self.ocr.predict(source, **options)
        return result

    def texts(self, source: Any, **options: Any) -> list[str]:
        return list(self.read(source, **options)["rec_texts"])


@dataclass(frozen=True)
class Row:
    """One row of the table: `expected` is a value, a predicate, or the error."""

    case: int
    name: str
    do: Callable[[Setting], Any]
    expected: Any
    verdict: str = MATCHES


@pytest.fixture(scope="module")
def service(ocr: PaddleOCR) -> Iterator[Callable[[], httpx.Client]]:
    """Starts a service for the first row that needs one."""
    entered: list[Any] = []

    def client() -> httpx.Client:
        if not entered:
            context = running(lambda: Borrowed(ocr))  # type: ignore[arg-type, return-value]
            one = context.__enter__()
            entered.extend([context, one.client()])
        return entered[1]

    yield client
    if entered:
        entered[1].close()
        entered[0].__exit__(None, None, None)


@pytest.fixture
def setting(
    ocr: PaddleOCR,
    make_ocr: Callable[..., PaddleOCR],
    tmp_path: Path,
    pages_dir: Path,
    orientation_dir: Path,
    service: Callable[[], httpx.Client],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> Setting:
    return Setting(ocr, make_ocr, tmp_path, pages_dir, orientation_dir, service, caplog, capsys)


def is_empty(result: Any) -> bool:
    """Whether this is the result of a page without text."""
    boxes = result["rec_boxes"]
    lists = ("dt_polys", "rec_texts", "rec_scores", "rec_polys")
    no_lists = all(result[key] == [] for key in lists)
    no_angles = "textline_orientation_angles" not in result
    return bool(no_lists and no_angles and boxes.shape == (0,) and boxes.dtype == np.float64)


def box(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)


def crop_shape(x0: int, y0: int, x1: int, y1: int) -> tuple[int, ...]:
    return tuple(_core.crop_quad(np.zeros((60, 60, 3), np.uint8), box(x0, y0, x1, y1)).shape)


def order(*places: tuple[int, int]) -> list[int]:
    """Reading order of boxes of 30 x 10 pixels by their first corner."""
    boxes = np.array([box(x, y, x + 30, y + 10) for x, y in places], np.int32)
    return [int(i) for i in _core.reading_order(boxes)]


def words(characters: list[str], *, line: np.ndarray | None = None) -> list[str]:
    """The words of a text with one character a column."""
    where = box(0, 0, 100, 20) if line is None else line
    columns = list(range(len(characters)))
    return list(_core.word_boxes(where, characters, columns, max(len(columns), 1))[0])


def spots(count: int) -> np.ndarray:
    """A probability map of `count` texts of 12 x 6 pixels, row after row."""
    across = 40
    rows = -(-count // across)
    spot_map = np.zeros((rows * 12, across * 20), np.float32)
    for number in range(count):
        y, x = divmod(number, across)
        spot_map[12 * y + 3 : 12 * y + 9, 20 * x + 4 : 20 * x + 16] = 0.9
    return spot_map


def spot_boxes(count: int, **params: Any) -> np.ndarray:
    spot_map = spots(count)
    height, width = spot_map.shape
    return _core.boxes_from_map(spot_map, width, height, _core.PageParams(**params))


def pages_of(*args: Any, **options: Any) -> list[Any]:
    return list(iter_pages(args[0], InputOptions(**options)))


def errors_of(pages: list[Any]) -> list[type[Exception] | None]:
    return [None if page.error is None else type(page.error) for page in pages]


def failure(source: Any, **options: Any) -> None:
    """Raise the error of the only page."""
    (page,) = pages_of(source, **options)
    assert page.error is not None
    raise page.error


# ---- what rows with more than one step do --------------------------------------------------------


def text_in_a_file_of(setting: Setting, mode: str) -> bool:
    """Whether a file of this mode reads as the page does."""
    page = Image.open(setting.pages / "english.png").convert("RGB")
    file = setting.folder / "page.png"
    if mode == "I;16":
        gray = np.asarray(page.convert("L")).astype(np.uint16) * 257
        Image.fromarray(gray).save(file)
    else:
        page.convert(mode).save(file)
    return setting.texts(file) == setting.texts(np.asarray(page)[..., ::-1])


def text_in_an_array_of(setting: Setting, convert: Callable[[np.ndarray], Any]) -> bool:
    page = setting.page()
    return setting.texts(convert(page)) == setting.texts(page)


def logged(setting: Setting, action: Callable[[], Any]) -> str:
    setting.caplog.set_level(logging.WARNING, "fastocr")
    action()
    return setting.caplog.text


def wide_page_text(setting: Setting) -> int:
    """Where the last line of a page of 4800 pixels begins."""
    line = setting.line()
    page = np.full((120, 4800, 3), 255, np.uint8)
    page[40 : 40 + len(line), 4780 - line.shape[1] : 4780] = line
    result = setting.read(page, text_det_limit_type="min", text_det_limit_side_len=64)
    return int(result["rec_boxes"][-1][0])


def drawn_into(setting: Setting) -> bool:
    """Whether drawing the result of a detection changes the caller's array."""
    page = setting.page()
    before = page.copy()
    detection = TextDetection(cpu_threads=2)
    assert detection.predict(page)[0].img
    return not np.array_equal(page, before)


def directions(setting: Setting) -> list[int]:
    """The directions of four lines, of which the second and the fourth are upside down."""
    line = setting.line()
    height, width = line.shape[:2]
    page = np.full((4 * height + 100, width + 40, 3), 255, np.uint8)
    for number in range(4):
        top = 20 + number * (height + 20)
        page[top : top + height, 20 : 20 + width] = line[::-1, ::-1] if number % 2 else line
    reader = setting.make_ocr(use_textline_orientation=True)
    return list(reader.predict(page)[0]["textline_orientation_angles"])


def turned(setting: Setting, quarter: int) -> tuple[int, bool]:
    """The angle of a page, and whether it is turned back exactly."""
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:32, :48] = 255
    upright[:32, :48, 0] = np.arange(48)
    page = np.ascontiguousarray(np.rot90(upright, -quarter))
    reader = setting.make_ocr(
        doc_orientation_classify_model_dir=setting.orientation_dir,
        use_doc_orientation_classify=True,
    )
    document = reader.predict(page)[0]["doc_preprocessor_res"]
    return document["angle"], bool(np.array_equal(document["output_img"], upright))


def abandoned_pdf(setting: Setting) -> int:
    """Pages of a second PDF, on another thread, while the first is half read."""
    pdf = setting.write("two.pdf", pdf_of_pages(b"/MediaBox[0 0 40 40]", b"/MediaBox[0 0 50 50]"))
    first = setting.ocr.predict_iter(pdf)
    next(first)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(len(setting.ocr.predict(pdf))))
    thread.start()
    thread.join(60)
    first.close()
    return found[0]


def directory(setting: Setting) -> str:
    setting.save("in/b.png", WHITE)
    setting.write("in/A.PNG", png())
    setting.save("in/deep/er/c.jpg", WHITE)
    setting.write("in/d.pdf", pdf_of_pages(b"/MediaBox[0 0 40 40]", b"/MediaBox[0 0 40 40]"))
    setting.write("in/notes.txt", b"no page")
    return str(setting.folder / "in")


def fetched(setting: Setting, name: str) -> Any:
    with serving() as server:
        content = cv2.imencode(".png", WHITE)[1].tobytes()
        server.serve("/page.png", content)
        return errors_of(pages_of(server.url(name), allow_private_urls=True))


def unreachable(setting: Setting) -> None:
    with serving() as server:
        gone = server.url("/page.png")
    failure(gone, allow_private_urls=True)


def tiff(setting: Setting, frames: int) -> list[int | None]:
    file = setting.folder / "pages.tif"
    first, *others = [Image.fromarray(WHITE + np.uint8(number)) for number in range(frames)]
    first.save(file, save_all=True, append_images=others)
    return [result["page_index"] for result in setting.ocr.predict(str(file))]


def stub_pipeline(setting: Setting) -> PaddleOCR:
    """A pipeline that finds what is dark, and reads nothing there."""
    detection, recognition = setting.folder / "detection", setting.folder / "recognition"
    names = {detection: "PP-OCRv5_mobile_det", recognition: "PP-OCRv5_mobile_rec"}
    for folder, name in names.items():
        folder.mkdir()
        config = {"Global": {"model_name": name}, "PostProcess": {"character_dict": ["a", "b"]}}
        (folder / "inference.yml").write_text(yaml.safe_dump(config))
    network = OnnxNetwork([-1, 3, -1, -1])
    weights = network.constant(np.full((1, 3, 1, 1), -5, np.float32))
    network.save(
        detection / "inference.onnx",
        network.node("Sigmoid", network.node("Conv", "image", weights)),
    )
    network = OnnxNetwork([-1, 3, 48, -1])
    blank = np.zeros((4, 3, 48, 8), np.float32)
    scores = network.node(
        "Conv",
        "image",
        network.constant(blank),
        network.constant(np.float32([9, 0, 0, 0])),
        strides=[48, 8],
    )
    flat = network.node("Squeeze", scores, network.constant([2], np.int64))
    steps = network.node("Transpose", flat, perm=[0, 2, 1])
    network.save(recognition / "inference.onnx", network.node("Softmax", steps, axis=2))
    return setting.make_ocr(
        text_detection_model_dir=detection, text_recognition_model_dir=recognition
    )


def empty_line(setting: Setting, **options: Any) -> tuple[list[str], list[float]]:
    page = np.full((96, 160, 3), 255, np.uint8)
    page[30:60, 30:130] = 0
    result = stub_pipeline(setting).predict(page, **options)[0]
    return result["rec_texts"], result["rec_scores"]


def thresholds(setting: Setting) -> tuple[int, int, int]:
    result = setting.read(setting.page(), text_rec_score_thresh=2)
    angles = result["textline_orientation_angles"]
    return len(result["rec_texts"]), len(result["dt_polys"]), len(angles)


def saved(setting: Setting, path: str | None, image_too: bool = False) -> list[str]:
    """The names of the files that saving makes, below the folder."""
    result = setting.read(WHITE)
    target = None if path is None else str(setting.folder / path)
    if image_too:
        result.save_to_img(target)
    else:
        result.save_to_json(target)
    files = (file for file in setting.folder.rglob("*") if file.is_file())
    return sorted(str(file.relative_to(setting.folder)) for file in files)


def saved_text(setting: Setting) -> tuple[bool, list[str], list[str]]:
    """Whether letters are kept, and the outermost keys of file and attribute."""
    result = setting.read(setting.page("chinese"))
    result.save_to_json(str(setting.folder / "out.json"))
    text = (setting.folder / "out.json").read_text(encoding="utf-8")
    own = sorted(json.loads(text))[:1]
    return result["rec_texts"][0] in text, own, list(result.json)


def exported(setting: Setting) -> bool:
    """Whether an exported configuration with another batch size loads again to the same."""
    reader = setting.make_ocr(text_recognition_batch_size=1, text_det_thresh=0.4)
    file = setting.folder / "pipeline.yml"
    reader.export_paddlex_config_to_yaml(file)
    again = setting.make_ocr(paddlex_config=str(file))
    page = setting.page()
    return again.predict(page)[0].json == reader.predict(page)[0].json


def model_folder(setting: Setting, name: str | None, *files: str) -> Path:
    folder = setting.folder / "model"
    folder.mkdir()
    if name is not None:
        (folder / "inference.yml").write_text(f"Global: {{model_name: {name}}}\n")
    for file in files:
        (folder / file).write_bytes(b"")
    return folder


def command(setting: Setting, *arguments: str) -> tuple[int, str]:
    """The exit status of the command line, and what it prints."""
    switches = [f"--use_{step}" for step in ("doc_orientation_classify", "doc_unwarping")]
    off = [word for switch in (*switches, "--use_textline_orientation") for word in (switch, "no")]
    try:
        status = cli.main(["ocr", *off, "--cpu_threads", "2", *arguments])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    return int(status or 0), setting.capsys.readouterr().out


def ask(setting: Setting, content: bytes | str, **body: Any) -> Any:
    file = content if isinstance(content, str) else base64.b64encode(content).decode()
    return setting.client().post("/ocr", json={"file": file, "visualize": False, **body})


def png() -> bytes:
    return cv2.imencode(".png", WHITE)[1].tobytes()


def in_threads(setting: Setting) -> bool:
    """Whether four threads with one object get what one gets."""
    pages = [setting.page(name) for name in ("english", "table", "blank", "chinese")]
    wanted = [setting.read(page).json for page in pages]
    found: dict[int, Any] = {}

    def read(number: int) -> None:
        found[number] = setting.read(pages[number]).json

    threads = [threading.Thread(target=read, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(4)] == wanted


def print_options(setting: Setting) -> bool:
    before = np.get_printoptions()
    result = setting.read(setting.page("table"))
    assert result.json
    assert str(result)
    return np.get_printoptions() == before


def by_exif(setting: Setting, orientation: int) -> tuple[int, ...]:
    tags = Image.Exif()
    tags[0x0112] = orientation
    file = setting.folder / "turned.jpg"
    Image.fromarray(WHITE).save(file, exif=tags)
    (page,) = pages_of(str(file))
    return tuple(page.image.shape)


# ---- the table -----------------------------------------------------------------------------------

ROWS = [
    Row(1, "blank", lambda s: s.read(WHITE), is_empty),
    Row(2, "gray", lambda s: is_empty(s.read(WHITE[..., 0])), True, "improves: gray arrays work"),
    Row(2, "one-channel", lambda s: is_empty(s.read(WHITE[..., :1])), True,
        "improves: gray arrays work"),
    Row(2, "BGRA", lambda s: text_in_an_array_of(s, lambda a: np.dstack([a, a[..., 0]])), True,
        "improves: alpha is dropped, with and without boxes"),
    Row(2, "5-D", lambda s: s.read(np.zeros((1, 1, 4, 4, 3), np.uint8)),
        Fails(InputError, r"input: array of shape \(1, 1, 4, 4, 3\)"),
        "improves: the message names shape and dtype"),
    *(Row(3, f"a file of mode {mode}", lambda s, m=mode: text_in_a_file_of(s, m), True)
      for mode in ("L", "RGBA", "I;16")),
    Row(4, "uint16", lambda s: text_in_an_array_of(s, lambda a: a.astype(np.uint16) * 257), True,
        "improves: the high byte counts; the reference reads nothing"),
    *(Row(4, dtype, lambda s, d=dtype: s.read(WHITE.astype(d)),
          Fails(InputError, f"dtype {dtype}"), "improves: the message names the dtype")
      for dtype in ("bool", "int32", "int64")),
    Row(4, "float32", lambda s: text_in_an_array_of(s, lambda a: a.astype(np.float32)), True),
    Row(4, "float64", lambda s: text_in_an_array_of(s, lambda a: a.astype(np.float64)), True,
        "improves: also with orientation models"),
    *(Row(5, f"{shape}", lambda s, x=shape: s.read(np.zeros(x, np.uint8)),
          Fails(InputError, "no side empty"), "improves: an empty array is an error, always")
      for shape in ((0, 0, 3), (0, 40, 3), (40, 0, 3))),
    *(Row(6, f"{height} x {width}",
          lambda s, h=height, w=width: is_empty(s.read(np.full((h, w, 3), 255, np.uint8))), True)
      for height, width in ((1, 1), (1, 1000), (1000, 1))),
    Row(6, "the limit of sides is logged",
        lambda s: logged(s, lambda: s.read(WHITE[:1].repeat(9, 1), text_det_limit_type="min",
                                           text_det_limit_side_len=64)),
        lambda text: "69120 pixels is reduced to max_side_limit=4000" in text),
    Row(7, "20 x 30", lambda s: _core.detection_input_size(30, 20, _core.PageParams()), (32, 32)),
    Row(7, "a page of 20 x 30", lambda s: is_empty(s.read(WHITE[:20, :30])), True),
    Row(8, "network input", lambda s: _core.detection_input_size(
        4001, 64, _core.PageParams(limit_side_len=64, limit_type="min")), (4000, 64)),
    Row(8, "boxes on the page", wide_page_text, lambda x: 4000 < x < 4780),
    Row(9, "crop beyond int16",
        lambda s: _core.crop_quad(np.zeros((8, 40000, 3), np.uint8), box(32760, 0, 32800, 8)).shape,
        (8, 40, 3), "improves: int32 coordinates, and no limit of OpenCV's remap"),
    Row(9, "a page of 40000", lambda s: is_empty(s.read(np.full((8, 40000, 3), 255, np.uint8))),
        True),
    Row(10, "a line of 90:1",
        lambda s: TextRecognition(cpu_threads=2).predict(
            np.full((20, 1800, 3), 255, np.uint8))[0]["rec_text"], ""),
    Row(11, "exactly 1.5 tall is turned", lambda s: crop_shape(5, 5, 25, 35), (20, 30, 3)),
    Row(11, "a little less is not", lambda s: crop_shape(5, 5, 25, 34), (29, 20, 3)),
    Row(12, "no height", lambda s: crop_shape(5, 5, 25, 5), (1, 20, 3),
        "improves: one pixel there, not the whole page"),
    Row(12, "no width", lambda s: crop_shape(5, 5, 5, 25), (1, 20, 3),
        "improves: one pixel there, not the whole page"),
    Row(12, "a point", lambda s: crop_shape(5, 5, 5, 5), (1, 1, 3),
        "improves: one pixel there, not the whole page"),
    Row(13, "mixed directions", directions, [0, 1, 0, 1],
        "improves: each line has its own, not that of the first one"),
    *(Row(14, f"turned by {90 * quarter}", lambda s, q=quarter: turned(s, q), (90 * quarter, True),
          "improves: turns are exact, without a black row") for quarter in (1, 2, 3)),
    Row(15, "9 pixels lower, further left", lambda s: order((50, 20), (10, 29)), [1, 0]),
    Row(15, "10 pixels lower, further left", lambda s: order((50, 20), (10, 30)), [0, 1]),
    Row(16, "equal corners keep their order", lambda s: order((9, 9), (9, 9), (9, 9)), [0, 1, 2]),
    Row(16, "equal x, y in the same line", lambda s: order((9, 15), (9, 12)), [1, 0]),
    Row(17, "1200 texts", lambda s: len(spot_boxes(1200)), 1000),
    Row(17, "1200 texts, from the bottom", lambda s: int(spot_boxes(1200)[..., 1].min()) > 40,
        True),
    Row(17, "3100 texts of a model that allows 3000",
        lambda s: len(spot_boxes(3100, max_candidates=3000)), 3000),
    Row(18, "holes are contours", lambda s: len(_core.find_contours(
        np.pad(np.zeros((4, 4), np.uint8), 2, constant_values=1))), 2),
    *(Row(19, name, lambda s, c=change: text_in_an_array_of(s, c), True) for name, change in {
        "every second of doubled rows": lambda a: a.repeat(2, 0)[::2],
        "every second of doubled columns": lambda a: a.repeat(2, 1)[:, ::2],
        "Fortran order": np.asfortranarray,
        "negative strides": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
        "read only": lambda a: a.view() if a.setflags(write=False) is None else a,
    }.items()),
    Row(19, "drawing leaves the array alone", drawn_into, False,
        "improves: a copy is drawn on, not the caller's array"),
    Row(20, "the same array twice",
        lambda s: len({json.dumps(r.json) for r in s.ocr.predict([s.page("table")] * 2)}), 1),
    Row(20, "mixed sizes", lambda s: [is_empty(r) for r in s.ocr.predict(
        [WHITE, WHITE[:9], WHITE[:, :50], WHITE[..., 0]])], [True] * 4),
    *(Row(21, name, lambda s, x=item: s.ocr.predict(x), Fails(InputError, names),
          "improves: an error; the reference warns and leaves it out")
      for name, item, names in (
          ("None", None, "NoneType"), ("int", 5, "int is not"), ("float", 0.5, "float is not"),
          ("dict", {}, "dict is not"), ("bytes of no image", b"x", "corrupt"))),
    Row(21, "a nested list", lambda s: str(s.ocr.predict([[WHITE]])[0].error),
        lambda text: text.startswith("input[0]: list is not"),
        "improves: a failed result in its place"),
    *(Row(21, name, lambda s, c=change: is_empty(s.ocr.predict(c(s))[0]), True,
          "improves: works; the reference warns and leaves it out")
      for name, change in (
          ("Path", lambda s: Path(s.save("a.png", WHITE))), ("tuple", lambda s: (WHITE,)),
          ("Pillow image", lambda s: Image.fromarray(WHITE)), ("bytes", lambda s: png()))),
    *(Row(22, f"{kind}.{suffix}",
          lambda s, c=content, x=suffix: s.ocr.predict(s.write(f"a.{x}", c)),
          Fails(InputError, rf"a\.{suffix}"), "improves: one class, which names the file")
      for suffix in ("png", "jpg", "pdf", "tif")
      for kind, content in (("empty", b""), ("corrupt", b"\x5a" * 300))),
    *(Row(22, f"missing .{suffix}",
          lambda s, x=suffix: s.ocr.predict(str(s.folder / f"no.{x}")),
          Fails(InputNotFoundError, rf"no\.{suffix}: no such file"))
      for suffix in ("png", "pdf")),
    Row(22, "encrypted PDF",
        lambda s: s.ocr.predict(s.write("a.pdf", make_pdf(
            [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>",
             b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"00" * 32, b"11" * 32)],
            b"/Encrypt 3 0 R/ID[<00><00>]"))),
        Fails(InputError, r"a\.pdf.*password"), "improves: the message says what is missing"),
    Row(23, "PDF without pages", lambda s: s.ocr.predict(s.write("a.pdf", pdf_of_pages())),
        Fails(InputError, r"a\.pdf"), "improves: an error, as results match inputs"),
    Row(23, "blank page", lambda s: is_empty(s.read(
        s.write("a.pdf", pdf_of_pages(b"/MediaBox[0 0 40 40]")))), True),
    Row(23, "A0 at the usual scale",
        lambda s: pages_of(s.write("a.pdf", pdf_of_pages(b"/MediaBox[0 0 2384 3370]")))[0]
        .image.shape, (6740, 4768, 3)),
    Row(23, "a huge page at a reduced scale",
        lambda s: pages_of(s.write("a.pdf", pdf_of_pages(b"/MediaBox[0 0 9000 9000]")),
                           max_pixels=1_000_000)[0].image.size <= 3_000_000, True),
    Row(23, "a page beyond any scale",
        lambda s: failure(s.write("a.pdf", pdf_of_pages(b"/MediaBox[0 0 9000000 9000000]"))),
        Fails(InputError, r"a\.pdf.*too large"), "improves: the page fails alone"),
    Row(24, "a PDF half read", abandoned_pdf, 2, "improves: it blocks nobody"),
    Row(25, "files by their paths",
        lambda s: [os.path.relpath(p.input_path, s.folder) for p in pages_of(directory(s))],
        ["in/A.PNG", "in/b.png", "in/d.pdf", "in/d.pdf", "in/deep/er/c.jpg"]),
    Row(25, "not recursive", lambda s: len(pages_of(directory(s), recursive=False)), 4,
        "improves: `recursive`"),
    Row(25, "empty", lambda s: s.ocr.predict(str(s.folder)),
        Fails(InputError, "has no image or PDF")),
    Row(25, "named x.png", lambda s: is_empty(s.read(str(Path(
        s.save("x.png/a.png", WHITE)).parent))), True, "improves: it is read as a directory"),
    *(Row(26, name, lambda s, n=name: is_empty(s.read(s.write(n, png()))), True,
          verdict) for name, verdict in (
              ("页 面 é.png", MATCHES), ("with space.png", MATCHES),
              ("no_suffix", "improves: the content decides"),
              ("image.gif", "improves: the content decides"),
              ("a?b=c.png", MATCHES))),
    Row(26, "URL with query", lambda s: fetched(s, "/page.png?id=5&x=.txt"), [None],
        "improves: URLs need no suffix"),
    Row(27, "404", lambda s: fetched(s, "/missing.png"), [InputNotFoundError],
        "improves: an error of fastocr"),
    Row(27, "unreachable", unreachable, Fails(InputError, "127.0.0.1"),
        "improves: an error of fastocr"),
    Row(27, "no scheme", lambda s: s.ocr.predict("httpx//example/a.png"),
        Fails(InputNotFoundError, "httpx//example/a.png: no such file"), "improves: it is a path"),
    Row(27, "private address", lambda s: failure("http://127.0.0.1:9/a.png"),
        Fails(InputError, "private|public"), "improves: refused unless it is allowed"),
    Row(28, "three frames", lambda s: tiff(s, 3), [0, 1, 2]),
    Row(28, "one frame", lambda s: tiff(s, 1), [0]),
    Row(29, "positional switch", lambda s: s.ocr.predict(WHITE, True),  # type: ignore[misc]
        Fails(TypeError, "positional")),
    Row(29, "unknown keyword", lambda s: s.ocr.predict(WHITE, no_such=1),  # type: ignore[call-arg]
        Fails(TypeError, "no_such")),
    Row(29, "device", lambda s: is_empty(s.read(WHITE, device="cpu")), True,
        "improves: PaddleOCR 3.0 documents it"),
    Row(29, "another device", lambda s: s.read(WHITE, device="gpu"),
        Fails(InvalidOptionError, "device"), "improves: PaddleOCR 3.0 documents it"),
    Row(30, "thresh=0", lambda s: s.read(WHITE, text_det_thresh=0)["text_det_params"]["thresh"],
        0, "improves: 0 is used; the reference echoes it and uses its default"),
    Row(30, "side_len=0", lambda s: s.read(WHITE, text_det_limit_side_len=0),
        Fails(InvalidOptionError, "text_det_limit_side_len=0"), "improves: an error"),
    Row(30, "unclip=0", lambda s: s.read(WHITE, text_det_unclip_ratio=0),
        Fails(InvalidOptionError, "text_det_unclip_ratio=0"), "improves: an error"),
    *(Row(31, f"{option}={value!r}", lambda s, o=option, v=value: s.read(WHITE, **{o: v}),
          Fails(InvalidOptionError, option), "improves: an error at once")
      for option, value in (
          ("text_det_limit_side_len", -5), ("text_det_unclip_ratio", -1.5),
          ("text_det_thresh", "0.3"), ("text_det_box_thresh", [0.3]),
          ("text_rec_score_thresh", b"1"))),
    Row(32, "a threshold beyond all scores", thresholds,
        lambda n: n[0] == 0 and n[1] == n[2] > 3),
    Row(32, "0.99", lambda s: all(score >= 0.99 for score in s.read(
        s.page("small_on_gray"), text_rec_score_thresh=0.99)["rec_scores"]), True),
    Row(33, "orientation alone is off", lambda s: s.make_ocr(
        use_doc_orientation_classify=False, use_doc_unwarping=None).switches[
            "use_doc_orientation_classify"], False,
        "improves: each switch counts for itself"),
    *(Row(34, f"{switch}=1", lambda s, x=switch: s.read(WHITE, **{x: 1}),
          Fails(InvalidOptionError, f"{switch}=1"), "improves: only True and False switch")
      for switch in ("use_doc_orientation_classify", "use_doc_unwarping",
                     "use_textline_orientation")),
    *(Row(35, switch, lambda s, x=switch: s.read(WHITE, **{x: True}),
          Fails(InvalidOptionError, switch), "improves: an error that names its cause")
      for switch in ("use_doc_orientation_classify", "use_doc_unwarping",
                     "use_textline_orientation")),
    Row(36, "kept at threshold 0", lambda s: empty_line(s), ([""], [0.0])),
    Row(36, "left out above", lambda s: empty_line(s, text_rec_score_thresh=0.1), ([], [])),
    *(Row(37, name, lambda s, c=list(text): words(c), wanted, verdict)
      for name, text, wanted, verdict in (
          ("empty", "", [], MATCHES), ("one Han character", "中", ["中"], MATCHES),
          ("Han characters", "中国", ["中", "国"], MATCHES),
          ("mixed", "中ab国1", ["中", "ab", "国", "1"], MATCHES),
          ("a number", "1.5", ["1.5"], MATCHES), ("a hyphen", "a-b", ["a-b"], MATCHES),
          ("a point at the end", "x.", ["x", "."], MATCHES),
          ("spaces", "a b", ["a", " ", "b"], MATCHES))),
    Row(37, "a vertical box", lambda s: _core.word_boxes(
        box(0, 0, 20, 90), ["a"], [0], 3)[1].tolist(), [[[0, 0], [0, 30], [20, 30], [20, 0]]]),
    Row(38, "an entry of two code points takes one column",
        lambda s: _core.word_boxes(box(0, 0, 100, 20), ["fi", " ", "x"], [0, 1, 2], 4)[0],
        ["fi", " ", "x"], "improves: no shift of what follows, no IndexError"),
    Row(39, "display order of Arabic",
        lambda s: languages.display_order("arabic_PP-OCRv5_mobile_rec")("שלום"),  # type: ignore[misc]
        "םולש"),
    Row(39, "others are left alone", lambda s: languages.display_order("PP-OCRv5_mobile_rec"),
        None),
    *(Row(40, f"json to {path!r}", lambda s, p=path: saved(s, p), wanted) for path, wanted in (
        ("out.json", ["out.json"]), ("new/deep/out.json", ["new/deep/out.json"]))),
    Row(40, "json into a directory", lambda s: saved(s, "out"),
        lambda files: len(files) == 1 and files[0].startswith("out/") and
        files[0].endswith("_res.json")),
    *(Row(40, f"image to {path!r}", lambda s, p=path: saved(s, p, True), [path])
      for path in ("a.JPG", "a.tiff", "a.png")),
    Row(40, "image to None", lambda s: saved(s, None, True), Fails(TypeError, "path")),
    Row(41, "Unicode, and the outermost key", saved_text,
        lambda found: found[0] and found[1] != ["res"] and found[2] == ["res"]),
    Row(42, "an exported file loads again", exported, True,
        "improves: the models of the file count, without a mismatch"),
    Row(43, "missing", lambda s: s.make_ocr(text_detection_model_dir=s.folder / "no"),
        Fails(ModelNotFoundError, "no")),
    Row(43, "no yml", lambda s: s.make_ocr(text_detection_model_dir=model_folder(s, None)),
        Fails(ModelNotFoundError, r"inference\.yml")),
    Row(43, "wrong name",
        lambda s: s.make_ocr(text_detection_model_dir=model_folder(s, "PP-OCRv4_server_det")),
        Fails(ModelFormatError, "Model name mismatch.*PP-OCRv4_server_det")),
    Row(43, "no network",
        lambda s: s.make_ocr(text_detection_model_dir=model_folder(s, "PP-OCRv5_mobile_det")),
        Fails(ModelNotFoundError, r"inference\.onnx")),
    Row(43, "wrong form", lambda s: s.make_ocr(
        text_detection_model_dir=model_folder(s, "PP-OCRv5_mobile_det", "inference.onnx")),
        Fails(ModelFormatError, r"inference\.onnx")),
    Row(44, "a bad bool", lambda s: command(
        s, "-i", s.save("a.png", WHITE), "--return_word_box", "maybe"), (2, ""),
        "improves: an error, not False"),
    Row(44, "an unsupported file", lambda s: command(s, "-i", s.write("a.txt", b"text")), (1, ""),
        "improves: 1, so that scripts notice"),
    Row(44, "a missing file", lambda s: command(s, "-i", str(s.folder / "no.png")), (1, "")),
    Row(44, "texts on standard output", lambda s: command(s, "-i", str(s.pages / "table.png")),
        lambda done: done[0] == 0 and done[1] != "",
        "improves: results can be piped; the reference logs them"),
    Row(45, "logId echo", lambda s: ask(s, png(), fileType=1, logId="here").json()["logId"],
        "here"),
    Row(45, "null counts as missing",
        lambda s: ask(s, png(), fileType=1, textDetThresh=None).status_code, 200),
    Row(45, "nulls are left out",
        lambda s: [key for key, value in ask(s, png(), fileType=1).json()["result"]["ocrResults"][0]
                   .items() if value is None], []),
    *(Row(45, f"a bool as {value!r}",
          lambda s, v=value: ask(s, png(), fileType=1, returnWordBox=v).status_code, 200)
      for value in (1, "yes", "false")),
    Row(45, "11 pages of a PDF", lambda s: len(ask(
        s, pdf_of_pages(*[b"/MediaBox[0 0 40 40]"] * 11), fileType=0).json()["result"]
        ["ocrResults"]), 10),
    Row(45, "a PDF as an image",
        lambda s: ask(s, pdf_of_pages(b"/MediaBox[0 0 40 40]"), fileType=1).status_code, 422),
    Row(45, "Base64 without a type", lambda s: ask(s, png()).json()["errorMsg"],
        lambda text: text.startswith("File type cannot be determined")),
    Row(46, "one object, four threads", in_threads, True,
        "improves: guarded; the reference is not"),
    Row(47, "batches of two with a bad one",
        lambda s: [isinstance(r, FailedResult) for r in TextDetection(cpu_threads=2).predict(
            [WHITE, str(s.folder / "no.txt"), WHITE], batch_size=2)], [False, True, False],
        "improves: one result each, in its place; no duplicates"),
    Row(48, "print options of numpy", print_options, True, "improves: they are left alone"),
    *(Row(49, f"EXIF {orientation}", lambda s, o=orientation: by_exif(s, o),
          (120, 80, 3) if orientation > 4 else (80, 120, 3)) for orientation in range(1, 9)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.case}-{row.name}" for row in ROWS])
def test_case(row: Row, setting: Setting) -> None:
    if isinstance(row.expected, Fails):
        with pytest.raises(row.expected.kind, match=row.expected.names):
            row.do(setting)
        return
    found = row.do(setting)
    if callable(row.expected):
        assert row.expected(found), found
    else:
        assert found == row.expected


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_a_row(case: int) -> None:
    verdicts = [row.verdict for row in ROWS if row.case == case]
    assert verdicts
    assert all(verdict == MATCHES or verdict.startswith("improves: ") for verdict in verdicts)


def test_names_of_rows_are_their_own() -> None:
    names = [(row.case, row.name) for row in ROWS]
    assert len(set(names)) == len(names)
