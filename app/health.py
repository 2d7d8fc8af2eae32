"""`/healthz`: whether the server answers, and with which models. For load balancers, containers and monitors."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.models import Arms
from fersys import __version__

PATH = "/healthz"


def health_route(arms: Arms, is_stopping: Callable[[], bool]) -> Route:
    """Return the route. It says 200 while questions are taken, 503 while the server stops; models by name, no paths."""
    models = {"cnn": [model.name for model in arms.cnn], "deepface": [model.name for model in arms.deepface]}

    async def healthz(_: Request) -> JSONResponse:
        ready = not is_stopping()
        said = {"ready": ready, "version": __version__, "models": models}
        return JSONResponse(said, 200 if ready else 503, {"Cache-Control": "no-store"})

    return Route(PATH, healthz, methods=["GET"])
