"""Makes pages of files that lie outside ``docs/``, so that links between all of them work.

The files are written for a Git host: their links are relative to where they lie. On the site they
lie elsewhere, so the links are rewritten. MkDocs warns of those to files that the site does not
have.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# Place in the repository -> place on the site.
_PAGES = {
    "README.md": "project/readme.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "LICENSE": "project/LICENSE",
    "bench/README.md": "project/benchmarks.md",
    "tests/parity/fixtures/README.md": "project/parity.md",
}
_REPOSITORY_PLACES = {site: repository for repository, site in _PAGES.items()}
_DOCS = "docs/"
_LINK = re.compile(r"(\]\()([^)\s#]+)")
_ELSEWHERE = re.compile(r"[a-z]+:|/")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages."""
    root = Path(config.docs_dir).parent
    for repository, site in _PAGES.items():
        files.append(File.generated(config, site, abs_src_path=str(root / repository)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between places in the repository into links between places on the site."""
    root = Path(config.docs_dir).parent
    site = page.file.src_uri
    repository = _REPOSITORY_PLACES.get(site, _DOCS + site)

    def rewrite(match: re.Match[str]) -> str:
        target = match[2]
        if _ELSEWHERE.match(target):
            return match[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(repository), target))
        if not (root / place).exists():
            return match[0]
        wanted = _PAGES.get(place, place.removeprefix(_DOCS))
        return match[1] + posixpath.relpath(wanted, posixpath.dirname(site))

    return _LINK.sub(rewrite, markdown)
