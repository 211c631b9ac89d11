"""Pictures of results: where they put what, and which fonts they use."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fastocr import fonts
from fastocr.drawing import draw_below, draw_document, draw_label, draw_ocr, draw_outlines
from fastocr.errors import UnsupportedOptionError
from fastocr.fonts import Font, default_font, drawable, font_for, visual_order

Array = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 400, 300


def box(x: int, y: int, w: int, h: int) -> npt.NDArray[np.int16]:
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.int16)


def page() -> Array:
    return np.full((HEIGHT, WIDTH, 3), (60, 120, 240), np.uint8)


def right_half(*items: tuple[npt.NDArray[np.int16], str], font: Font | None = None) -> Array:
    used = None if font is None else [font] * len(items)
    picture = draw_ocr(page(), [poly for poly, _ in items], [text for _, text in items], used)
    return picture[:, WIDTH:]


def ink(area: Array) -> npt.NDArray[np.bool_]:
    """Where text is: dark pixels (outlines are coloured)."""
    return np.asarray(area.max(axis=2) < 80)


def columns_with_ink(area: Array) -> npt.NDArray[np.intp]:
    return np.flatnonzero(ink(area).any(axis=0))


@pytest.fixture(scope="module")
def font_file() -> str:
    file = fonts._system_files().get("dejavusans.ttf")
    if file is None:
        pytest.skip("DejaVu Sans is not installed")
    return str(file)


@pytest.fixture
def no_script_fonts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A system whose only font directory is an empty one, which is returned."""
    monkeypatch.setattr(fonts, "_font_folders", lambda: iter([tmp_path]))
    monkeypatch.setattr(fonts, "_package_file", lambda script: None)
    fonts._script_font.cache_clear()
    fonts._system_files.cache_clear()
    yield tmp_path
    fonts._script_font.cache_clear()
    fonts._system_files.cache_clear()


def test_size_and_dtype() -> None:
    picture = draw_ocr(page(), [], [])
    assert picture.shape == (HEIGHT, 2 * WIDTH, 3)
    assert picture.dtype == np.uint8
    assert (picture[:, :WIDTH] == (240, 120, 60)).all()  # RGB
    assert (picture[:, WIDTH:] == 255).all()


def test_left_half_blends_the_page_with_filled_boxes() -> None:
    before = page()
    original = before.copy()
    picture = draw_ocr(before, [box(10, 10, 50, 20), box(100, 100, 50, 20)], ["a", "b"])
    colours = Random(0)
    for x, y in ((30, 20), (120, 110)):
        colour = np.array([colours.randint(0, 255) for _ in range(3)])
        expected = (np.array([240, 120, 60]) + colour) / 2
        np.testing.assert_allclose(picture[y, x], expected, atol=0.5)
    assert tuple(picture[250, 350]) == (240, 120, 60)
    np.testing.assert_array_equal(before, original)


def test_pictures_of_the_same_result_are_identical() -> None:
    items = ((box(10, 10, 200, 40), "Same 一样"), (box(300, 10, 30, 200), "竖排"))
    first = right_half(*items)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda _: right_half(*items), range(16)))
    assert all((picture == first).all() for picture in pictures)


@pytest.mark.parametrize(
    "text",
    [
        "Hello, gjpqy",
        "中文字符",
        "日本語カナひら",
        "한국어 문장",
        "Привет",
        "Ελληνικά",
        "Tiếng Việt",
    ],
)
def test_text_is_drawn_inside_its_box(text: str) -> None:
    right = right_half((box(50, 100, 300, 40), text))
    inside = ink(right[100:140, 50:350])
    assert inside.sum() > 300
    assert inside.any(axis=0).sum() > 60
    rows = np.flatnonzero(inside.any(axis=1))
    assert rows[-1] - rows[0] > 20
    right[100:141, 50:351] = 255
    assert (right == 255).all()


@pytest.mark.parametrize("text", ["中文字符", "日本語カナひら", "한국어", "Привет", "Tiếng Việt"])
def test_letters_are_not_replaced_by_question_marks(text: str) -> None:
    drawn = right_half((box(50, 100, 300, 40), text))
    unknown = right_half((box(50, 100, 300, 40), "?" * len(text)))
    assert (ink(drawn) != ink(unknown)).sum() > 300


