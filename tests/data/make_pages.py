"""Renders the test pages in ``tests/data/pages``.

The pages come from OpenCV 5's built-in font "uni", so no font file is needed. The committed PNG
files are what the tests and the parity fixtures use: after a change here, run
``tests/parity/make_fixtures.py`` as well.

    python tests/data/make_pages.py [--out DIR]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]  # BGR

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
INK: Colour = (40, 34, 30)
MAX_BYTES = 60_000

ENGLISH = (
    "The ferry leaves the north pier at 7:45 every morning",
    "and reaches the island a little before nine. Tickets",
    "are sold on board; children under six travel free.",
    "",
    "Please keep the gangway clear and hold on to your hat:",
    "the wind on the upper deck is stronger than it looks.",
    "Bicycles cost 2.50 extra and must be tied to the rail.",
    "Last boat back: 18:30 (Sundays and holidays 17:15).",
)
CHINESE = (
    "图书馆开放时间调整通知",
    "自下月一日起，本馆周末开放时间延长至晚上九点。",
    "读者可凭借书证在三楼自习室预约座位，每次四小时。",
    "还书请投入门口的绿色箱子，逾期每册每天收费0.2元。",
    "如有疑问，请拨打服务电话：0571-8836 2047。",
    "祝您阅读愉快！",
)
JAPANESE = (
    "山小屋からのお知らせ",
    "夕食は午後六時、朝食は午前五時半です。",
    "水は貴重なので、大切にお使いください。",
    "カレーライスとコーヒーは売店で注文できます。",
    "明日の天気は晴れ、気温は12度の予報です。",
)
LEFT_COLUMN = (
    "Sourdough needs time",
    "more than anything else.",
    "Mix flour and water in",
    "the evening, fold twice",
    "and leave it covered.",
    "By morning the dough",
    "has doubled in size.",
)
RIGHT_COLUMN = (
    "Heat the oven to 240 C",
    "with a pot inside it.",
    "Score the loaf, bake it",
    "for 25 minutes with the",
    "lid on, then 20 without.",
    "Cool on a rack before",
    "you cut the first slice.",
)
TABLE = (
    ("Item", "Qty", "Unit", "Price", "Total"),
    ("Bolt M6", "40", "pc", "0.12", "4.80"),
    ("Hinge", "6", "pc", "3.75", "22.50"),
    ("Paint", "2.5", "l", "14.00", "35.00"),
    ("Sandpaper", "10", "m", "1.95", "19.50"),
    ("螺丝刀", "1", "把", "8.60", "8.60"),
    ("Sum", "", "", "", "90.40"),
)
SMALL_PRINT = "Organised by the traders of East Square, stand enquiries: 555-0164"
LONG_LINE = (
    "Notice to all residents: the lift in building C will be out of service from Monday to "
    "Wednesday; the stairs on the east side stay open day and night."
)


def canvas(width: int, height: int, colour: Colour = WHITE) -> Image:
    """A page of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def write(image: Image, text: str, at: tuple[int, int], size: int, colour: Colour = INK) -> None:
    """Draws one line with its baseline starting at ``at``."""
    cv2.putText(image, text, at, colour, cv2.FontFace("uni"), size)


def text_width(text: str, size: int) -> int:
    """Width in pixels of the drawn line."""
    box = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("uni"), size)
    return int(box[2])


def write_lines(
    image: Image,
    lines: Sequence[str],
    at: tuple[int, int],
    size: int,
    colour: Colour = INK,
    spacing: float = 1.7,
) -> None:
    """Draws lines below one another; an empty string leaves a gap."""
    x, y = at
    for line in lines:
        write(image, line, (x, y), size, colour)
        y += round(size * (spacing if line else spacing / 2))


