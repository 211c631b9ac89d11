"""The lists in docs/ of what is public and of what is depended on are complete."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import fastocr
from fastocr import http
from fastocr.inputs import InputOptions
from fastocr.serving import ServiceOptions
from tests.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomllib")


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def tables(page: str, heading: str) -> list[list[list[str]]]:
    """All tables below a heading."""
    found: list[list[list[str]]] = [[]]
    for row in rows(page, heading):
        # The lines between two tables: a heading and its rule.
        if row[0] in ("option", "---"):
            found += [[]] if row[0] == "option" else []
        else:
            found[-1].append(row)
    return found


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture(scope="module")
def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names_of(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}  # type: ignore[index]


def test_public_names() -> None:
    """Those of each module are its `__all__`; of `fastocr.inputs` a part."""
    listed = {quoted(module)[0]: quoted(names) for module, names in rows("versioning.md", "Public")}
    assert len(listed) == 9
    for module, names in listed.items():
        exported = importlib.import_module(module).__all__
        assert names == [name for name in sorted(exported) if name in names], module
        if module != "fastocr.inputs":
            assert set(names) == set(exported), module


def test_public_environment_variables() -> None:
    package = Path(fastocr.__file__).parent
    source = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    source += [path.read_text(encoding="utf-8") for path in (ROOT / "cpp" / "src").rglob("*.cc")]
    used = set(re.findall(r"\"(FASTOCR_[A-Z_]+)\"", "\n".join(source)))
    page = (ROOT / "docs" / "versioning.md").read_text(encoding="utf-8")
    assert used - {"FASTOCR_"} == set(re.findall(r"`(FASTOCR_[A-Z_]+)`", page))


def test_licences_of_dependencies(project: Any) -> None:
    listed = {row[0] for row in rows("licences.md", "Installed with it")}
    assert names_of(project["project"]["dependencies"]) <= listed
    extras = {row[0]: row[2] for row in rows("licences.md", "Installed with extras")}
    for extra in ("client", "serve", "paddle", "convert"):
        wanted = names_of(project["project"]["optional-dependencies"][extra])
        assert wanted == {name for name, cell in extras.items() if extra in quoted(cell)}
    built = {row[0] for row in rows("licences.md", "Needed to build")}
    assert names_of(project["build-system"]["requires"]) == built


@pytest.mark.parametrize("heading", ["Installed with it", "Installed with extras"])
def test_licences_are_those_of_the_packages(heading: str) -> None:
    """Where a package states its licence as an SPDX expression, and is installed."""
    checked = 0
    for name, licence, *_ in rows("licences.md", heading):
        try:
            expression = importlib.metadata.metadata(name).get("License-Expression")
        except importlib.metadata.PackageNotFoundError:
            continue
        if expression is not None:
            checked += 1
            # The others of a list are of parts, and differ between versions.
            assert expression.split()[0] in licence, name
    assert checked > 3


def test_limits_have_the_defaults_that_are_told() -> None:
    library, service = tables("security.md", "Limits")
    for table, options in ((library, InputOptions()), (service, ServiceOptions())):
        told = {quoted(name)[0]: value for name, value, _ in table}
        assert told == {name: str(getattr(options, name)) for name in told}
    # A new limit has to be told as well.
    limits = {field.name for field in fields(ServiceOptions) if field.name.startswith("max_")}
    assert limits - {"max_num_input_imgs", "max_output_img_size"} <= {
        quoted(r[0])[0] for r in service
    }
    limits = {field.name for field in fields(InputOptions) if field.name.startswith("max_")}
    assert limits <= {quoted(row[0])[0] for row in library}


def test_told_number_of_redirections() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    policy = http.Policy(timeout=1.0, max_bytes=1)
    assert re.findall(r"at most (\d+) of them", text) == [str(policy.max_redirects)]
