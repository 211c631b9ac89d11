"""The page for people, in a real browser."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    JSHandle,
    Locator,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

import fastocr
from fastocr import PaddleOCR
from tests.python.conftest import missing, program
from tests.python.serving.conftest import LONG, Borrowed, MakeService, Running

FOLDER = Path(fastocr.__file__).parent / "serving" / "page"
# A profile of its own, and nothing that talks to others.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = LONG * 1000
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
STREAM = "**/ocr/stream*"

MakeOCR = Callable[..., PaddleOCR]


class Window:
    """The page in a browser's tab."""

    def __init__(self, tab: Page, url: str, shows: str) -> None:
        self.tab = tab
        self.url = url
        self.requests: list[Request] = []
        self.mistakes: list[str] = []
        tab.set_default_timeout(MILLISECONDS)
        tab.on("request", lambda request: self.requests.append(request))
        tab.on("pageerror", lambda error: self.mistakes.append(str(error)))
        tab.on("console", self._note)
        self.load(shows)

    def load(self, shows: str = "MB") -> None:
        """Loads the page, and waits for what it says of the service."""
        self.tab.goto(self.url)
        expect(self.at("#limits")).to_contain_text(shows, timeout=MILLISECONDS)

    def at(self, selector: str) -> Locator:
        return self.tab.locator(selector)

    def choose(self, *files: Path) -> None:
        self.at("#file").set_input_files(list(files))

    def read(self, file: Path) -> None:
        """Chooses a file, and waits for all its pages."""
        with self.tab.expect_event("requestfinished", lambda request: "/ocr/" in request.url):
            self.choose(file)
        self.wait()

    def wait(self) -> None:
        expect(self.at("#progress")).to_be_hidden(timeout=MILLISECONDS)

    def click(self, name: str) -> None:
        self.tab.get_by_role("button", name=name, exact=True).click()

    def texts(self) -> list[str]:
        return self.at(".line-text").all_text_contents()

    def clipboard(self) -> str:
        text: str = self.tab.evaluate("navigator.clipboard.readText()")
        return text

    def sent(self) -> list[Request]:
        return [request for request in self.requests if "/ocr/" in request.url]

    def _note(self, message: ConsoleMessage) -> None:
        # Answers that are errors are logged by the browser; what the page makes of them is tested.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.mistakes.append(message.text)