def turned(image: Image, degrees: float, paper: Colour = WHITE) -> Image:
    """The page turned counter-clockwise about its centre, same size."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    result = cv2.warpAffine(
        image,
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=paper,
    )
    return result.astype(np.uint8, copy=False)


def english() -> Image:
    """A plain paragraph."""
    image = canvas(760, 420)
    write_lines(image, ENGLISH, (40, 60), 28)
    return image


def chinese() -> Image:
    """A notice with a title, punctuation and digits."""
    image = canvas(820, 400)
    write(image, CHINESE[0], (190, 64), 38)
    write_lines(image, CHINESE[1:], (40, 130), 28, spacing=1.9)
    return image


def japanese() -> Image:
    """Kanji, hiragana and katakana."""
    image = canvas(700, 340)
    write_lines(image, JAPANESE, (36, 56), 28, spacing=2.0)
    return image


def mixed_sizes() -> Image:
    """Sizes from 14 to 64 pixels, several colours: a poster."""
    image = canvas(720, 470, (225, 240, 250))
    write(image, "SUMMER MARKET", (60, 90), 64, (150, 60, 20))
    write(image, "夏日集市 · 城东广场", (150, 160), 40, (40, 40, 160))
    write(image, "Saturday 12 July, 10:00 - 22:00", (130, 220), 30, (60, 90, 20))
    write(image, "Honey, cheese, ceramics, old books and live music", (110, 268), 22)
    write(image, "Free entry. Dogs on a lead are welcome.", (190, 306), 18)
    write(image, SMALL_PRINT, (110, 340), 14)
    cv2.rectangle(image, (150, 368), (570, 440), (150, 60, 20), -1)
    write(image, "-20% before noon", (186, 418), 40, WHITE)
    return image


def two_columns() -> Image:
    """Two columns whose lines share their baselines."""
    image = canvas(760, 400)
    write(image, "BREAD AT HOME", (250, 56), 34)
    write_lines(image, LEFT_COLUMN, (36, 120), 25, spacing=1.5)
    write_lines(image, RIGHT_COLUMN, (410, 120), 25, spacing=1.5)
    return image


def table() -> Image:
    """Short cells between rules."""
    columns = (30, 230, 330, 430, 560, 690)
    image = canvas(720, 370)
    for row, cells in enumerate(TABLE):
        y = 30 + row * 44
        cv2.line(image, (columns[0], y), (columns[-1], y), (120, 120, 120), 1)
        for column, cell in enumerate(cells):
            write(image, cell, (columns[column] + 12, y + 31), 24)
    bottom = 30 + len(TABLE) * 44
    cv2.line(image, (columns[0], bottom), (columns[-1], bottom), (120, 120, 120), 1)
    for x in columns:
        cv2.line(image, (x, 30), (x, bottom), (120, 120, 120), 1)
    return image


def rotated_05() -> Image:
    """Mixed scripts turned by 5 degrees."""
    image = canvas(700, 420)
    lines = (
        "Meeting minutes, 3 March",
        "Present: Ito, Okafor, Lindgren",
        "会议地点：二号楼五层会议室",
        "The budget of 48,200 was approved.",
        "Next meeting in two weeks.",
    )
    write_lines(image, lines, (90, 110), 30, spacing=1.9)
    return turned(image, 5)


def rotated_15_and_30() -> Image:
    """One half turned by 15 degrees, the other by -30."""
    left, right = canvas(430, 430), canvas(430, 430)
    care = ("Handle with care", "This side up", "小心轻放")
    sample = ("Sample No. 8157", "Keep below 4 C", "请勿倒置")
    write_lines(left, care, (80, 150), 34, spacing=2.0)
    write_lines(right, sample, (90, 150), 34, spacing=2.0)
    return np.hstack([turned(left, 15), turned(right, -30)])


def vertical() -> Image:
    """Upright columns of characters and one line turned by 90 degrees: tall boxes.

    The turned line reads upwards, so its crop stands on its head and gives an empty text.
    """
    image = canvas(460, 520)
    for column, text in enumerate(("春眠不覚暁処処", "夜来風雨声花落", "茶は静かに飲む")):
        for row, character in enumerate(text):
            write(image, character, (380 - column * 90, 70 + row * 50), 42)
    strip = canvas(440, 60)
    write(strip, "WAREHOUSE GATE 7", (16, 42), 36)
    image[40:480, 40:100] = np.rot90(strip)
    return image


def light_on_dark() -> Image:
    """A departure board: light text on a dark blue ground."""
    image = canvas(700, 360, (70, 35, 15))
    write(image, "DEPARTURES", (30, 60), 40, (90, 220, 255))
    rows = (
        ("08:05", "Utrecht Centraal", "Track 4"),
        ("08:17", "上海虹桥", "Track 11"),
        ("08:32", "Gothenburg", "delayed"),
        ("08:40", "名古屋", "Track 2"),
    )
    for row, (time, place, note) in enumerate(rows):
        y = 125 + row * 58
        write(image, time, (30, y), 30, (235, 235, 235))
        write(image, place, (170, y), 30, WHITE)
        write(image, note, (520, y), 30, (120, 200, 120))
    return image


def noise_background() -> Image:
    """Text over a coarse gradient with pixel noise."""
    rng = np.random.default_rng(7)
    height, width = 230, 420
    slope = np.linspace(150, 215, width)[None, :] + np.linspace(-10, 10, height)[:, None]
    # Three levels only: finer noise would not compress.
    noise = rng.integers(-1, 2, (height, width)) * 14
    gray = np.clip(np.round(slope / 5) * 5 + noise, 0, 255).astype(np.uint8)
    image = np.repeat(gray[:, :, None], 3, axis=2)
    write_lines(
        image,
        ("Bus ticket, zone 3", "valid until 23:59", "车票 当日有效", "No. 40917-265"),
        (40, 50),
        30,
        BLACK,
        spacing=1.6,
    )
    return image


def long_line() -> Image:
    """One line whose box is more than 30 times as wide as high, and a short one."""
    size = 22
    image = canvas(text_width(LONG_LINE, size) + 60, 120)
    write(image, LONG_LINE, (30, 50), size)
    write(image, "Thank you.", (30, 95), size)
    return image


def small_on_gray() -> Image:
    """Small print, low contrast, on gray paper."""
    image = canvas(620, 300, (196, 200, 202))
    lines = (
        "Ingredients: wheat flour, water, rapeseed oil, sugar, yeast, salt.",
        "May contain traces of sesame, soya and milk. Store in a cool, dry place.",
        "Best before: see lid. Net weight 340 g. Packed for Hollow Lane Mills Ltd.",
        "配料：小麦粉、水、菜籽油、白砂糖、酵母、食用盐。净含量：340克",
        "保質期限はふたに記載しています。直射日光を避けて保存してください。",
        "Energy 1040 kJ / 247 kcal; fat 3.1 g; carbohydrate 45 g; protein 8.4 g.",
    )
    for row, line in enumerate(lines):
        write(image, line, (24, 44 + row * 42), (13, 14, 15, 15, 14, 16)[row], (90, 88, 86))
    return image


def blank() -> Image:
    """Nothing to read."""
    return canvas(320, 240)


PAGES: tuple[Callable[[], Image], ...] = (
    english,
    chinese,
    japanese,
    mixed_sizes,
    two_columns,
    table,
    rotated_05,
    rotated_15_and_30,
    vertical,
    light_on_dark,
    noise_background,
    long_line,
    small_on_gray,
    blank,
)


def encode(image: Image) -> bytes:
    """PNG bytes: 16 shades a channel, and one channel only where the page has no colour.

    Fewer shades, and no row filter, halve the files; the text looks the same.
    """
    shades = (np.round(image / 17.0) * 17).astype(np.uint8)
    plain = bool((shades == shades[:, :, :1]).all())
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    done, data = cv2.imencode(".png", shades[:, :, 0] if plain else shades, options)
    if not done:
        raise RuntimeError("PNG encoding failed")
    return data.tobytes()


def main() -> None:
    """Writes every page and lists its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).resolve().parent / "pages"
    parser.add_argument("--out", type=Path, default=default, help="folder for the PNG files")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        image = page()
        data = encode(image)
        if len(data) > MAX_BYTES:
            raise SystemExit(f"{page.__name__}: {len(data)} bytes, more than {MAX_BYTES}")
        (folder / f"{page.__name__}.png").write_bytes(data)
        print(f"{page.__name__:20s} {image.shape[1]:5d} x {image.shape[0]:4d} {len(data):7d} bytes")


if __name__ == "__main__":
    main()
