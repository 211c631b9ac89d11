"""Files behind URLs."""

from __future__ import annotations

import posixpath
import urllib.parse

from fastocr import http
from fastocr.errors import InputError, InputNotFoundError
from fastocr.inputs.options import InputOptions

__all__ = ["is_url", "read_url", "suffix_of"]

_NOT_THERE = (404, 410)


def is_url(text: str) -> bool:
    """Tell whether a string is a URL, not a path."""
    return text.lower().startswith(("http://", "https://"))


def suffix_of(url: str) -> str:
    """Return the lower-case suffix of the last part of the URL's path, such as ``.pdf``."""
    return posixpath.splitext(urllib.parse.urlsplit(url).path)[1].lower()


def read_url(url: str, options: InputOptions) -> bytes:
    """Return the file behind a URL, in memory.

    Raises:
        InputError: it cannot be fetched, or the options do not allow it.

    """
    if not options.allow_urls:
        raise InputError(
            f"{http.without_credentials(url)}: URLs are not read with allow_urls=False"
        )
    policy = http.Policy(
        timeout=options.url_timeout,
        max_bytes=options.max_url_bytes,
        allow_private=options.allow_private_urls,
    )
    try:
        return http.fetch(url, policy)
    except http.PrivateAddressError as error:
        raise InputError(f"{error}; allow_private_urls=True allows it") from None
    except http.StatusError as error:
        kind = InputNotFoundError if error.status in _NOT_THERE else InputError
        raise kind(str(error)) from None
    except http.RequestError as error:
        raise InputError(str(error)) from None