@pytest.mark.parametrize("char", "ǎǐǒǔǘǚǜˊˋ‾∼ⅤⅩ℃℉ÅﾊﾝÅ")
def test_empty_glyphs_of_the_builtin_font_get_a_stand_in(char: str) -> None:
    drawn = ink(right_half((box(50, 100, 100, 60), char)))
    assert drawn.any()
    unknown = ink(right_half((box(50, 100, 100, 60), "?")))
    assert (drawn != unknown).any()


def test_long_text_shrinks_to_its_box() -> None:
    text = "The end of a text that is much too long for its box #"
    drawn = ink(right_half((box(50, 100, 200, 40), text)))
    columns = np.flatnonzero(drawn.any(axis=0))
    assert columns[0] >= 50
    assert 200 < columns[-1] <= 250


def test_rotated_box() -> None:
    angle = np.deg2rad(-30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-120, -20], [120, -20], [120, 20], [-120, 20]]) @ turn.T + (200, 150)
    poly = corners.round().astype(np.int16)
    right = right_half((poly, "Rotated 旋转文字"))
    rows, columns = np.nonzero(ink(right))
    assert len(rows) > 300
    assert np.corrcoef(rows, columns)[0, 1] < -0.8  # the line rises to the right
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(inside, [poly.astype(np.int32)], 1)
    assert (inside[ink(right)] == 1).all()


def test_upside_down_box_turns_the_text() -> None:
    poly = box(50, 100, 300, 40)
    upright = ink(right_half((poly, "F7")))[101:140, 51:350]
    turned = ink(right_half((np.roll(poly, 2, axis=0), "F7")))[101:140, 51:350]
    overlap = upright & turned[::-1, ::-1]
    assert overlap.sum() > 0.7 * upright.sum()


def test_tall_box_stacks_east_asian_text() -> None:
    drawn = ink(right_half((box(100, 20, 40, 250), "二三四五")))[21:270, 101:140]
    assert all(cell.any() for cell in np.array_split(drawn, 4))
    halves = drawn[:, :19].sum(), drawn[:, 20:].sum()
    assert min(halves) > 0.6 * max(halves)  # centred


def test_tall_box_turns_latin_text_clockwise() -> None:
    drawn = ink(right_half((box(100, 20, 40, 250), "FFFFFF")))[21:270, 101:140]
    flat = ink(right_half((box(20, 100, 250, 40), "FFFFFF")))[101:140, 21:270]
    overlap = drawn & np.rot90(flat, -1)
    assert overlap.sum() > 0.7 * flat.sum()


