"""The HTTP service: ``fastocr serve``.

- `app`: the application, and how errors are answered; `routes/`: its paths,
- `service`: the pipeline and what all requests share; `admission`: the queue before it,
- `guard`, `files`, `reading`, `pictures`: a request on its way: may it come in, where is its file,
  what do its pages say, what do they look like,
- `schemas`: the fields of requests and answers; `description`: how OpenAPI tells of them;
  `failures`: what is refused,
- `inference`, `tensors`: requests and answers of the Open Inference Protocol,
- `middleware`, `requests`, `metrics`, `log`, `tracing`: what is noted of requests,
- `server`, `connections`: sockets and signals; `options`: how all of this works,
- `page/`: what browsers get.

It needs the packages of the extra ``serve``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastocr import platforms
from fastocr.serving.options import ServiceOptions, parse_service_options, serving_section

if TYPE_CHECKING:
    from fastocr.serving.app import create_app
    from fastocr.serving.server import run

__all__ = ["ServiceOptions", "create_app", "parse_service_options", "run", "serving_section"]

_MODULES = {"create_app": "app", "run": "server"}


def __getattr__(name: str) -> Any:
    # The options are looked at, by the command line for example, where the packages are missing.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    platforms.require(
        "the HTTP service",
        ("linux",),
        "it bounds the memory of PDFs, which no other system can; run it in a container",
    )
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise ImportError(
            f"fastocr's HTTP service needs the package {package}: pip install 'fastocr[serve]'"
        ) from error
