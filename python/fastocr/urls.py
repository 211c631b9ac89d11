"""What counts as a URL, in every place that takes paths as well."""

from __future__ import annotations

__all__ = ["is_url"]


def is_url(text: str) -> bool:
    """Tell whether a string is a URL, not a path."""
    return text.lower().startswith(("http://", "https://"))