@pytest.mark.parametrize("text", ["on", "18", "it"])
def test_short_word_in_a_tall_box_is_not_turned(text: str) -> None:
    drawn = ink(right_half((box(100, 100, 19, 44), text)))[101:144, 101:119]
    larger = ink(right_half((box(100, 100, 200, 44), text)))
    rows, columns = np.nonzero(larger)
    cut = larger[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(np.uint8)
    rows, columns = np.nonzero(drawn)
    found = drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    shape = (found.shape[1], found.shape[0])
    expected = cv2.resize(cut, shape, interpolation=cv2.INTER_AREA)
    assert (found & (expected > 0)).sum() > 0.7 * found.sum()
    assert found.shape[0] / found.shape[1] == pytest.approx(cut.shape[0] / cut.shape[1], rel=0.3)


@pytest.mark.parametrize(("w", "h", "text"), [(40, 44, "字"), (40, 44, "F"), (40, 250, "FFFFFF")])
def test_corners_the_other_way_round_do_not_mirror(w: int, h: int, text: str) -> None:
    poly = box(100, 20, w, h)
    usual = ink(right_half((poly, text)))
    assert usual.any()
    for order in ([0, 3, 2, 1], [3, 2, 1, 0]):
        assert (ink(right_half((poly[order], text))) == usual).all()


def test_small_tall_box_keeps_upright_text() -> None:
    drawn = ink(right_half((box(100, 100, 10, 28), "中")))
    rows = np.flatnonzero(drawn.any(axis=1))
    assert 110 < rows.mean() < 118


def test_one_bad_item_does_not_cost_the_others(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "fastocr")
    bad = np.array([[5, 5], [9, 9]], np.int16)
    right = right_half((bad, "bad one"), (box(50, 100, 300, 40), "good one"))
    assert ink(right[100:140, 50:350]).sum() > 300
    messages = [record for record in caplog.records if "bad one" in record.getMessage()]
    assert [record.levelno for record in messages] == [logging.DEBUG]
    assert messages[0].exc_info is not None


@pytest.mark.parametrize(
    "poly",
    [box(100, 50, 0, 30), box(100, 50, 30, 0), box(390, 290, 60, 80), box(900, 900, 60, 30)],
    ids=["no width", "no height", "over the corner", "outside"],
)
def test_odd_boxes_are_no_failures(
    poly: npt.NDArray[np.int16], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "fastocr")
    right = right_half((poly, "odd"), (box(50, 100, 300, 40), "good one"))
    assert ink(right[100:140, 50:350]).sum() > 300
    assert caplog.records == []


@pytest.mark.parametrize("text", ["", " ", "\u3000", "\n"])
def test_text_without_ink(text: str) -> None:
    assert not ink(right_half((box(50, 100, 300, 40), text))).any()


def test_lone_surrogates_and_control_characters_are_harmless() -> None:
    assert drawable("a\ud800b\x00c\nd") == "a?b c d"
    assert ink(right_half((box(50, 100, 300, 40), "a\ud800b\x00\nc"))).any()


def test_read_only_and_strided_pages() -> None:
    wide = np.full((HEIGHT, 2 * WIDTH, 3), 90, np.uint8)
    view = wide[:, ::2]
    view.flags.writeable = False
    assert (draw_ocr(view, [], [])[:, :WIDTH] == 90).all()


def test_old_opencv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "FontFace")
    for draw in (
        lambda: draw_ocr(page(), [], []),
        lambda: draw_document([(page(), "a")]),
        lambda: draw_below(page(), "a", default_font()),
        lambda: draw_label(page(), "a"),
    ):
        with pytest.raises(UnsupportedOptionError, match="opencv-python 5"):
            draw()


def test_default_font_is_cheap_and_comparable() -> None:
    assert default_font() == Font("uni", None)
    assert font_for("Hello 中文 Привет") == default_font()
    preferred = Font("Mine", "mine.ttf")
    assert font_for("สวัสดี", preferred) is preferred


@pytest.mark.parametrize(
    ("script", "text"),
    [("Thai", "สวัสดี"), ("Devanagari", "नमस्ते"), ("Tamil", "தமிழ்"), ("Arabic", "مرحبا")],
)
def test_missing_script_font_is_reported_once_and_still_drawn(
    no_script_fonts: Path, caplog: pytest.LogCaptureFixture, script: str, text: str
) -> None:
    for _ in range(2):
        assert ink(right_half((box(50, 100, 300, 40), text))).sum() > 100
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert f"No font for {script} text" in warnings[0]
    assert f"fontpkg-noto-sans-{script.lower()}" in warnings[0]


