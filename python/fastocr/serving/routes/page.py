"""``/``: the page for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Scope

__all__ = ["mount_assets", "router"]

_FOLDER = Path(__file__).parents[1] / "page"
# Nothing from elsewhere, no script or style in the page itself; pictures that the page makes.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asked for again after an update, but not sent again without one.
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> Response:
    """Return the page."""
    return FileResponse(_FOLDER / "index.html", headers=_HEADERS)


class _Assets(StaticFiles):
    """Files with the headers of the page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


def mount_assets(app: FastAPI) -> None:
    """Add what the page loads: ``/page/...``."""
    app.mount("/page", _Assets(directory=_FOLDER), name="page")
