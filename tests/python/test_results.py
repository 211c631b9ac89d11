"""Result objects: keys, printing, file names, JSON and failures."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fastocr.errors import InputError, InputNotFoundError, UnsupportedOptionError
from fastocr.fonts import default_font
from fastocr.results import (
    DocPreprocessorResult,
    DocTrResult,
    FailedResult,
    OCRResult,
    TextDetResult,
    TextRecResult,
    TopkResult,
)

BOX = np.array([[10, 10], [110, 10], [110, 40], [10, 40]], np.int16)


def page_data(**changes: Any) -> dict[str, Any]:
    """The data of a page with two boxes, of which one passed the score threshold."""
    data: dict[str, Any] = {
        "input_path": "scans/page.png",
        "page_index": None,
        "doc_preprocessor_res": {"output_img": np.full((80, 150, 3), 200, np.uint8)},
        "dt_polys": [BOX, BOX + np.int16(5)],
        "model_settings": {"use_doc_preprocessor": False, "use_textline_orientation": False},
        "text_det_params": {"limit_side_len": 64, "limit_type": "min", "thresh": np.float32(0.5)},
        "text_type": "general",
        "text_rec_score_thresh": 0.0,
        "return_word_box": False,
        "rec_texts": ["发票 Nº 1"],
        "rec_scores": [np.float64(0.875)],
        "rec_polys": [BOX],
        "vis_fonts": [default_font()],
        "textline_orientation_angles": [-1, -1],
        "rec_boxes": np.array([[10, 10, 110, 40]], np.int16),
    }
    return data | changes


def blank_page_data() -> dict[str, Any]:
    data = page_data(
        dt_polys=[], rec_texts=[], rec_scores=[], rec_polys=[], vis_fonts=[], rec_boxes=np.array([])
    )
    del data["textline_orientation_angles"]
    return data


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_result_is_the_given_dictionary() -> None:
    data = page_data()
    result = OCRResult(data)
    assert isinstance(result, dict)
    assert list(result) == list(data)
    assert result["dt_polys"] is data["dt_polys"]
    assert result.ok is True
    assert result.error is None


def test_json_has_the_keys_of_the_reference_in_its_order() -> None:
    assert list(OCRResult(page_data()).json) == ["res"]
    assert list(OCRResult(page_data()).json["res"]) == [
        "input_path",
        "page_index",
        "model_settings",
        "dt_polys",
        "text_det_params",
        "text_type",
        "textline_orientation_angles",
        "text_rec_score_thresh",
        "return_word_box",
        "rec_texts",
        "rec_scores",
        "rec_polys",
        "rec_boxes",
    ]


def test_json_holds_plain_values() -> None:
    content = OCRResult(page_data(input_path=Path("scans", "page.png"))).json["res"]
    assert content["input_path"] == "scans/page.png"
    assert content["rec_boxes"] == [[10, 10, 110, 40]]
    assert content["rec_polys"] == [BOX.tolist()]
    assert type(content["rec_scores"][0]) is float
    assert type(content["text_det_params"]["thresh"]) is float
    assert json.loads(json.dumps(content)) == content


def test_json_of_a_blank_page() -> None:
    content = OCRResult(blank_page_data()).json["res"]
    assert "textline_orientation_angles" not in content
    assert content["dt_polys"] == content["rec_texts"] == content["rec_boxes"] == []


def test_json_with_word_boxes() -> None:
    words = {
        "text_word": [["发", "票"]],
        "text_word_region": [
            [((0, 0), (9, 0), (9, 9), (0, 9)), ((9, 0), (18, 0), (18, 9), (9, 9))]
        ],
        "text_word_boxes": [np.array([[0, 0, 9, 9], [9, 0, 18, 9]])],
    }
    content = OCRResult(page_data(return_word_box=True, **words)).json["res"]
    assert list(content)[-3:] == ["rec_boxes", "text_word_boxes", "text_word"]
    assert content["text_word_boxes"] == [[[0, 0, 9, 9], [9, 0, 18, 9]]]
    assert content["text_word"] == [["发", "票"]]


def document_data(**changes: Any) -> dict[str, Any]:
    """The data of a page that was turned; each image has a gray level of its own."""
    data: dict[str, Any] = {
        "input_path": None,
        "page_index": None,
        "input_img": np.full((150, 80, 3), 50, np.uint8),
        "model_settings": {"use_doc_orientation_classify": True, "use_doc_unwarping": False},
        "angle": 90,
        "rot_img": np.full((80, 150, 3), 100, np.uint8),
        "output_img": np.full((80, 150, 3), 200, np.uint8),
    }
    return data | changes


def turned_page_data(**changes: Any) -> dict[str, Any]:
    return page_data(
        doc_preprocessor_res=DocPreprocessorResult(document_data()),
        model_settings={"use_doc_preprocessor": True, "use_textline_orientation": False},
        **changes,
    )


def test_json_with_document_preprocessing() -> None:
    result = OCRResult(turned_page_data())
    for content in (result.json["res"], result.str["res"]):
        assert list(content)[2:5] == ["model_settings", "doc_preprocessor_res", "dt_polys"]
        assert content["doc_preprocessor_res"] == {
            "input_path": None,
            "page_index": None,
            "model_settings": {"use_doc_orientation_classify": True, "use_doc_unwarping": False},
            "angle": 90,
        }


def test_pictures_with_document_preprocessing(tmp_path: Path) -> None:
    result = OCRResult(turned_page_data())
    sizes = {name: picture.size for name, picture in result.img.items()}
    assert sizes == {"ocr_res_img": (300, 80), "preprocessed_img": (80 + 150 + 150, 150 + 25)}
    result.save_all(tmp_path)
    assert names_in(tmp_path) == [
        "page_ocr_res_img.png",
        "page_preprocessed_img.png",
        "page_res.json",
    ]


@pytest.mark.parametrize(
    ("coordinates", "size", "level"), [("processed", (300, 80), 200), ("original", (160, 150), 50)]
)
def test_boxes_are_drawn_on_the_page_that_they_refer_to(
    coordinates: str, size: tuple[int, int], level: int
) -> None:
    result = OCRResult(turned_page_data(rec_polys=[], rec_texts=[], vis_fonts=[]))
    result.coordinates = coordinates
    picture = result.img["ocr_res_img"]
    assert picture.size == size
    assert picture.getpixel((0, 0)) == (level, level, level)


def test_str_has_stacked_arrays() -> None:
    content = OCRResult(page_data()).str["res"]
    assert list(content) == list(OCRResult(page_data()).json["res"])
    assert content["dt_polys"].shape == (2, 4, 2)
    assert content["dt_polys"].dtype == np.int16
    assert content["rec_scores"].tolist() == [0.875]


def test_print_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    OCRResult(page_data()).print()
    printed, errors = capsys.readouterr()
    assert printed.startswith("{'res': {'input_path': 'scans/page.png'")
    assert "发票 Nº 1" in printed
    assert "..." in printed  # long arrays are shortened
    assert errors == ""


def test_print_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    result = OCRResult(page_data())
    result.print(json_format=True, indent=2)
    printed, errors = capsys.readouterr()
    assert json.loads(printed) == result.json
    assert printed.startswith('{\n  "res"')
    assert "发票" in printed
    assert errors == ""
    result.print(json_format=True, ensure_ascii=True)
    assert r"\u53d1\u7968" in capsys.readouterr().out


def test_print_to_an_output_without_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    OCRResult(page_data()).print()
    assert rb"\u53d1\u7968 N\xba 1" in raw.getvalue()


def test_numpy_print_options_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    result = OCRResult(page_data())
    with np.printoptions(threshold=77, edgeitems=5):
        before = np.get_printoptions()
        result.print()
        assert result.str
        assert np.get_printoptions() == before
    assert "..." in capsys.readouterr().out


@pytest.mark.parametrize("as_path", [str, Path])
def test_save_all_into_a_new_nested_directory(tmp_path: Path, as_path: type) -> None:
    target = tmp_path / "neu" / "出力"
    OCRResult(page_data()).save_all(as_path(target))
    assert names_in(target) == ["page_ocr_res_img.png", "page_res.json"]


@pytest.mark.parametrize(
    ("input_path", "page_index", "names"),
    [
        ("a/doc.pdf", 0, ["doc_0_ocr_res_img.png", "doc_0_res.json"]),
        ("m.tif", 1, ["m_1_ocr_res_img.tif", "m_1_res.json"]),
        ("PHOTO.JPG", None, ["PHOTO_ocr_res_img.JPG", "PHOTO_res.json"]),
        ("v1.2 scan.jpeg", None, ["v1.2 scan_ocr_res_img.jpeg", "v1.2 scan_res.json"]),
        ("no suffix", None, ["no suffix_ocr_res_img.png", "no suffix_res.json"]),
        ("请求/页.png", None, ["页_ocr_res_img.png", "页_res.json"]),
        (f"{'页' * 73}.png", 7, [f"{'页' * 73}_7_ocr_res_img.png", f"{'页' * 73}_7_res.json"]),
        ("caf\udce9.png", None, ["caf\udce9_ocr_res_img.png", "caf\udce9_res.json"]),
        ("a\0b\ud800.png", None, ["a_b__ocr_res_img.png", "a_b__res.json"]),
        ("a/..", None, [".._ocr_res_img.png", ".._res.json"]),
        (
            "https://host/a/scan%2F..%2F%3a1.jpg?size=3/4#x",
            None,
            ["scan_..__1_ocr_res_img.jpg", "scan_..__1_res.json"],
        ),
    ],
)
def test_file_names(
    tmp_path: Path, input_path: str, page_index: int | None, names: list[str]
) -> None:
    OCRResult(page_data(input_path=input_path, page_index=page_index)).save_all(tmp_path)
    assert names_in(tmp_path) == names
    with Image.open(tmp_path / names[0]) as image:
        assert image.size == (300, 80)


def test_long_names_that_begin_alike_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for end in "ab":
        OCRResult(page_data(input_path=f"{'页' * 83}{end}.png", page_index=99999)).save_all(
            tmp_path
        )
    names = names_in(tmp_path)
    assert len(names) == 4
    assert all(name.startswith("页" * 70) for name in names)
    assert all(len(name.encode()) <= 255 for name in names)


def test_names_without_an_input_path_stay_fixed(tmp_path: Path) -> None:
    result = OCRResult(page_data(input_path=None, page_index=3))
    result.save_all(tmp_path)
    result.save_all(tmp_path)
    image, text = names_in(tmp_path)
    stem = image.removesuffix("_ocr_res_img.png")
    assert re.fullmatch(r"\d{10}_[1-9]\d{3}_3", stem)
    assert text == f"{stem}_res.json"


@pytest.mark.parametrize("name", ["picture.PNG", "bild ä 图.jpg", "new/dir/picture.tiff"])
def test_save_to_img_with_a_file_name(tmp_path: Path, name: str) -> None:
    OCRResult(page_data()).save_to_img(tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.size == (300, 80)


def test_save_to_json_with_a_file_name(tmp_path: Path) -> None:
    target = tmp_path / "neu" / "结果.JSON"
    result = OCRResult(page_data())
    result.save_to_json(str(target))
    text = target.read_text(encoding="utf-8")
    assert json.loads(text) == result.json["res"]
    assert "发票" in text
    assert text.startswith('{\n    "input_path"')
    result.save_to_json(target, indent=1, ensure_ascii=True)
    assert target.read_bytes().isascii()
    assert target.read_text().startswith('{\n "input_path"')


def test_undecodable_input_name_survives_the_json_file(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    OCRResult(page_data(input_path="caf\udce9.png")).save_to_json(target)
    assert json.loads(target.read_text(encoding="utf-8"))["input_path"] == "caf\udce9.png"


def test_save_to_txt(tmp_path: Path) -> None:
    texts = ["发票 Nº 1", "", "\u3000b\u2028 ", "caf\udce9"]
    result = OCRResult(page_data(rec_texts=texts))
    result.save_to_txt(tmp_path / "neu")
    assert names_in(tmp_path / "neu") == ["page_res.txt"]
    expected = "发票 Nº 1\n\n\u3000b\u2028 \ncaf\\udce9\n".encode()
    assert (tmp_path / "neu" / "page_res.txt").read_bytes() == expected
    result.save_to_txt(str(tmp_path / "named.TXT"))
    assert (tmp_path / "named.TXT").read_bytes() == expected


def test_save_to_txt_of_a_blank_page(tmp_path: Path) -> None:
    OCRResult(blank_page_data()).save_to_txt(tmp_path / "blank.txt")
    assert (tmp_path / "blank.txt").read_bytes() == b""


@pytest.mark.parametrize("method", ["save_to_json", "save_to_img", "save_to_txt", "save_all"])
@pytest.mark.parametrize("path", [None, 3, b"out"])
def test_save_path_must_be_a_path(method: str, path: object) -> None:
    with pytest.raises(TypeError, match="save_path must be a str or a path, not "):
        getattr(OCRResult(page_data()), method)(path)


def test_img_is_twice_as_wide_as_the_page() -> None:
    images = OCRResult(page_data()).img
    assert list(images) == ["ocr_res_img"]
    assert images["ocr_res_img"].size == (300, 80)
    assert images["ocr_res_img"].mode == "RGB"


def test_img_draws_words_instead_of_lines() -> None:
    word = ((100, 50), (140, 50), (140, 70), (100, 70))
    words = {"text_word": [["Wort"]], "text_word_region": [[word]]}
    right = np.asarray(OCRResult(page_data(**words)).img["ocr_res_img"])[:, 150:]
    assert right[51:70, 101:140].min() < 60
    assert right[:49].min() == 255


def test_img_of_a_blank_page_has_a_white_right_half() -> None:
    picture = np.asarray(OCRResult(blank_page_data()).img["ocr_res_img"])
    assert (picture[:, :150] == 200).all()
    assert (picture[:, 150:] == 255).all()


def test_copies_and_pickles_are_results() -> None:
    result = OCRResult(page_data())
    for twin in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert type(twin) is OCRResult
        assert twin.json == result.json


@pytest.fixture
def failure() -> FailedResult:
    return FailedResult("in/doc.pdf", 2, InputError("page 2 of in/doc.pdf is damaged"))


def test_failed_result_tells_what_happened(failure: FailedResult) -> None:
    assert failure.ok is False
    assert isinstance(failure.error, InputError)
    assert dict(failure) == {
        "input_path": "in/doc.pdf",
        "page_index": 2,
        "error": "page 2 of in/doc.pdf is damaged",
    }
    assert failure.json == {"res": dict(failure)}
    assert failure.str == {"res": dict(failure)}
    assert failure.get("page_index") == 2


def test_failed_result_is_never_taken_for_an_empty_page(failure: FailedResult) -> None:
    with pytest.raises(InputError) as caught:
        failure["rec_texts"]
    assert (type(caught.value), str(caught.value)) == (InputError, str(failure.error))
    assert failure.error.__traceback__ is None  # it keeps no frames alive
    with pytest.raises(InputError, match="damaged"):
        failure.get("rec_texts", [])
    with pytest.raises(InputError, match="damaged"):
        _ = failure.img


def test_failed_result_prints(failure: FailedResult, capsys: pytest.CaptureFixture[str]) -> None:
    failure.print()
    failure.print(json_format=True)
    printed, errors = capsys.readouterr()
    assert printed.count("page 2 of in/doc.pdf is damaged") == 2
    assert errors == ""


def test_failed_result_saves_its_message_only(failure: FailedResult, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="damaged"):
        failure.save_to_img(tmp_path)
    assert names_in(tmp_path) == []
    failure.save_all(tmp_path)
    assert names_in(tmp_path) == ["doc_2_res.json"]
    saved = json.loads((tmp_path / "doc_2_res.json").read_text(encoding="utf-8"))
    assert saved == failure.json["res"]


def test_failed_result_survives_pickling() -> None:
    failure = FailedResult("gone.png", None, InputNotFoundError("gone.png does not exist"))
    twin = pickle.loads(pickle.dumps(failure))
    assert dict(twin) == dict(failure)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        twin["rec_texts"]


def test_import_loads_neither_opencv_nor_pillow() -> None:
    code = "import sys, fastocr.results, fastocr.fonts; print({'cv2', 'PIL'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


PAGE = np.full((60, 300, 3), (10, 120, 240), np.uint8)  # BGR
HEAD = {"input_path": "in/line.jpg", "page_index": 4, "input_img": PAGE}
SINGLE = {
    "detection": TextDetResult(
        HEAD, dt_polys=np.stack([BOX, BOX + np.int16(5)]), dt_scores=[0.75, 0.5]
    ),
    "recognition": TextRecResult(
        HEAD, rec_text="发票", rec_score=np.float64(0.875), vis_font=default_font()
    ),
    "classification": TopkResult(
        HEAD,
        class_ids=np.array([1, 0], np.int32),
        scores=np.array([0.75, 0.25], np.float32),
        label_names=["180_degree", "0_degree"],
    ),
    "unwarping": DocTrResult(HEAD, doctr_img=np.full((2, 2, 3), (1, 2, 3), np.uint8)),
    "preprocessing": DocPreprocessorResult(document_data(input_path="in/line.jpg", page_index=4)),
}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("detection", {"dt_polys": [BOX.tolist(), (BOX + 5).tolist()], "dt_scores": [0.75, 0.5]}),
        ("recognition", {"rec_text": "发票", "rec_score": 0.875}),
        (
            "classification",
            {
                "class_ids": [1, 0],
                "scores": [0.75, 0.25],
                "label_names": ["180_degree", "0_degree"],
            },
        ),
        ("unwarping", {"doctr_img": [[[1, 2, 3], [1, 2, 3]], [[1, 2, 3], [1, 2, 3]]]}),
        (
            "preprocessing",
            {
                "model_settings": {
                    "use_doc_orientation_classify": True,
                    "use_doc_unwarping": False,
                },
                "angle": 90,
            },
        ),
    ],
)
def test_json_of_single_models(kind: str, content: dict[str, Any]) -> None:
    found = SINGLE[kind].json["res"]
    assert found == {"input_path": "in/line.jpg", "page_index": 4, **content}
    assert list(found) == ["input_path", "page_index", *content]
    assert json.loads(json.dumps(found)) == found
    assert list(SINGLE[kind].str["res"]) == list(found)


@pytest.mark.parametrize("kind", SINGLE)
def test_files_of_single_models(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = SINGLE[kind]
    (picture,) = result.img
    assert picture == ("preprocessed_img" if kind == "preprocessing" else "res")
    result.save_all(tmp_path)
    assert names_in(tmp_path) == sorted([f"line_4_{picture}.jpg", "line_4_res.json"])
    saved = json.loads((tmp_path / "line_4_res.json").read_text(encoding="utf-8"))
    assert saved == result.json["res"]
    result.print()
    assert capsys.readouterr().out.startswith("{'res': {'input_path': 'in/line.jpg'")
    twin = pickle.loads(pickle.dumps(result))
    assert type(twin) is type(result)
    assert twin.json == result.json


def test_pictures_of_single_models() -> None:
    pictures = {kind: np.asarray(next(iter(r.img.values()))) for kind, r in SINGLE.items()}
    red = (pictures["detection"] == (255, 0, 0)).all(axis=2)
    assert red[10, 10:110].all()
    assert pictures["detection"].shape == PAGE.shape
    assert tuple(pictures["detection"][0, 0]) == (240, 120, 10)  # RGB
    assert pictures["recognition"].shape[0] > PAGE.shape[0]
    assert pictures["classification"].shape == PAGE.shape
    assert pictures["unwarping"].tolist() == [[[1, 2, 3], [1, 2, 3]]] * 2
    assert pictures["preprocessing"].shape == (150 + 25, 80 + 150 + 150, 3)
    assert (PAGE == (10, 120, 240)).all()  # nothing is drawn on the input


def test_str_of_single_models() -> None:
    content = SINGLE["detection"].str["res"]
    assert content["dt_polys"].shape == (2, 4, 2)
    assert content["dt_scores"] == [0.75, 0.5]
    assert SINGLE["classification"].str["res"]["scores"].dtype == np.float32


def test_unwarped_page_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert SINGLE["unwarping"].str["res"]["doctr_img"] == "..."
    SINGLE["unwarping"].print()
    assert "array" not in capsys.readouterr().out


def test_text_of_one_line_with_words(tmp_path: Path) -> None:
    words = [3.0, [["a"], [" "], ["b"]], [[0], [1], [2]], ["en&num", "symbol", "en&num"]]
    result = TextRecResult(
        HEAD, rec_text=("a b", words), rec_score=0.5, vis_font=default_font(), page_index=None
    )
    assert result.json["res"]["rec_text"] == ["a b", words]
    assert result.img["res"].size[0] == PAGE.shape[1]
    result.save_to_txt(tmp_path)
    assert (tmp_path / "line_res.txt").read_text() == "a b\n"


@pytest.mark.parametrize("kind", ["detection", "classification", "unwarping", "preprocessing"])
def test_results_without_texts_are_no_text_files(kind: str, tmp_path: Path) -> None:
    name = type(SINGLE[kind]).__name__
    with pytest.raises(UnsupportedOptionError, match=f"save_to_txt: a {name} has no texts"):
        SINGLE[kind].save_to_txt(tmp_path / "new")
    assert names_in(tmp_path) == []


def test_outlines_of_any_number_of_corners() -> None:
    outlines = [BOX, np.array([[5, 5], [60, 9], [80, 30], [40, 50], [9, 30]], np.int16)]
    result = TextDetResult(HEAD, dt_polys=outlines, dt_scores=[0.9, 0.8])
    assert result.json["res"]["dt_polys"] == [outline.tolist() for outline in outlines]
    assert result.str["res"]["dt_polys"] is outlines
    picture = np.asarray(result.img["res"])
    assert tuple(picture[9, 60]) == tuple(picture[10, 60]) == (255, 0, 0)
    result.print()


def test_failed_result_has_all_methods(failure: FailedResult, tmp_path: Path) -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(OCRResult) - {"coordinates"} <= public(FailedResult) | {"error"}
    with pytest.raises(InputError, match="damaged"):
        failure.save_to_txt(tmp_path / "new")
    assert names_in(tmp_path) == []
