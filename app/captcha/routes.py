"""The service's routes, for any Starlette application: `build_routes(service)`."""

import math
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.addresses import client_address, is_https, is_passed_on, is_within
from app.captcha import bodies, meters, openapi, solving, verdicts, verifying, work
from app.captcha.challenges import Binding
from app.captcha.frames import MAX_BYTES
from app.captcha.refusals import RefusedError, StoreError
from app.captcha.service import Service
from app.captcha.solving import Claim, Frame
from fersys.errors import FerSysError

SECRET_HEADER, STEP_HEADER, SEQUENCE_HEADER = "captcha-secret", "captcha-step", "captcha-sequence"
COOKIE = "fersys_captcha"
CHALLENGES = "/captcha/v1/challenges"
WORK = "/captcha/v1/work"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

_CLOSED = RefusedError("internal-error", 503, "Something here does not answer: try again later.", 5)

Handler = Callable[[Service, Request], Awaitable[Response]]


def build_routes(service: Service) -> list[BaseRoute]:
    """Return the routes that a service answers."""
    table: list[tuple[str, str, Handler]] = [
        ("POST", CHALLENGES, _begin),
        ("POST", CHALLENGES + "/{id}/frames", _look),
        ("GET", CHALLENGES + "/{id}", _state),
        ("POST", WORK, _offer),
        ("POST", WORK + "/{id}", _redeem),
        ("POST", verdicts.PATH, _verify),
        ("GET", "/healthz", _health),
        ("GET", "/metrics", _metrics),
        ("GET", "/captcha/openapi.json", _openapi),
        ("GET", "/captcha/docs", _docs),
    ]
    routes = [Route(path, _endpoint(service, handler), methods=[method]) for method, path, handler in table]
    return [*routes, Route(verdicts.PATH, JSONResponse(verdicts.unheard(405), 405, {**_HEADERS, "Allow": "POST"}))]  # any other method


def build_closed_routes() -> list[BaseRoute]:
    """Return routes that refuse whatever a service would answer: for one that cannot be opened."""
    unheard = JSONResponse(verdicts.unheard(_CLOSED.status), _CLOSED.status, _HEADERS)
    return [Route(verdicts.PATH, unheard), Route("/captcha/{path:path}", _answer(_CLOSED))]


def _endpoint(service: Service, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            response = await handler(service, request)
        except RefusedError as refusal:
            response = _refused(service, refusal)
        except FerSysError as error:  # something cannot be reached: nothing passes, and nothing of it is told
            service.tell("internal-error", error)
            response = _refused(service, _CLOSED)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return answer


def _refused(service: Service, refusal: RefusedError) -> Response:
    service.meters.refusals.labels(refusal.code).inc()
    return _answer(refusal)


def _answer(refusal: RefusedError) -> JSONResponse:
    said = {"error": refusal.code, "message": str(refusal), "retry_after": round(refusal.wait, 1)}
    return JSONResponse(said, refusal.status, {**_HEADERS, **_retry_after(refusal)})


def _retry_after(refusal: RefusedError) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(refusal.wait))} if refusal.wait else {}


async def _begin(service: Service, request: Request) -> Response:
    asked, address = await _asked(service, request), _address(service, request)
    begun = await run_in_threadpool(solving.begin, service, asked, address)
    response = JSONResponse({**begun.view, "secret": begun.secret}, 201)
    if begun.cookie:
        response.headers.append("Set-Cookie", _cookie(service, request, begun))
    return response


async def _asked(service: Service, request: Request) -> Binding:
    """What a challenge is asked for; the host is that of the page that embeds us, else of the page that asks.

    Another site's page has to embed our frame: asking from its own scripts would get round `frame-ancestors` and what we
    tell people.
    """
    if not _is_from_here(request.headers):
        raise RefusedError("cross-origin", 403, "Another site's page cannot ask for this: put the widget into it instead.")
    fields = bodies.texts(await bodies.read_json(request, service.settings.body_patience))
    hostname = fields.get("hostname") or _host_of(request.headers.get("origin", ""))
    return Binding(fields.get("sitekey", ""), hostname, fields.get("action", ""), fields.get("cdata", ""))