def test_warning_names_no_package_that_is_not_there(
    no_script_fonts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    font_for("ಕನ್ನಡ")
    assert "Install Noto Sans Kannada" in caplog.text
    assert "PADDLE_PDX_LOCAL_FONT_FILE_PATH" in caplog.text
    assert "fontpkg" not in caplog.text


@pytest.mark.parametrize(
    ("text", "drawn_by_free_sans", "best"),
    [
        ("नमस्ते", True, "FreeSans"),
        ("தமிழ்", False, "FreeSerif"),
        ("สวัสดี", False, "FreeSerif"),
        ("ಕನ್ನಡ", False, "uni"),
    ],
)
def test_font_files_are_used_for_scripts_that_they_draw(
    no_script_fonts: Path, text: str, drawn_by_free_sans: bool, best: str
) -> None:
    (no_script_fonts / "FreeSans.ttf").touch()
    assert (font_for(text).path is not None) == drawn_by_free_sans
    fonts._script_font.cache_clear()
    fonts._system_files.cache_clear()
    (no_script_fonts / "FreeSerif.ttf").touch()
    assert font_for(text).name == best


def test_script_font_of_the_system(no_script_fonts: Path) -> None:
    folder = no_script_fonts / "truetype" / "noto"
    folder.mkdir(parents=True)
    for style in ("Thai-Bold", "Thai-Regular", "ThaiLooped-Regular", "Tamil-Thin"):
        (folder / f"NotoSans{style}.ttf").touch()
    assert font_for("สวัสดี") == Font(
        "NotoSansThai-Regular", str(folder / "NotoSansThai-Regular.ttf")
    )
    assert font_for("தமிழ்").name == "NotoSansTamil-Thin"


def test_script_font_of_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "fontpkg_noto_sans_thai" / "files"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise ImportError('only its files are used')")
    file = folder / "NotoSansThai[wdth,wght].ttf"
    file.touch()
    monkeypatch.syspath_prepend(tmp_path)
    fonts._script_font.cache_clear()
    assert font_for("สวัสดี").path == str(file)
    fonts._script_font.cache_clear()


def test_broken_font_file_falls_back_to_the_builtin_font(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"not a font")
    for _ in range(2):
        right = right_half((box(50, 100, 300, 40), "Hello"), font=Font("broken", str(broken)))
        assert ink(right).sum() > 300
    assert [str(broken) in record.getMessage() for record in caplog.records] == [True]


def test_font_file_draws_inside_its_box(font_file: str) -> None:
    font = Font("DejaVu Sans", font_file)
    items = (
        (box(50, 100, 150, 40), "Long text gjpqy ÀÉ for its box"),
        (box(300, 20, 30, 250), "日x"),
    )
    right = right_half(*items, font=font)
    assert ink(right[100:141, 50:201]).sum() > 100
    assert ink(right[20:271, 300:331]).any()
    right[100:141, 50:201] = right[20:271, 300:331] = 255
    assert (right == 255).all()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("plain 中文", "plain 中文"),
        ("שלום עולם", "םלוע םולש"),
        ("שלום 123 abc", "123 abc םולש"),
        ("abc שלום def", "abc םולש def"),
    ],
)
def test_visual_order(text: str, drawn: str) -> None:
    assert visual_order(text) == drawn


def test_outlines() -> None:
    outlines = [box(10, 10, 50, 20), np.array([[100, 100], [160, 90], [200, 150]])]
    picture = draw_outlines(page(), outlines)
    red = (picture == (255, 0, 0)).all(axis=2)
    assert red[10, 10:61].all()
    assert red[10:31, 60].all()
    assert red[100, 100]
    assert red[150, 200]
    assert not red[20, 30]
    assert tuple(picture[20, 30]) == (240, 120, 60)  # RGB


@pytest.mark.parametrize("view", ["copy", "channels reversed", "read-only"])
def test_pages_are_never_drawn_on(view: str) -> None:
    source = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    given = source[:, :, ::-1] if view == "channels reversed" else source
    given.flags.writeable = view != "read-only"
    draw_outlines(given, [box(10, 10, 50, 20)])
    draw_label(given, "label")
    draw_below(given, "text", default_font())
    draw_document([(given, "caption")])
    draw_ocr(given, [box(10, 10, 50, 20)], ["text"])
    assert (source == 90).all()


def test_document_is_put_side_by_side() -> None:
    tall = np.full((200, 120, 3), (1, 2, 3), np.uint8)
    wide = np.full((120, 200, 3), (4, 5, 6), np.uint8)
    picture = draw_document([(tall, "Original Image"), (wide, "Turned")])
    assert picture.shape == (200 + 25, 120 + 200, 3)
    assert (picture[:200, :120] == (3, 2, 1)).all()  # RGB
    assert (picture[:120, 120:] == (6, 5, 4)).all()
    assert (picture[120:200, 120:] == 255).all()
    captions = picture[200:]
    for left, right in ((0, 120), (120, 320)):
        columns = columns_with_ink(captions[:, left:right])
        assert columns[0] >= 8
        assert columns[-1] < right - left - 2
    assert not ink(captions)[[0, -1]].any()  # nothing is cut off


def test_document_of_a_narrow_page() -> None:
    picture = draw_document([(np.zeros((30, 5, 3), np.uint8), "Original Image")])
    assert picture.shape == (55, 5, 3)


