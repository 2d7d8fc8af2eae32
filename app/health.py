"""`/healthz`: whether the server answers, and with which models. For load balancers, containers and monitors."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.models import Arms
from fersys import __version__

PATH = "/healthz"


def health_route(arms: Arms, is_stopping: Callable[[], bool], is_captcha_sound: Callable[[], bool] | None = None) -> Route:
    """Return the route. It says 200 while questions are taken, 503 while the server stops or nothing can pass the CAPTCHA; models by name, no paths.

    Args:
        arms: the models.
        is_stopping: whether the server stops.
        is_captcha_sound: whether the CAPTCHA service works; None if there is none.
    """
    models = {"cnn": [model.name for model in arms.cnn], "deepface": [model.name for model in arms.deepface]}

    async def healthz(_: Request) -> JSONResponse:
        sound = is_captcha_sound is None or await run_in_threadpool(is_captcha_sound)
        ready = sound and not is_stopping()
        captcha = {} if is_captcha_sound is None else {"captcha": "ok" if sound else "internal-error"}
        said = {"ready": ready, "version": __version__, "models": models, **captcha}
        return JSONResponse(said, 200 if ready else 503, {"Cache-Control": "no-store"})

    return Route(PATH, healthz, methods=["GET"])
