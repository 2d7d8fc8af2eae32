"""What a request may bring, by route, and how much is let through: the guard's tables.

To add a route that takes more than a megabyte, or asks the models: a line in `RULES`.
"""

from dataclasses import dataclass

from starlette.types import Scope

from app.switches import MAX_UPLOAD

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Rule:
    """What requests to some routes may bring.

    Attributes:
        max_bytes: of a body.
        budgets: names in `Budgets` that a request with a body draws on, besides the one for all requests.
        streamed: the app reads the body while it comes; other bodies are complete before the app hears of the request.
    """

    max_bytes: int = MEGABYTE
    budgets: tuple[str, ...] = ()
    streamed: bool = False


UPLOAD = Rule(MAX_UPLOAD, ("uploads", "megabytes"), streamed=True)
WORK = Rule(budgets=("work", "session"))
LOGIN = Rule(10_000, ("logins",))
PICTURE = Rule(28 * MEGABYTE, ("work",))  # a call that brings its picture along: 20 MB as base64
VIDEO = Rule(MAX_UPLOAD, ("uploads", "megabytes"), streamed=True)
OTHER = Rule()  # pages, and routes that count for themselves

# The first prefix that fits counts.
RULES: tuple[tuple[str, Rule], ...] = (
    ("/gradio_api/upload", UPLOAD),
    ("/gradio_api/mcp", PICTURE),
    ("/gradio_api/", WORK),
    ("/login", LOGIN),
    ("/fersys/video", VIDEO),
    ("/fersys/heat", WORK),
    ("/", OTHER),
)


# Routes of Gradio that the page has no use for: one writes down what a visitor was answered, pictures and all; the other
# hands whatever anybody sends to ffmpeg, and leaves files open.
CLOSED = ("/gradio_api/deep_link", "/gradio_api/process_recording")

# Routes that no script of another origin may ask or read; Gradio would let any do so where the page is not on localhost.
SAME_ORIGIN = ("/captcha/v1/", "/siteverify", "/metrics")


def route_of(scope: Scope) -> str:
    """Return the path by which the app finds the route: the request's own, or what follows the path below which the app was told to lie."""
    root, path = scope.get("root_path", ""), str(scope["path"])
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def find_rule(path: str) -> Rule:
    """Return the rule for a path."""
    return next((rule for prefix, rule in RULES if path.startswith(prefix)), OTHER)


@dataclass(frozen=True)
class Budgets:
    """How much is let through, as the library `limits` reads it.

    An address may stand for many people (a school, an office), so that its budgets are wide and a page's is narrow.

    Attributes:
        requests: of every kind, an address; one visit is some 150.
        work: questions to models, an address.
        session: the same, an open page.
        uploads: how many, an address; megabytes: how much.
        logins: tries, an address.
        visitors: requests and sockets open at once, from everywhere.
        neighbours: the same, an address.
    """

    requests: str = "12000/minute"
    work: str = "600/minute"
    session: str = "120/minute"
    uploads: str = "600/minute"
    megabytes: str = "4000/10 minute"
    logins: str = "30/minute"
    visitors: int = 512
    neighbours: int = 256
