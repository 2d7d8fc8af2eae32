"""The CAPTCHA service inside the app: made once at the start, answering beside Gradio's routes, closed at the end."""

from collections.abc import Mapping

from starlette.routing import BaseRoute, Route

from app import health
from app.captcha import routes as service_routes
from app.captcha import widget
from app.captcha.judge import Judge
from app.captcha.service import Service, make_service
from app.captcha.settings import read_settings
from app.post import TUNNEL
from fersys.errors import FerSysError


def open_service(environment: Mapping[str, str], share: bool = False, judge: Judge | None = None) -> Service:
    """Open the service.

    Args:
        environment: `os.environ`, or a dict in tests.
        share: whether visitors come through Gradio's tunnel, whose end on this machine is then trusted as a proxy, and not as a reader of the metrics.
        judge: looks at frames; None: the way by face is closed.

    Raises:
        ConfigError: if a setting is out of its range.
        StoreError: if store, keys or rates cannot be opened.
    """
    if share:
        proxies = ", ".join(filter(None, [environment.get("FERSYS_TRUSTED_PROXIES"), TUNNEL]))
        environment = {"FERSYS_METRICS_FROM": "", **environment, "FERSYS_TRUSTED_PROXIES": proxies}
    return make_service(environment, judge)


class Closed:
    """In the place of a service that cannot be opened: what sites ask of it is refused as a fault of ours, and not unknown."""


def was_used(environment: Mapping[str, str]) -> bool:
    """Whether there is a database, or somewhere that cannot be looked into: sites may rely on a service that cannot be opened."""
    try:
        read_settings(environment).database.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass
    return True


def is_sound(service: Service | Closed) -> bool:
    """Whether anything could pass."""
    if isinstance(service, Closed):
        return False
    try:
        service.check()
    except FerSysError as error:
        service.tell("unhealthy", error)
        return False
    return True


def routes(service: Service | Closed) -> list[BaseRoute]:
    """Return what the service answers, besides `/healthz`, which the app has itself, and what browsers load for its widget."""
    if isinstance(service, Closed):
        return service_routes.build_closed_routes()
    own = [route for route in service_routes.build_routes(service) if not (isinstance(route, Route) and route.path == health.PATH)]
    return [*own, *widget.build_routes(service)]
