"""Fetching models from the official hosts into fastocr's cache."""

from __future__ import annotations

from pathlib import Path

from fastocr.model_store.files import ModelFiles
from fastocr.model_store.search import Search, search

__all__ = ["addresses", "download", "fetch"]


def fetch(name: str, engine: str, found: Search) -> ModelFiles:
    """Fetch a model that is not on disk."""
    raise found.error("download: not in this version")


def download(name: str, engine: str, *, force: bool) -> Path:
    """Fetch a model into the cache and return its directory."""
    raise search(name, engine).error("download: not in this version")


def addresses(name: str) -> tuple[str, ...]:
    """Return where hosts keep the packages of a model."""
    return ()
