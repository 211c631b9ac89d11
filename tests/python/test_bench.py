"""The measurements in `bench/`: their figures, and one run of each from end to end."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench import common, compare, growth, pages, peers, stages
from fastocr import PaddleOCR

RunPython = Callable[..., Any]


def test_f1() -> None:
    assert compare.f1(Counter("abca"), Counter("abd")) == pytest.approx(2 * 2 / 7)
    assert compare.f1(Counter("ab"), Counter("ab")) == 1
    assert compare.f1(Counter(), Counter("ab")) == 0
    assert compare.f1(Counter(), Counter()) == 1


def test_grams() -> None:
    assert compare.grams("abab", 2) == Counter({"ab": 2, "ba": 1})
    assert not compare.grams("a", 2)


def test_accuracy_ignores_white_space_width_and_images_without_truth() -> None:
    texts = {"a.png": ["Ｎo. 1", "x"], "b.png": ["anything"]}
    found = compare.accuracy(texts, {"a.png": compare.normalised("No.1 y")})
    assert found == {"character_f1": pytest.approx(4 / 5), "bigram_f1": pytest.approx(3 / 4)}
    assert compare.accuracy(texts, {}) == {}


def test_agreement_counts_lines_of_an_image_as_often_as_they_occur() -> None:
    reference = {"a": ["x", "x", "y"], "b": ["z"]}
    assert compare.agreement(reference, reference) == 1
    assert compare.agreement({"a": ["y", "x"], "b": ["z", "more"]}, reference) == 3 / 4
    assert compare.agreement({"a": ["z"], "b": ["x"]}, reference) == 0
    assert compare.agreement({"a": ["found"]}, {"a": []}) == 1


def test_percentile() -> None:
    assert common.percentile([4, 1, 3, 2], 0.5) == 2.5
    assert common.percentile(list(range(101)), 0.95) == 95
    assert common.percentile([7], 0.95) == 7
    assert common.percentile([1, 2], 1) == 2


def test_option() -> None:
    parsed = common.parse_option('v6:{"precision": "fp32", "url": "a:b"}')
    assert parsed == ("v6", {"precision": "fp32", "url": "a:b"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', "is not LABEL:JSON"),
        ("label", "is not LABEL:JSON"),
        (":{}", "is not LABEL:JSON"),
        ("label:[1]", "is not a JSON object"),
        ("label:{", "is not JSON"),
    ],
)
def test_option_that_is_none(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        common.parse_option(text)


def test_peer() -> None:
    spec = compare.parse_peer("v6:fastocr")
    assert (spec.label, spec.kind) == ("v6", "fastocr")
    assert compare.parse_peer("faster-paddle").label == "faster-paddle"
    with pytest.raises(argparse.ArgumentTypeError, match="unknown peer"):
        compare.parse_peer("tesseract")
    with pytest.raises(argparse.ArgumentTypeError, match="no interpreter"):
        compare.parse_peer("fastocr=/no/such/python")


def test_installed_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"fastocr", "paddleocr"}
    for name, peer in peers.PEERS.items():
        answer = name in installed
        monkeypatch.setattr(peer, "is_installed", lambda answer=answer: answer)
    specs, left_out = compare.installed_peers(Path("models"))
    assert [spec.label for spec in specs] == ["fastocr", "paddleocr"]
    assert left_out == {}
    specs, left_out = compare.installed_peers(None)
    assert [spec.label for spec in specs] == ["fastocr"]
    assert left_out == {"paddleocr": "it needs --models"}


def test_a_peer_is_installed_with_all_of_its_modules(hide_package: Callable[[str], None]) -> None:
    class Both(peers.Peer):
        modules = ("cv2", "numpy")

    assert Both.is_installed()
    hide_package("numpy")
    assert not Both.is_installed()


def record(kind: str, texts: list[str]) -> compare.Record:
    """What a peer did with one image in two rounds."""
    return compare.Record(
        compare.PeerSpec(kind, kind, "python"),
        versions={},
        weights="w",
        load_seconds=1.5,
        first_ms=900,
        milliseconds={"a": [100, 300], "b": [400, 200]},
        texts={"a": texts, "b": []},
        cpu_seconds=2.0,
        warm_rss_mb=100,
        last_rss_mb=103,
        peak_rss_mb=150,
    )


def test_summary() -> None:
    records = [record("fastocr", ["x"]), record("paddleocr", ["x", "y"])]
    first, second = compare.summarise_all(records, {})
    assert (first["p50_ms"], first["images_per_second"]) == (250, 4)
    assert first["cpu_seconds_per_image"] == 0.5
    assert first["growth_mb"] == 3
    assert (first["agreement"], second["agreement"]) == (0.5, 1)  # the official one is the measure
    assert compare.summarise_all(records[:1], {})[0]["agreement"] == 1


def test_table() -> None:
    columns = (("a", "x", "{}"), ("b", "y", "{:.1f}"))
    table = common.format_table(columns, [{"x": "one", "y": 2.04}, {"x": "two", "y": None}, {}])
    assert table.splitlines() == [
        "| a   | b   |",
        "|-----|-----|",
        "| one | 2.0 |",
        "| two | -   |",
        "| -   | -   |",
    ]


def test_other_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(common.time, "monotonic", iter([0.0, 10.0]).__next__)
    monkeypatch.setattr(common, "system_cpu_seconds", iter([(50.0, 1.0), (59.0, 2.0)]).__next__)
    monkeypatch.setattr(common, "own_cpu_seconds", iter([3.0, 11.0]).__next__)
    load = common.OtherLoad().report()
    assert (load["own_cpu_seconds"], load["other_cpu_seconds"]) == (8, 1)
    assert (load["stolen_cpu_seconds"], load["other_share"]) == (1, 0.1)
    assert "10.0% of the CPUs" in common.describe_load(load)


def test_drawn_pages() -> None:
    page = pages.draw_page(300, 200, 3, seed=4)
    assert (page.shape, page.dtype) == ((200, 300, 3), np.uint8)
    np.testing.assert_array_equal(page, pages.draw_page(300, 200, 3, seed=4))
    assert (page != pages.draw_page(300, 200, 3, seed=5)).any()
    assert (pages.draw_page(300, 200, 0) == pages.PAPER).all()


def test_growth_case(ocr: PaddleOCR) -> None:
    case = growth.line_case(2)
    growth.run_case(case, ocr, counted=False)
    growth.run_case(case, ocr, counted=True)
    point = case.point()
    assert (point["x"], point["pages"], point["lines"]) == (2, 1, 2)
    assert [point["median_ms_per_page"]] == point["milliseconds_per_page"]


def test_growth_case_times_pages_and_keeps_the_memory_of_the_first_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = growth.Case(x=1, pages=4, prepare=lambda: lambda ocr: 0)
    clock = iter([0.0, 9.0, 10.0, 12.0])
    monkeypatch.setattr(growth, "time", SimpleNamespace(perf_counter=clock.__next__))
    monkeypatch.setattr(growth, "usage", lambda: {"peak_rss_mb": 77.0})
    monkeypatch.setattr(growth, "reset_peak", lambda: True)
    growth.run_case(case, None, counted=False)
    monkeypatch.setattr(growth, "usage", lambda: {"peak_rss_mb": 99.0})
    growth.run_case(case, None, counted=True)
    assert (case.milliseconds_per_page, case.peak_rss_mb) == ([500], 77)


def test_growth_of_callers_and_lists(ocr: PaddleOCR, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "size_of", lambda megapixels: (240, 180))
    monkeypatch.setattr(growth, "CALLER_PAGES", 2)
    monkeypatch.setattr(growth, "PAGE_LINES", 3)
    for case in (growth.caller_case(2), growth.list_case(2)):
        growth.run_case(case, ocr, counted=True)
        assert (case.pages, case.lines) == (2, 6)


def test_soak(tmp_path: Path, pages_dir: Path) -> None:
    pytest.importorskip("psutil")
    from bench import soak

    target = tmp_path / "soak.json"
    images = ["--images", str(pages_dir / "blank.png")]
    options = ["--option", '{"cpu_threads": 1}', "--json", str(target)]
    soak.main(["--pages", "11", "--threads", "2", *images, *options])
    report = json.loads(target.read_text(encoding="utf-8"))
    assert [sample["pages"] for sample in report["samples"]] == list(range(1, 12))
    assert report["lines"] > 0
    assert report["growth"]["pages"] == 9
    assert all(sample["rss_mb"] > 0 for sample in report["samples"])


def test_soak_with_objects_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("psutil")
    from bench import soak

    target = tmp_path / "soak.json"
    arguments = ["--pages", "60", "--threads", "4", "--distinct", "10", "--bad"]
    options = ["--option", '{"cpu_threads": 1}', "--option", '{"precision": "fp32"}']
    soak.main([*arguments, "--replace-every", "12", *options, "--json", str(target)])
    report = json.loads(target.read_text(encoding="utf-8"))
    # The last page ends the fifth object as well.
    assert (report["objects"], report["refused"], report["different"]) == (6, 2, 0)
    # 58 pages, of which the first of ten, with each of two constructors, have nothing before them.
    assert 38 <= report["checked"] < 58
    assert "6 objects, " in capsys.readouterr().out


def test_soak_fails_on_different_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psutil")
    from bench import soak

    pages = iter(range(100))
    monkeypatch.setattr(soak, "random_page", lambda _, page=soak.random_page: page(next(pages)))
    with pytest.raises(SystemExit, match=r"results differ from the first"):
        soak.main(["--pages", "6", "--distinct", "1"])


def test_soak_growth() -> None:
    pytest.importorskip("psutil")
    from bench.soak import growth_over_rest

    flat = growth_over_rest([(k, 50.0 if k == 1 else 100.0) for k in range(1, 11)])
    assert (flat.pages, flat.spread_percent, flat.change_percent) == (8, 0, 0)
    rising = growth_over_rest([(k, 98.0 + k) for k in range(1, 11)])
    assert (rising.low_mb, rising.high_mb) == (100, 108)
    assert rising.spread_percent == pytest.approx(8)
    assert rising.change_percent == pytest.approx(8)
    bump = growth_over_rest([(20, 100.0), (60, 150.0), (100, 100.0)])
    assert bump.spread_percent == pytest.approx(50)
    assert bump.change_percent == 0
    assert growth_over_rest([(50, 100.0), (100, 110.0)]).pages == 50


def test_soak_page_depends_on_its_number_only() -> None:
    pytest.importorskip("psutil")
    from bench.soak import random_page

    np.testing.assert_array_equal(random_page(7), random_page(7))
    assert len({random_page(number).shape for number in range(10)}) > 5


def test_stage_shares() -> None:
    image = {
        "page_ms": [100.0, 110.0, 90.0],
        "decode_ms": [10.0, 9.0, 11.0],
        "detection_ms": [30.0] * 3,
        "recognition_ms": [55.0] * 3,
        "rest_ms": [5.0] * 3,
    }
    row = stages.summarise("x", {"a": image, "b": image}, threads=2)
    shares = [row[f"{part}_share"] for part in ("decode", "detection", "recognition", "rest")]
    assert shares == pytest.approx([0.1, 0.3, 0.55, 0.05])
    assert stages.columns_for([row]) == stages.COLUMNS
    networks = {"detection_network_ms": [28.0] * 3, "recognition_network_ms": [100.0] * 3}
    row = stages.summarise("x", {"a": image | networks}, threads=2)
    assert row["detection_network_share"] == pytest.approx(0.28)
    assert row["recognition_network_share"] == pytest.approx(0.5)
    assert row["outside_share"] == pytest.approx(0.22)
    assert stages.columns_for([row]) == stages.COLUMNS + stages.NETWORK_COLUMNS


def test_stages_end_to_end(
    tmp_path: Path, pages_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "stages.json"
    image = str(pages_dir / "small_on_gray.png")
    stages.main(
        [image, "--rounds", "1", "--option", 'x:{"precision": "fp32"}', "--json", str(target)]
    )
    (row,) = json.loads(target.read_text(encoding="utf-8"))["configurations"]
    parts = ("decode", "detection", "recognition", "rest")
    assert sum(row[f"{part}_share"] for part in parts) == pytest.approx(1)
    assert all(row[f"{part}_ms"] > 0 for part in parts)
    assert "| x " in capsys.readouterr().out


def test_compare_end_to_end(
    tmp_path: Path, pages_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = pages_dir / "small_on_gray.png"
    truths = tmp_path / "truths"
    truths.mkdir()
    (truths / f"{image.name}.txt").write_text("nothing of it", encoding="utf-8")
    targets = ["--json", str(tmp_path / "r.json"), "--markdown", str(tmp_path / "r.md")]
    peer = ["--peer", "one:fastocr", "--option", 'one:{"precision": "fp32"}']
    compare.main([str(image), "--rounds", "2", "--ground-truth", str(truths), *peer, *targets])
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    (row,) = report["peers"]
    assert len(row["milliseconds"][image.name]) == 2
    assert row["lines"] == len(row["texts"][image.name]) > 0
    assert (row["agreement"], row["ratio_to_first"]) == (1, 1)
    assert 0 < row["character_f1"] < 1
    for key in ("load_seconds", "first_ms", "p95_ms", "cpu_seconds_per_image", "peak_rss_mb"):
        assert row[key] > 0
    assert report["reference"] == "one"
    assert report["machine"]["flags"]
    assert report["load"]["seconds"] > 0
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "| one  | PP-OCRv5_mobile |" in text
    assert "load average before" in text
    assert capsys.readouterr().out == text


def test_compare_reports_a_peer_that_fails(pages_dir: Path) -> None:
    peer = ["--peer", "fastocr", "--option", 'fastocr:{"precision": "fp3"}']
    with pytest.raises(SystemExit, match=r"fastocr: InvalidOptionError: .*fp3"):
        compare.main([str(pages_dir / "blank.png"), *peer])


@pytest.mark.parametrize("module", ["compare", "growth", "parity", "soak", "stages"])
def test_help(module: str, run_python: RunPython) -> None:
    if module == "soak":
        pytest.importorskip("psutil")
    root = Path(compare.__file__).parents[1]
    done = run_python("-m", f"bench.{module}", "--help", env={"PYTHONPATH": str(root)})
    assert done.returncode == 0, done.stderr
    assert "usage: python -m bench" in done.stdout