def _is_from_here(headers: Mapping[str, str]) -> bool:
    """Whether no page of another origin asks, by what browsers say in headers that scripts cannot set; other programs need not send any.

    Without https, but on localhost, a browser says the origin alone.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    return origin is None or site == "same-origin" or origin.lower().partition("://")[2] == headers.get("host", "").lower()


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _cookie(service: Service, request: Request, begun: solving.Begun) -> str:
    """For this challenge's path alone, so that several can run side by side. In another site's page, cookies need Partitioned."""
    kind = "SameSite=None; Secure; Partitioned" if is_https(request.scope, service.settings.trusted_proxies) else "SameSite=Lax"
    life = int(service.settings.solve_life + service.settings.token_life)
    return f"{COOKIE}={begun.cookie}; Path={CHALLENGES}/{begun.view['id']}; Max-Age={life}; HttpOnly; {kind}"


async def _look(service: Service, request: Request) -> Response:
    await run_in_threadpool(service.rates.count, "frame", _address(service, request))
    sequence = request.headers.get(SEQUENCE_HEADER, "")
    if not (sequence.isascii() and sequence.isdecimal() and len(sequence) <= 10):
        raise RefusedError("bad-request", 400, f"{SEQUENCE_HEADER}: expected a whole number. Received: {sequence[:20]!r}")
    content = await bodies.read_body(request, MAX_BYTES, service.settings.body_patience)
    frame = Frame(request.headers.get(STEP_HEADER, ""), int(sequence), content)
    return JSONResponse(await run_in_threadpool(solving.look, service, _claim(request), frame))


async def _state(service: Service, request: Request) -> Response:
    await run_in_threadpool(service.rates.count, "frame", _address(service, request))
    return JSONResponse(await run_in_threadpool(solving.state, service, _claim(request)))


def _claim(request: Request) -> Claim:
    return Claim(request.path_params["id"], request.headers.get(SECRET_HEADER, ""), request.cookies.get(COOKIE, ""))


async def _offer(service: Service, request: Request) -> Response:
    asked, address = await _asked(service, request), _address(service, request)
    return JSONResponse(await run_in_threadpool(work.offer, service, asked, address), 201)


async def _redeem(service: Service, request: Request) -> Response:
    await run_in_threadpool(service.rates.count, "frame", _address(service, request))
    solution = await bodies.read_json(request, service.settings.body_patience)
    name, address = request.path_params["id"], _address(service, request)
    return JSONResponse(await run_in_threadpool(work.redeem, service, name, solution, address))


async def _verify(service: Service, request: Request) -> Response:
    """Whatever is wrong, the answer has the form that a site's backend reads."""
    try:
        await run_in_threadpool(service.rates.count, "verify", _address(service, request))
        fields = await bodies.read_fields(request, service.settings.body_patience)
    except RefusedError as refusal:
        return JSONResponse(verdicts.unheard(refusal.status), refusal.status, _retry_after(refusal))
    except StoreError:
        return JSONResponse(verdicts.unheard(503), 503)
    answer = await run_in_threadpool(verifying.verify, service, fields)
    return JSONResponse(answer, 503 if verdicts.INTERNAL in answer["error-codes"] else 200)


async def _health(service: Service, request: Request) -> Response:
    await run_in_threadpool(service.check)
    return JSONResponse({"status": "ok"})


async def _metrics(service: Service, request: Request) -> Response:
    trusted = service.settings.trusted_proxies
    if is_passed_on(request.scope, trusted) or not is_within(_address(service, request), service.settings.metrics_from):
        raise RefusedError("not-allowed", 403, "The metrics are not for this address.")
    return Response(service.meters.render(), media_type=meters.MEDIA_TYPE)


async def _openapi(service: Service, request: Request) -> Response:
    return JSONResponse(openapi.read_description())


async def _docs(service: Service, request: Request) -> Response:
    return Response(openapi.render_page(openapi.read_description()), media_type="text/html", headers={"Content-Security-Policy": _PAGE_POLICY})


def _address(service: Service, request: Request) -> str:
    return client_address(request.scope, service.settings.trusted_proxies)
