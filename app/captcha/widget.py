"""What browsers load for a site's page: the script that makes the widget, the page inside its frame, and that page's files."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app.captcha.frame_page import THEMES, Look, make_frame
from app.captcha.service import Service
from app.words import LANGUAGES, language_of

SCRIPT, FRAME, ASSETS = "/captcha/widget.js", "/captcha/frame", "/captcha/assets"
_FOLDER = Path(__file__).parent / "assets"
_WIDGET = "widget.js"  # sites keep it for an hour; what is in the frame is asked for anew, and comes again only if it changed
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_MUTE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class Asset:
    """A file as it is sent: its bytes, media type and fingerprint."""

    content: bytes
    kind: str
    tag: str


def build_routes(service: Service) -> list[BaseRoute]:
    """Return the routes of what browsers load."""
    return [Route(SCRIPT, _sending(read_assets()[_WIDGET], "public, max-age=3600")), Route(FRAME, _framing(service)), *asset_routes()]


def asset_routes() -> list[Route]:
    """Return the routes of the files that the frame's page loads."""
    return [Route(f"{ASSETS}/{name}", _sending(asset, "no-cache")) for name, asset in read_assets().items() if name != _WIDGET]


def read_assets() -> dict[str, Asset]:
    """Return the files, by name."""
    return {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _KINDS}


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _KINDS[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def _sending(asset: Asset, cache: str) -> Callable[[Request], Awaitable[Response]]:
    headers = {"Cache-Control": cache, "ETag": asset.tag, "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin"}

    async def send(request: Request) -> Response:
        if asset.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.kind, headers=headers)

    return send


def _framing(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def frame(request: Request) -> Response:
        page = await run_in_threadpool(make_frame, service, _look(request))
        return HTMLResponse(page.html, page.status, {**_MUTE, "Content-Security-Policy": page.policy})

    return frame


def _look(request: Request) -> Look:
    asked = request.query_params
    theme, language = asked.get("theme", ""), asked.get("language", "")[:2].lower()
    return Look(
        asked.get("sitekey", ""),
        theme if theme in THEMES else "auto",
        language if language in LANGUAGES else language_of(request),
        request.url.hostname or "",
    )