@pytest.mark.parametrize("width", [640, 2000])
def test_text_below_a_line(width: int) -> None:
    line = np.full((48, width, 3), (60, 120, 240), np.uint8)
    picture = draw_below(line, "Gjpq Ünï 中文 (0.97)", default_font())
    assert picture.shape[1] == width
    assert (picture[:48] == (240, 120, 60)).all()
    below = ink(picture[48:])
    rows = np.flatnonzero(below.any(axis=1))
    assert rows[0] > 0
    assert rows[-1] < len(below) - 1
    assert rows[-1] - rows[0] > 0.5 * len(below)


@pytest.mark.parametrize("from_file", [False, True], ids=["built-in", "file"])
def test_picture_is_as_wide_as_its_text_needs(from_file: bool, font_file: str) -> None:
    font = Font("DejaVu Sans", font_file) if from_file else default_font()
    line = np.full((300, 20, 3), (60, 120, 240), np.uint8)
    picture = draw_below(line, "a text that is much wider than its line", font)
    assert 150 < picture.shape[1] < 400
    assert (picture[:300, 20:] == 255).all()
    columns = columns_with_ink(picture[300:])
    assert columns[0] < 5
    assert columns[-1] > 0.85 * picture.shape[1]


@pytest.mark.parametrize("width", [400, 3000])
def test_label_is_as_wide_as_its_text(width: int) -> None:
    image = np.full((200, width, 3), (60, 120, 240), np.uint8)
    spans = []
    for label in ("0 0.99", "180_degree 0.99"):
        picture = draw_label(image, label)
        assert picture.shape == image.shape
        changed = (picture != (240, 120, 60)).any(axis=2)
        height, span = changed.any(axis=1).sum(), changed.any(axis=0).sum()
        assert changed[:height, :span].all()  # in the corner, without gaps
        assert height == max(25, width // 20)
        columns = columns_with_ink(picture[:height, :span])
        assert 0 < columns[0] < 0.4 * height
        assert 0 < span - columns[-1] < 0.6 * height
        spans.append(span)
    assert spans[0] < spans[1] < width


@pytest.mark.parametrize(("height", "width"), [(1, 1), (10, 30), (48, 60)])
def test_label_of_a_small_image(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    assert draw_label(image, "180_degree 0.99").shape == image.shape


@pytest.mark.parametrize("text", ["", "a\ud800b\x00c", "\n"])
def test_hostile_captions(text: str) -> None:
    assert draw_below(page(), text, default_font()).shape[1] == WIDTH
    assert draw_label(page(), text).shape == page().shape


def test_font_file_of_the_environment(font_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    item = (box(50, 100, 300, 40), "Which font?")
    builtin = ink(right_half(item))
    monkeypatch.setenv("PADDLE_PDX_LOCAL_FONT_FILE_PATH", font_file)
    assert default_font() == Font("DejaVuSans", font_file)
    assert font_for("สวัสดี", default_font()) == default_font()  # one file for everything
    drawn = ink(right_half(item))
    assert (drawn != builtin).sum() > 100
    assert (drawn == ink(right_half(item, font=Font("DejaVuSans", font_file)))).all()
    monkeypatch.setenv("PADDLE_PDX_LOCAL_FONT_FILE_PATH", "")
    assert default_font() == Font("uni", None)


def test_missing_font_file_of_the_environment_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PADDLE_PDX_LOCAL_FONT_FILE_PATH", str(tmp_path / "gone.ttf"))
    assert default_font() == default_font() == Font("uni", None)
    (record,) = caplog.records
    assert "PADDLE_PDX_LOCAL_FONT_FILE_PATH" in record.getMessage()
    assert "gone.ttf" in record.getMessage()


def test_texts_in_display_order_are_drawn_as_they_are_read() -> None:
    """Also beside digits; models of the Arabic script give such texts."""
    page = np.full((60, 300, 3), 255, np.uint8)
    box = np.array([[5, 5], [295, 5], [295, 55], [5, 55]])
    text = "\u05e9\u05dc\u05d5\u05dd 123 \u05e2\u05d5\u05dc\u05dd"
    seen = "\u05dd\u05dc\u05d5\u05e2 123 \u05dd\u05d5\u05dc\u05e9"
    wanted = draw_ocr(page, [box], [text])
    font = replace(default_font(), display_order=True)
    np.testing.assert_array_equal(draw_ocr(page, [box], [seen], [font]), wanted)
    assert (draw_ocr(page, [box], [seen]) != wanted).any()