OpenPage = Callable[..., Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = program("chromium", "chromium-browser")
    if path is None:
        missing("chromium", "the tests of the page")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture
def open_page(browser: Browser, service: Running) -> Iterator[OpenPage]:
    """Opens the page of a service in a new context; fails if something goes wrong there."""
    windows: list[Window] = []
    with ExitStack() as stack:

        def open_one(
            at: Running = service, script: str = "", shows: str = "MB", **options: Any
        ) -> Window:
            context = stack.enter_context(browser.new_context(**{"viewport": DESKTOP, **options}))
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            context.add_init_script(script)
            windows.append(Window(context.new_page(), at.url, shows))
            return windows[-1]

        yield open_one
    for window in windows:
        assert window.mistakes == []
        elsewhere = [r.url for r in window.requests if not r.url.startswith((window.url, "blob:"))]
        assert elsewhere == []


@pytest.fixture
def window(open_page: OpenPage) -> Window:
    return open_page()


@pytest.fixture(scope="session")
def english(pages_dir: Path) -> Path:
    return pages_dir / "english.png"


@pytest.fixture(scope="session")
def pdf(tmp_path_factory: pytest.TempPathFactory, pages_dir: Path) -> Path:
    """Three pages, which are images."""
    return document(pages_dir, tmp_path_factory.mktemp("documents") / "three.pdf")


def document(pages_dir: Path, file: Path) -> Path:
    names = ("english", "chinese", "table")
    first, *others = (Image.open(pages_dir / f"{name}.png").convert("RGB") for name in names)
    first.save(file, save_all=True, append_images=others)
    return file


def transfer(window: Window, file: Path) -> JSHandle:
    """A `DataTransfer` with a file."""
    return window.tab.evaluate_handle(
        """([name, data]) => {
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type: "image/png" }));
          return transfer;
        }""",
        [file.name, base64.b64encode(file.read_bytes()).decode()],
    )


def answer(route: Route, *lines: dict[str, Any]) -> None:
    """Answers a request in place of the service."""
    route.fulfill(
        content_type="application/x-ndjson", body="".join(json.dumps(line) + "\n" for line in lines)
    )


def page_line(texts: list[str], index: int = 0) -> dict[str, Any]:
    """What the service says of a page of 100 x 100 pixels."""
    boxes = [
        [[5, 5 + 12 * i], [90, 5 + 12 * i], [90, 15 + 12 * i], [5, 15 + 12 * i]]
        for i in range(len(texts))
    ]
    pruned = {"rec_texts": texts, "rec_scores": [0.5] * len(texts), "rec_polys": boxes}
    result = {"prunedResult": pruned, "width": 100, "height": 100}
    return {"pageIndex": index, "result": result, "errorCode": 0, "errorMsg": "Success"}


DONE = {"done": True, "result": {"dataInfo": {}}, "errorCode": 0, "errorMsg": "Success"}


# ---- what is shown -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["english", "table", "rotated_15_and_30", "vertical"])
def test_lines_and_boxes_are_those_of_the_library(
    window: Window, ocr: PaddleOCR, pages_dir: Path, name: str
) -> None:
    file = pages_dir / f"{name}.png"
    (expected,) = ocr.predict(str(file))
    assert expected["rec_texts"]
    window.read(file)
    assert window.texts() == expected["rec_texts"]
    scores = [f"{100 * score:.1f} %" for score in expected["rec_scores"]]
    assert window.at(".line-score").all_text_contents() == scores
    assert corners(window) == [poly.tolist() for poly in expected["rec_polys"]]
    assert_boxes_fit(window)


def corners(window: Window) -> list[list[list[int]]]:
    """The corners of the boxes in pixels of the page."""
    points = window.at(".box").evaluate_all("all => all.map(one => one.getAttribute('points'))")
    return [[[int(v) for v in point.split(",")] for point in box.split()] for box in points]


def assert_boxes_fit(window: Window, border: float = 0.0) -> None:
    """Fails unless what is dark in the picture lies in the boxes, and each box has some of it.

    The borders of the page, that part of its sides, are not looked at.
    """
    places = window.at(".box").evaluate_all(
        """(all) => {
          const { left, top } = document.getElementById("sheet").getBoundingClientRect();
          return all.map((one) => Array.from(one.points, (point) => {
            const { x, y } = point.matrixTransform(one.getScreenCTM());
            return [x - left, y - top];
          }));
        }"""
    )
    window.click("Boxes")
    picture = np.asarray(Image.open(io.BytesIO(window.at("#sheet").screenshot())).convert("L"))
    window.click("Boxes")
    height, width = picture.shape
    ink = np.zeros_like(picture)
    rows = slice(round(border * height), round((1 - border) * height))
    columns = slice(round(border * width), round((1 - border) * width))
    ink[rows, columns] = picture[rows, columns] < 110
    boxes = [np.rint(np.array(place)).astype(np.int32) for place in places]
    inside = cv2.fillPoly(np.zeros_like(picture), boxes, 1)
    assert ink.sum() > 500
    assert (ink & inside).sum() > 0.97 * ink.sum()
    for box in boxes:
        assert (ink & cv2.fillPoly(np.zeros_like(picture), [box], 1)).any()


def test_dropped_files_are_read(window: Window, ocr: PaddleOCR, english: Path) -> None:
    dropped = {"dataTransfer": transfer(window, english)}
    window.tab.dispatch_event("body", "dragover", dropped)
    expect(window.at("#drop-hint")).to_be_visible()
    window.tab.dispatch_event("body", "drop", dropped)
    expect(window.at("#drop-hint")).to_be_hidden()
    expect(window.at("#name")).to_have_text(english.name, timeout=MILLISECONDS)
    assert window.texts() == ocr.predict(str(english))[0]["rec_texts"]


def test_dropped_texts_are_no_files(window: Window) -> None:
    dropped = window.tab.evaluate_handle(
        """() => {
          const transfer = new DataTransfer();
          transfer.setData("text/uri-list", "https://example.org/");
          return transfer;
        }"""
    )
    window.tab.dispatch_event("body", "dragover", {"dataTransfer": dropped})
    expect(window.at("#drop-hint")).to_be_hidden()
    window.tab.dispatch_event("body", "drop", {"dataTransfer": dropped})
    expect(window.at("#toast")).to_have_text("That is no file. Save it first.")


def test_pasted_images_are_read(window: Window, ocr: PaddleOCR, english: Path) -> None:
    window.tab.evaluate(
        """async (data) => {
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          const image = new Blob([bytes], { type: "image/png" });
          await navigator.clipboard.write([new ClipboardItem({ "image/png": image })]);
        }""",
        base64.b64encode(english.read_bytes()).decode(),
    )
    window.tab.keyboard.press("Control+V")
    expect(window.at(".line").first).to_be_visible(timeout=MILLISECONDS)
    assert window.texts() == ocr.predict(str(english))[0]["rec_texts"]


def test_pasted_text_is_no_file(window: Window) -> None:
    window.tab.evaluate("navigator.clipboard.writeText('some text')")
    window.tab.keyboard.press("Control+V")
    expect(window.at("#toast")).to_have_text("There is no image in the clipboard.")
    window.at("summary").click()
    window.tab.get_by_label("Name in the log").focus()
    window.tab.keyboard.press("Control+V")
    expect(window.tab.get_by_label("Name in the log")).to_have_value("some text")


def test_pages_without_text_say_so(window: Window, pages_dir: Path) -> None:
    window.read(pages_dir / "blank.png")
    expect(window.at("#lines-none")).to_have_text("No text was found on this page.")
    expect(window.at("#summary")).to_contain_text("0 lines")
    expect(window.at("#picture")).to_be_visible()


@pytest.mark.parametrize("ending", ["pdf", "tif"])
def test_pages_of_documents(
    window: Window, ocr: PaddleOCR, pages_dir: Path, tmp_path: Path, ending: str
) -> None:
    file = document(pages_dir, tmp_path / f"three.{ending}")
    expected = ocr.predict(str(file))
    window.read(file)
    expect(window.at("#page-count")).to_have_text("of 3")
    for result in expected:
        assert window.texts() == result["rec_texts"]
        assert corners(window) == [poly.tolist() for poly in result["rec_polys"]]
        assert_boxes_fit(window)
        if result is not expected[-1]:
            window.click("Next page")
    expect(window.tab.get_by_role("button", name="Next page")).to_be_disabled()
    window.click("Previous page")
    expect(window.at("#page-number")).to_have_value("2")
    window.at("#page-number").fill("1")
    window.at("#page-number").press("Enter")
    assert window.texts() == expected[0]["rec_texts"]


def test_pages_appear_while_others_are_read(
    open_page: OpenPage, make_service: MakeService, ocr: PaddleOCR, pdf: Path
) -> None:
    held = Held(ocr)
    window = open_page(make_service(held.give))
    held.hold(free=2)
    window.choose(pdf)
    expect(window.at("#progress-text")).to_contain_text("2 pages so far", timeout=MILLISECONDS)
    expect(window.at("#page-number")).to_have_value("1")
    window.click("Next page")
    assert window.texts() == ocr.predict(str(pdf))[1]["rec_texts"]
    held.go_on()
    window.wait()
    expect(window.at("#page-count")).to_have_text("of 3")
    expect(window.at("#page-number")).to_have_value("2")


class Held(Borrowed):
    """A pipeline that can be told to stop after some pages."""

    def __init__(self, ocr: PaddleOCR) -> None:
        super().__init__(ocr)
        self._free = threading.Semaphore(1000)

    def give(self) -> Any:
        return self

    def hold(self, free: int) -> None:
        self._free = threading.Semaphore(free)

    def go_on(self) -> None:
        self._free.release(1000)

    def predict(self, *source: Any, **options: Any) -> Any:
        assert self._free.acquire(timeout=LONG)
        return self._ocr.predict(*source, **options)


# ---- pages that are not read as they came --------------------------------------------------------


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_boxes_fit_photographs_that_are_turned_by_exif(
    window: Window, english: Path, tmp_path: Path, orientation: int
) -> None:
    file = tmp_path / "photograph.jpg"
    turned = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    page = Image.open(english).convert("RGB").transpose(turned[orientation])
    page.save(file, exif=exif, quality=95)
    window.read(file)
    assert len(window.texts()) == 7
    assert "visualize=false" in window.sent()[0].url
    assert_boxes_fit(window)


@pytest.fixture(scope="module")
def both_steps(
    make_ocr: MakeOCR, orientation_dir: Path, unwarping_dir: Path
) -> Iterator[PaddleOCR]:
    with make_ocr(
        doc_orientation_classify_model_dir=orientation_dir,
        doc_unwarping_model_dir=unwarping_dir,
        use_doc_orientation_classify=True,
        use_doc_unwarping=True,
    ) as one:
        yield one


@pytest.mark.parametrize(
    ("turns", "flat", "ending"),
    [
        (0, True, "png"),
        (1, False, "png"),
        (1, True, "png"),
        (2, False, "tif"),
        (3, False, "tif"),
        (3, True, "tif"),
    ],
)
def test_boxes_fit_turned_and_flattened_pages(
    open_page: OpenPage,
    make_service: MakeService,
    both_steps: PaddleOCR,
    english: Path,
    tmp_path: Path,
    turns: int,
    flat: bool,
    ending: str,
) -> None:
    page = cv2.imread(str(english))
    dim = (page * 0.75).astype(np.uint8)  # the model turns the bright quarter to the top left
    height, width = page.shape[:2]
    dim[: height // 2, : width // 2] = page[: height // 2, : width // 2]
    file = tmp_path / f"page.{ending}"
    cv2.imwrite(str(file), np.ascontiguousarray(np.rot90(dim, -turns)))
    window = open_page(make_service(lambda: Borrowed(both_steps)))
    if not flat:
        window.at("summary").click()
        window.tab.get_by_label("Flatten bent pages").select_option("off")
        window.at("summary").click()
    window.read(file)
    (expected,) = both_steps.predict(str(file), use_doc_unwarping=flat)
    assert window.texts() == expected["rec_texts"]
    assert len(window.texts()) == 7
    pictures = "true" if flat or ending == "tif" else "false"
    assert f"visualize={pictures}" in window.sent()[0].url
    assert_boxes_fit(window, border=0.03)


def test_pages_without_a_picture_have_their_boxes(window: Window, pdf: Path) -> None:
    window.at("summary").click()
    window.tab.get_by_label("Pictures from the service").select_option("off")
    window.read(pdf)
    expect(window.at("#picture-note")).to_be_visible()
    expect(window.at("#picture")).to_be_hidden()
    expect(window.at(".box")).to_have_count(7)


# ---- pointing and copying ------------------------------------------------------------------------


def test_pointing_at_a_box_shows_its_text_and_score(window: Window, english: Path) -> None:
    window.read(english)
    boxes, lines = window.at(".box"), window.at(".line")
    boxes.nth(3).hover()
    expect(window.at("#tip")).to_be_visible()
    expect(window.at("#tip-text")).to_have_text(window.texts()[3])
    expect(window.at("#tip-score")).to_have_text(lines.nth(3).locator(".line-score").inner_text())
    expect(lines.nth(3)).to_have_class(re.compile("active"))
    boxes.nth(5).hover()
    expect(window.at("#tip-text")).to_have_text(window.texts()[5])
    expect(window.at(".line.active")).to_have_count(1)
    lines.nth(1).hover()
    expect(boxes.nth(1)).to_have_class(re.compile("active"))
    expect(window.at(".box.active")).to_have_count(1)
    expect(window.at("#tip")).to_be_hidden()
    window.at("h1").hover()
    expect(window.at(".active")).to_have_count(0)


def test_lists_and_zoomed_pages_scroll_to_what_is_pointed_at(
    open_page: OpenPage, pages_dir: Path
) -> None:
    window = open_page(viewport={"width": 1000, "height": 760})
    window.read(pages_dir / "table.png")
    last = window.at(".line").last
    expect(last).not_to_be_in_viewport()
    window.at(".box").last.hover()
    expect(last).to_be_in_viewport()
    for _ in range(6):
        window.click("Zoom in")
    window.at(".line").first.focus()
    expect(window.at(".box").first).to_be_in_viewport()
    window.at(".line").last.focus()
    expect(window.at(".box").last).to_be_in_viewport()
    expect(window.at(".box").first).not_to_be_in_viewport()


def test_zooming(window: Window, english: Path) -> None:
    window.read(english)
    stage, sheet = window.at("#stage"), window.at("#sheet")

    def width(of: Locator) -> float:
        return float(of.evaluate("one => one.getBoundingClientRect().width"))

    fitting = width(sheet)
    assert 0.9 * width(stage) < fitting < width(stage)
    window.click("Zoom in")
    assert width(sheet) == pytest.approx(1.25 * fitting, rel=1e-3)
    window.click("Zoom to fit")
    assert width(sheet) == pytest.approx(fitting, rel=1e-3)
    window.click("Zoom out")
    assert width(sheet) == pytest.approx(fitting / 1.25, rel=1e-3)
    window.at(".box").first.focus()
    window.tab.keyboard.press("0")
    assert width(sheet) == pytest.approx(fitting, rel=1e-3)
    window.tab.set_viewport_size({"width": 700, "height": 800})
    expect(window.at("#stage")).to_have_css("width", re.compile(r"6\d\d"))
    assert width(sheet) < width(stage)


SECURE, PLAIN = "", "Object.defineProperty(navigator, 'clipboard', { value: undefined });"


def test_a_click_copies_a_line(window: Window, english: Path) -> None:
    window.read(english)
    window.at(".line").nth(2).click()
    expect(window.at("#toast")).to_have_text(f"Copied: {window.texts()[2]}")
    assert window.clipboard() == window.texts()[2]
    window.at(".box").nth(4).click()
    expect(window.at("#toast")).to_have_text(f"Copied: {window.texts()[4]}")
    assert window.clipboard() == window.texts()[4]


def test_copying_works_without_https(open_page: OpenPage, english: Path) -> None:
    """Browsers have no `navigator.clipboard` on pages that come by HTTP from another machine."""
    window = open_page(script=PLAIN)
    window.read(english)
    window.at(".line").nth(2).click()
    expect(window.at("#toast")).to_have_text(f"Copied: {window.texts()[2]}")
    expect(window.at(".line").nth(2)).to_be_focused()
    window.at("summary").click()
    window.tab.get_by_label("Name in the log").focus()
    window.tab.keyboard.press("Control+V")
    expect(window.tab.get_by_label("Name in the log")).to_have_value(window.texts()[2])


def test_all_of_a_document_is_copied_and_downloaded(
    window: Window, ocr: PaddleOCR, pdf: Path, tmp_path: Path
) -> None:
    expected = ocr.predict(str(pdf))
    text = "\n\n".join("\n".join(result["rec_texts"]) for result in expected)
    window.read(pdf)
    window.click("Copy text")
    expect(window.at("#toast")).to_have_text("Text of 3 pages copied")
    assert window.clipboard() == text
    window.click("Copy JSON")
    expect(window.at("#toast")).to_have_text("JSON of 3 pages copied")
    copied = json.loads(window.clipboard())
    sizes = [result["doc_preprocessor_res"]["output_img"].shape for result in expected]
    pages = [{"width": width, "height": height} for height, width, _ in sizes]
    assert copied["dataInfo"] == {"numPages": 3, "pages": pages, "type": "pdf"}
    for page, result in zip(copied["ocrResults"], expected, strict=True):
        content = result.json["res"]
        del content["input_path"], content["page_index"]
        assert page == {"prunedResult": content}
    assert json.loads(downloaded(window, "Download as .json", "three.json")) == copied
    assert downloaded(window, "Download as .txt", "three.txt").decode() == f"{text}\n"


def downloaded(window: Window, button: str, name: str) -> bytes:
    with window.tab.expect_download() as download:
        window.click(button)
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_bytes()


def test_drawn_pictures_are_downloaded(window: Window, english: Path) -> None:
    expect(window.at("#save-picture")).to_be_hidden()
    window.at("summary").click()
    window.tab.get_by_label("Pictures from the service").select_option("on")
    window.read(english)
    picture = downloaded(window, "Download this page’s drawn picture", "english-1.jpg")
    height, width = cv2.imread(str(english)).shape[:2]
    assert Image.open(io.BytesIO(picture)).size == (2 * width, height)


# ---- options -------------------------------------------------------------------------------------


def test_options_are_sent(window: Window, english: Path) -> None:
    window.at("summary").click()
    label = window.tab.get_by_label
    label("Scale pages").select_option("min")
    label("Side limit").fill("736")
    label("Pixel threshold").fill("0.35")
    label("Line threshold").fill("0.7")
    label("Growth of boxes").fill("1.6")
    label("Least score").fill("0.985")
    label("Boxes of words").select_option("on")
    label("Kind of file").select_option("image")
    label("Name in the log").fill("a name & more")
    expect(window.at("#options-changed")).to_have_text("9 changed")
    window.read(english)
    (request,) = window.sent()
    path, _, query = request.url.removeprefix(window.url).partition("?")
    assert (request.method, path) == ("POST", "/ocr/stream")
    assert dict(part.split("=") for part in query.split("&")) == {
        "textDetLimitType": "min",
        "textDetLimitSideLen": "736",
        "textDetThresh": "0.35",
        "textDetBoxThresh": "0.7",
        "textDetUnclipRatio": "1.6",
        "textRecScoreThresh": "0.985",
        "returnWordBox": "true",
        "fileType": "1",
        "logId": "a+name+%26+more",
        "visualize": "false",
    }
    assert request.headers["content-type"] == "application/octet-stream"
    count = len(window.texts())
    assert 0 < count < 7
    assert window.at(".word").count() > count
    window.click("Reset")
    expect(window.at("#options-changed")).to_be_hidden()
    with window.tab.expect_event("requestfinished", lambda request: "/ocr/" in request.url):
        window.click("Read again")
    window.wait()
    assert window.sent()[1].url == f"{window.url}/ocr/stream?visualize=false"
    assert len(window.texts()) == 7
    expect(window.at(".word")).to_have_count(0)


def test_options_say_what_the_service_does(
    open_page: OpenPage, make_service: MakeService, make_ocr: MakeOCR, orientation_dir: Path
) -> None:
    def make() -> PaddleOCR:
        return make_ocr(
            doc_orientation_classify_model_dir=orientation_dir,
            use_doc_orientation_classify=True,
            text_det_limit_side_len=1234,
            text_det_limit_type="min",
            text_det_thresh=0.25,
        )

    window = open_page(make_service(make))
    window.at("summary").click()
    label = window.tab.get_by_label
    expect(label("Turn pages upright")).to_be_enabled()
    expect(label("Turn pages upright")).to_contain_text("default (on)")
    expect(label("Flatten bent pages")).to_be_disabled()
    expect(label("Flatten bent pages")).to_have_accessible_description(
        "Not available: its model is not loaded in this service."
    )
    expect(label("Boxes of words")).to_contain_text("default (off)")
    expect(label("Scale pages")).to_contain_text("default (shorter side at least)")
    for name, value in (("Side limit", "1234"), ("Pixel threshold", "0.25"), ("Least score", "0")):
        expect(label(name)).to_have_attribute("placeholder", value)


def test_wrong_options_are_not_sent(window: Window, english: Path) -> None:
    window.at("summary").click()
    field = window.tab.get_by_label("Side limit")
    field.fill("0.5")
    window.at("summary").click()
    window.choose(english)
    expect(field).to_be_visible()
    expect(field).to_be_focused()
    assert window.sent() == []


def test_what_the_service_says_of_an_option_is_shown(window: Window, english: Path) -> None:
    window.at("summary").click()
    window.tab.get_by_label("Growth of boxes").fill("0")
    window.choose(english)
    expect(window.at("#error")).to_contain_text("textDetUnclipRatio: ", timeout=MILLISECONDS)


# ---- when something is wrong ---------------------------------------------------------------------


def test_bad_files_are_reported_and_the_last_result_stays(
    window: Window, english: Path, tmp_path: Path
) -> None:
    window.read(english)
    texts = window.texts()
    bad = tmp_path / "notes.png"
    bad.write_text("no image at all")
    window.choose(bad)
    expect(window.at("#error")).to_contain_text(
        "notes.png: Invalid input file", timeout=MILLISECONDS
    )
    expect(window.at("#error")).to_have_role("alert")
    expect(window.at("#retry")).to_be_hidden()
    assert (window.texts(), window.at("#name").inner_text()) == (texts, english.name)
    window.click("Close")
    expect(window.at("#failure")).to_be_hidden()
    empty = tmp_path / "empty.png"
    empty.touch()
    window.choose(empty)
    expect(window.at("#error")).to_have_text("empty.png is empty.")
    assert len(window.sent()) == 2
    window.read(english)
    expect(window.at("#failure")).to_be_hidden()


def test_files_beyond_the_limits_are_not_sent(
    open_page: OpenPage, make_service: MakeService, make_ocr: MakeOCR, english: Path
) -> None:
    few_bytes = open_page(make_service(max_body_bytes=2 * 2**20))
    large = english.with_name("large.png")
    few_bytes.at("#file").set_input_files(
        {"name": large.name, "mimeType": "image/png", "buffer": bytes(3 * 2**20)}
    )
    expect(few_bytes.at("#error")).to_have_text(
        "large.png is too large: it has 3 MB, this service takes 2 MB at most."
    )
    few_pixels = open_page(make_service(lambda: make_ocr(max_pixels=310_000)))
    few_pixels.choose(english)
    expect(few_pixels.at("#error")).to_contain_text("it has 760 × 420 pixels")
    assert few_bytes.sent() == few_pixels.sent() == []


def test_cancelling(
    open_page: OpenPage, make_service: MakeService, ocr: PaddleOCR, english: Path, pdf: Path
) -> None:
    held = Held(ocr)
    window = open_page(make_service(held.give))
    held.hold(free=2)
    window.read(english)
    texts = window.texts()
    with window.tab.expect_event("requestfailed", lambda request: "/ocr/" in request.url) as event:
        window.choose(pdf)
        expect(window.at("#page-count")).to_have_text("of 1 so far", timeout=MILLISECONDS)
        window.click("Cancel")
    assert event.value.failure == "net::ERR_ABORTED"
    expect(window.at("#progress")).to_be_hidden()
    expect(window.tab.get_by_role("button", name="Choose a file")).to_be_focused()
    expect(window.at("#failure")).to_be_hidden()
    assert window.texts() == texts  # the first page of the PDF is the same
    held.go_on()
    window.read(english)
    assert window.texts() == texts


def test_a_new_file_takes_the_place_of_one_that_is_being_read(
    open_page: OpenPage, make_service: MakeService, ocr: PaddleOCR, english: Path, pdf: Path
) -> None:
    held = Held(ocr)
    window = open_page(make_service(held.give))
    held.hold(free=0)
    window.choose(pdf)
    expect(window.at("#progress-text")).to_have_text("Reading three.pdf …", timeout=MILLISECONDS)
    with window.tab.expect_event("requestfailed", lambda request: "/ocr/" in request.url) as event:
        window.choose(english)
    assert event.value is window.sent()[0]
    with window.tab.expect_event("requestfinished", lambda request: "/ocr/" in request.url):
        held.go_on()
    window.wait()
    expect(window.at("#name")).to_have_text(english.name)
    assert len(window.texts()) == 7


def test_busy_services_are_asked_again(window: Window, english: Path) -> None:
    answers = 0

    def refuse_once(route: Route) -> None:
        nonlocal answers
        answers += 1
        if answers == 1:
            body = json.dumps({"errorCode": 503, "errorMsg": "The service is busy"})
            route.fulfill(status=503, headers={"Retry-After": "1"}, body=body)
        else:
            route.continue_()

    window.tab.route(STREAM, refuse_once)
    window.choose(english)
    expect(window.at("#progress-text")).to_have_text("The service is busy. Trying again in 1 s.")
    expect(window.at(".line")).to_have_count(7, timeout=MILLISECONDS)
    expect(window.at("#failure")).to_be_hidden()


def test_a_queue_that_is_full(
    open_page: OpenPage, make_service: MakeService, ocr: PaddleOCR, pdf: Path, tmp_path: Path
) -> None:
    """The refusal arrives although the service does not read the file."""
    large = tmp_path / "large.bmp"
    Image.effect_noise((3000, 2500), 10).convert("RGB").save(large)
    held = Held(ocr)
    service = make_service(held.give, queue_size=0, pages_at_once=1)
    held.hold(free=0)
    first, second = open_page(service), open_page(service)
    first.choose(pdf)
    expect(first.at("#progress-text")).to_contain_text("Reading", timeout=MILLISECONDS)
    second.choose(large)
    expect(second.at("#progress-text")).to_contain_text("busy", timeout=MILLISECONDS)
    second.click("Cancel")
    expect(second.at("#progress")).to_be_hidden()
    held.go_on()
    first.wait()


def test_lost_connections(window: Window, english: Path) -> None:
    window.tab.route(STREAM, lambda route: route.abort())
    window.choose(english)
    expect(window.at("#error")).to_contain_text("cannot be reached", timeout=MILLISECONDS)
    window.tab.unroute(STREAM)
    window.tab.route(STREAM, lambda route: answer(route, page_line(["only this"])))
    window.click("Try again")
    expect(window.at("#error")).to_have_text(
        "Only the first pages were read (1). The connection was lost before the last page."
    )
    assert window.texts() == ["only this"]
    window.tab.unroute(STREAM)
    window.click("Try again")
    expect(window.at(".line")).to_have_count(7, timeout=MILLISECONDS)
    expect(window.at("#failure")).to_be_hidden()


def test_pages_that_fail_and_streams_that_end_early(window: Window, pdf: Path) -> None:
    failed = {"pageIndex": 1, "errorCode": 422, "errorMsg": "Invalid input file: page 2"}
    ended = {"done": True, "errorCode": 500, "errorMsg": "Internal server error"}
    lines = (page_line(["one"]), failed, page_line(["three"], 2), ended)
    window.tab.route(STREAM, lambda route: answer(route, *lines))
    window.choose(pdf)
    expect(window.at("#error")).to_have_text(
        "three.pdf: Only the first pages were read (3). Internal server error"
    )
    assert window.texts() == ["one"]
    window.click("Next page")
    expect(window.at("#lines-none")).to_have_text("Invalid input file: page 2")
    expect(window.at("#stage")).to_be_hidden()
    window.click("Copy JSON")
    expect(window.at("#toast")).to_have_text("JSON of 3 pages copied")
    message = failed["errorMsg"]
    assert json.loads(window.clipboard())["ocrResults"][1] == {
        "prunedResult": {"error": message},
        "errorCode": 422,
        "errorMsg": message,
    }
    window.click("Next page")
    assert window.texts() == ["three"]


def test_loading_services(
    open_page: OpenPage, make_service: MakeService, borrowed: Callable[[], PaddleOCR]
) -> None:
    loaded = threading.Event()

    def make() -> PaddleOCR:
        assert loaded.wait(LONG)
        return borrowed()

    service = make_service(make, ready=False)
    try:
        window = open_page(service, shows="still loading its models")
    finally:
        loaded.set()
    expect(window.at("#limits")).to_contain_text("MB", timeout=MILLISECONDS)


# ---- the key -------------------------------------------------------------------------------------


def test_keys(open_page: OpenPage, make_service: MakeService, english: Path) -> None:
    window = open_page(make_service(api_key="secret"))
    field = window.tab.get_by_label("API key")
    expect(field).to_be_visible()
    window.choose(english)
    expect(window.at("#error")).to_have_text("Please enter the API key first.")
    expect(field).to_be_focused()
    assert window.sent() == []
    field.fill("wrong")
    field.press("Enter")
    expect(window.at("#error")).to_contain_text("valid API key", timeout=MILLISECONDS)
    field.fill("schlüssel…")
    field.press("Enter")
    expect(window.at("#error")).to_have_text("The API key has characters that no key has.")
    field.fill("secret")
    field.press("Enter")
    expect(window.at(".line")).to_have_count(7, timeout=MILLISECONDS)
    assert [request.headers.get("x-api-key") for request in window.sent()] == ["wrong", "secret"]
    window.load()
    window.read(english)
    expect(window.at(".line")).to_have_count(7)
    assert window.tab.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_without_keys_nobody_is_asked_for_one(window: Window, english: Path) -> None:
    expect(window.at("#key-form")).to_be_hidden()
    window.read(english)
    assert "x-api-key" not in window.sent()[0].headers


# ---- safety --------------------------------------------------------------------------------------

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>&lt;b&gt;'


def test_texts_are_never_markup(window: Window, english: Path, tmp_path: Path) -> None:
    window.tab.route(STREAM, lambda route: answer(route, page_line([HOSTILE, "plain"]), DONE))
    file = tmp_path / "<b>name & more.png"
    file.write_bytes(english.read_bytes())
    window.read(file)
    assert window.texts() == [HOSTILE, "plain"]
    expect(window.at("#name")).to_have_text(file.name)
    window.at(".box").first.hover()
    expect(window.at("#tip-text")).to_have_text(HOSTILE)
    window.at(".line").first.click()
    expect(window.at("#toast")).to_have_text(f"Copied: {HOSTILE}")
    for place in ("#lines", "#tip", "#toast", "#name", "#overlay"):
        expect(window.at(f"{place} :is(img, script, b)")).to_have_count(0)
    assert window.tab.title() == f"{file.name} – fastocr"


def test_messages_are_never_markup(window: Window, english: Path) -> None:
    body = json.dumps({"errorCode": 422, "errorMsg": HOSTILE})
    window.tab.route(STREAM, lambda route: route.fulfill(status=422, body=body))
    window.choose(english)
    expect(window.at("#error")).to_have_text(f"{english.name}: {HOSTILE}")
    expect(window.at("#error *")).to_have_count(0)


def test_nothing_in_the_page_needs_more_than_the_policy_allows(window: Window) -> None:
    policy = window.tab.request.get(window.url).headers["content-security-policy"]
    assert "unsafe" not in policy
    for source in ("https://example.org/x.png", "//example.org/x.png"):
        with pytest.raises(Error):
            window.tab.evaluate("(source) => fetch(source)", source)
    window.mistakes = [text for text in window.mistakes if "Content Security Policy" not in text]
    scripts = "\n".join(file.read_text() for file in sorted(FOLDER.glob("*.js")))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", scripts
    )


# ---- everybody -----------------------------------------------------------------------------------


def test_keys_alone_do_everything(window: Window, english: Path) -> None:
    press = window.tab.keyboard.press
    reached: list[str] = []

    def tab_to(selector: str) -> None:
        """Presses Tab until an element has the focus, which has to be visible there."""
        for _ in range(40):
            press("Tab")
            focused = window.at(":focus")
            if focused.evaluate("(one, selector) => one.matches(selector)", selector):
                reached.append(selector)
                style = (
                    "one => getComputedStyle(one).outlineStyle + getComputedStyle(one).strokeWidth"
                )
                assert "solid" in (shown := focused.evaluate(style)) or "4px" in shown
                return
        raise AssertionError(f"Tab does not lead to {selector}: {reached}")

    # The browser does not say when it begins to tell of file choosers: it is asked long before.
    window.tab.on("filechooser", lambda _: None)
    tab_to("#choose")
    with window.tab.expect_file_chooser() as chooser:
        press("Enter")
    with window.tab.expect_event("requestfinished", lambda request: "/ocr/" in request.url):
        chooser.value.set_files(english)
    window.wait()
    texts = window.texts()
    tab_to("summary")
    press("Space")
    expect(window.at("#options-form")).to_be_visible()
    tab_to("#options-form select")
    press("Escape")
    expect(window.at("#options-form")).to_be_hidden()
    expect(window.at("summary")).to_be_focused()
    tab_to("#copy-text")
    press("Space")
    expect(window.at("#toast")).to_have_text("Text copied")
    tab_to("#zoom-in")
    press("Enter")
    tab_to(".box")
    expect(window.at("#tip-text")).to_have_text(texts[0])
    press("ArrowDown")
    press("ArrowRight")
    expect(window.at(".box").nth(2)).to_be_focused()
    expect(window.at("#tip-text")).to_have_text(texts[2])
    assert_tip_is_beside(window, window.at(".box").nth(2))
    expect(window.at(".line").nth(2)).to_have_class(re.compile("active"))
    press("Enter")
    expect(window.at("#toast")).to_have_text(f"Copied: {texts[2]}")
    press("ArrowUp")
    press("Space")
    expect(window.at("#toast")).to_have_text(f"Copied: {texts[1]}")
    press("Escape")
    expect(window.at("#tip")).to_be_hidden()
    tab_to(".line")
    press("End")
    expect(window.at(".line").last).to_be_focused()
    expect(window.at(".box").last).to_have_class(re.compile("active"))
    press("ArrowDown")
    expect(window.at(".line").last).to_be_focused()
    press("Enter")
    expect(window.at("#toast")).to_have_text(f"Copied: {texts[-1]}")
    assert window.clipboard() == texts[-1]
    press("Home")
    press("Space")
    expect(window.at("#toast")).to_have_text(f"Copied: {texts[0]}")
    press("Shift+Tab")
    expect(window.at(".box").nth(1)).to_be_focused()  # where the focus was last


def assert_tip_is_beside(window: Window, box: Locator) -> None:
    tip, marked = window.at("#tip").bounding_box(), box.bounding_box()
    assert tip is not None
    assert marked is not None
    assert 0 < marked["y"] - (tip["y"] + tip["height"]) < 20


def test_everything_has_a_name(window: Window, pdf: Path) -> None:
    window.read(pdf)
    window.at("summary").click()
    client = window.tab.context.new_cdp_session(window.tab)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "combobox", "textbox", "spinbutton", "link", "image", "progressbar")
    found = [
        (node["role"]["value"], node.get("name", {}).get("value"))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles
    ]
    assert len(found) > 30
    assert [role for role, name in found if not name] == []
    scores = [name for role, name in found if role == "button" and "score" in name]
    assert len(scores) == 7
    expect(window.at("#status")).to_have_role("status")
    expect(window.at("#status")).to_contain_text("three.pdf: 3 pages")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_screens_need_no_sideways_scrolling(
    open_page: OpenPage, pdf: Path, scheme: str
) -> None:
    window = open_page(viewport=PHONE, color_scheme=scheme)

    def assert_narrow() -> None:
        assert window.tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    assert_narrow()
    window.read(pdf)
    assert_narrow()
    window.at("summary").click()
    assert_narrow()
    places = {
        name: window.at(name).evaluate("one => one.getBoundingClientRect().toJSON()")
        for name in ("#stage", "#lines")
    }
    assert places["#lines"]["top"] > places["#stage"]["bottom"]
    assert places["#stage"]["width"] > 0.9 * PHONE["width"]
    background = window.at("body").evaluate("one => getComputedStyle(one).backgroundColor")
    brightness = sum(int(value) for value in re.findall(r"\d+", background)) / 3
    assert (brightness > 128) == (scheme == "light")
