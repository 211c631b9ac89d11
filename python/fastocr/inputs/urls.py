"""Files behind URLs."""

from __future__ import annotations

import urllib.parse
from pathlib import PurePosixPath

from fastocr.errors import InputError, InputNotFoundError
from fastocr.inputs.options import InputOptions

__all__ = ["PrivateURLError", "name_of", "read_url", "suffix_of"]

_NOT_THERE = (404, 410)


class PrivateURLError(InputError):
    """A URL that leads to an address that is not public; the message has the address."""


def name_of(url: str) -> str:
    """Return a URL as results and messages show it: without user name and password."""
    from fastocr import http

    return http.without_credentials(url)


def suffix_of(url: str) -> str:
    """Return the lower-case suffix of the last part of a URL's path, such as ``.pdf``."""
    return PurePosixPath(urllib.parse.urlsplit(url).path).suffix.lower()


def read_url(url: str, options: InputOptions) -> bytes:
    """Return the file behind a URL, in memory.

    Raises:
        InputNotFoundError: the server says that there is none.
        InputError: it cannot be fetched, or the options do not allow it.

    """
    from fastocr import http

    if not options.allow_urls:
        raise InputError(f"{name_of(url)}: URLs are not read with allow_urls=False")
    policy = http.Policy(
        timeout=options.url_timeout,
        max_bytes=options.max_url_bytes,
        allow_private=options.allow_private_urls,
    )
    try:
        return http.fetch(url, policy)
    except http.PrivateAddressError as error:
        raise PrivateURLError(f"{error}; allow_private_urls=True allows it") from None
    except http.StatusError as error:
        kind = InputNotFoundError if error.status in _NOT_THERE else InputError
        raise kind(str(error)) from None
    except http.RequestError as error:
        raise InputError(str(error)) from None
