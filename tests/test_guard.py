"""The guard before any app, and before the page as it really starts, which is attacked by hand."""

import asyncio
import json
import socket
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from starlette.types import Message, Receive, Scope, Send

from app import guard, switches
from app.addresses import parse_networks
from app.captcha import verdicts
from app.guard import Guard, Policy
from app.rules import CLOSED, MEGABYTE, UPLOAD, Budgets
from tests.asking import PEER, Inner, ask, pieces, reply_of, scope_of
from tests.served import Served, fetch, file_data, serve, status

Image = npt.NDArray[np.uint8]
JOIN, CALL, UPLOADS = "/gradio_api/queue/join", "/gradio_api/call/classify", "/gradio_api/upload"


def strict(**budgets: Any) -> Policy:
    return Policy(budgets=replace(Budgets(), **budgets))


def test_what_a_visitor_sends_reaches_the_app_and_the_answer_the_visitor() -> None:
    inner = Inner()
    reply = ask(Guard(inner, Policy()), scope_of("/anything"), pieces([b"some ", b"words"]))
    assert (reply.status, reply.body, inner.bodies) == (200, b"answered", [b"some words"])


def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    inner = Inner()
    reply = ask(Guard(inner, Policy()), scope_of("/anything", headers={"content-length": str(MEGABYTE + 1)}), pieces([b"x"], {"type": "http.disconnect"}))
    assert (reply.status, inner.seen) == (413, [])
    assert "at most 1 MB" in json.loads(reply.body)["detail"]


@pytest.mark.parametrize(("path", "limit"), [("/anything", MEGABYTE), (CALL, MEGABYTE), ("/login", 10_000)])
def test_a_body_that_turns_out_too_large_is_refused(path: str, limit: int) -> None:
    inner, half = Inner(), bytes(limit // 2 + 1)
    reply = ask(Guard(inner, Policy()), scope_of(path, headers={"transfer-encoding": "chunked"}), pieces([half, half], {"type": "http.disconnect"}))
    assert (reply.status, inner.seen) == (413, [])


def test_an_upload_is_stopped_while_it_comes() -> None:
    inner, quarter = Inner(), bytes(UPLOAD.max_bytes // 4 + 1)
    lie = scope_of(UPLOADS, headers={"content-length": "10"})
    reply = ask(Guard(inner, Policy()), lie, pieces([quarter] * 4, {"type": "http.disconnect"}))
    assert (reply.status, inner.bodies) == (413, [])
    assert b"at most 210 MB" in reply.body


def test_an_upload_must_say_how_large_it_is() -> None:
    inner = Inner()
    reply = ask(Guard(inner, Policy()), scope_of(UPLOADS, headers={"transfer-encoding": "chunked"}), pieces([b"x"]))
    assert (reply.status, inner.seen) == (411, [])


@pytest.mark.parametrize("path", [CALL, UPLOADS])
def test_a_body_that_does_not_come_is_given_up(path: str) -> None:
    inner = Inner()
    reply = ask(Guard(inner, Policy(grace=0.02)), scope_of(path, headers={"content-length": "9"}), _stuck())
    assert (reply.status, inner.bodies) == (408, [])


def _stuck() -> Receive:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def test_an_app_may_wait_for_its_visitor_to_leave_as_long_as_it_likes() -> None:
    heard: list[str] = []

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with asyncio.timeout(0.1):
                await receive()
        except TimeoutError:
            heard.append("nothing")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for path in (CALL, UPLOADS):
        assert ask(Guard(waits, Policy(grace=0.01)), scope_of(path, headers={"content-length": "1"}), pieces([b"x"])).status == 200
    assert heard == ["nothing", "nothing"]


def test_an_address_that_asks_too_often_is_told_when_to_come_again() -> None:
    inner = Inner()
    door = Guard(inner, strict(work="2/minute"))
    replies = [ask(door, scope_of(CALL)) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert 1 <= int(replies[2].headers["retry-after"]) <= 60
    assert f"wait {replies[2].headers['retry-after']} seconds" in json.loads(replies[2].body)["detail"]
    assert ask(door, scope_of(CALL, peer="203.0.113.8")).status == 200
    assert len(inner.seen) == 3


def test_a_header_of_one_s_own_making_buys_no_second_address() -> None:
    door = Guard(Inner(), strict(work="1/minute"))
    assert [ask(door, scope_of(CALL, headers={"x-forwarded-for": f"198.51.100.{n}"})).status for n in range(2)] == [200, 429]


def test_behind_a_trusted_proxy_visitors_are_told_apart() -> None:
    door = Guard(Inner(), replace(strict(work="1/minute"), trusted=parse_networks(PEER)))
    forged = [{"x-forwarded-for": f"192.0.2.{n}, 198.51.100.1"} for n in range(2)]  # the last one is what the proxy saw
    assert [ask(door, scope_of(CALL, headers=headers)).status for headers in forged] == [200, 429]
    assert ask(door, scope_of(CALL, headers={"x-forwarded-for": "198.51.100.2"})).status == 200


def test_routes_are_told_whom_a_request_is_counted_for() -> None:
    scope = scope_of("/", method="GET", peer="2001:db8:1:2:3:4:5:6")
    ask(Guard(Inner(), Policy()), scope)
    assert scope[guard.ADDRESS] == "2001:db8:1:2::/64"


def test_an_open_page_has_a_budget_of_its_own() -> None:
    door = Guard(Inner(), strict(session="1/minute"))
    bodies = [json.dumps({"session_hash": name}).encode() for name in ("one", "one", "two")]
    assert [ask(door, scope_of(JOIN), pieces([body])).status for body in bodies] == [200, 429, 200]


def test_megabytes_are_counted_beside_uploads() -> None:
    door = Guard(Inner(), strict(megabytes="100/minute"))
    sizes = [scope_of(UPLOADS, headers={"content-length": str(60 * MEGABYTE)}) for _ in range(2)]
    assert [ask(door, scope).status for scope in sizes] == [200, 429]


@pytest.mark.parametrize("path", ["/", "/gradio_api/heartbeat/abc", "/assets/index.js"])
def test_looking_at_the_page_draws_on_no_budget_for_work(path: str) -> None:
    door = Guard(Inner(), strict(work="1/minute", session="1/minute", uploads="1/minute"))
    assert [ask(door, scope_of(path, method="GET")).status for _ in range(5)] == [200] * 5


def test_below_a_path_of_the_owner_s_choice_the_same_rules_count() -> None:
    door = Guard(Inner(), strict(work="1/minute"))
    below = [{**scope_of(f"/below{CALL}"), "root_path": "/below"} for _ in range(2)]
    assert [ask(door, scope).status for scope in below] == [200, 429]


def test_there_is_an_end_to_requests_of_every_kind() -> None:
    door = Guard(Inner(), strict(requests="3/minute"))
    assert [ask(door, scope_of("/", method="GET")).status for _ in range(4)] == [200, 200, 200, 429]


def test_a_full_house_lets_nobody_in_until_somebody_leaves() -> None:
    async def story() -> list[int]:
        leave = asyncio.Event()

        async def stays(scope: Scope, receive: Receive, send: Send) -> None:
            await leave.wait()
            await Inner()(scope, receive, send)

        door = Guard(stays, strict(neighbours=1))
        first = asyncio.create_task(reply_of(door, scope_of("/", method="GET")))
        await asyncio.sleep(0)
        turned_away = await reply_of(door, scope_of("/", method="GET"))
        leave.set()
        return [turned_away.status, (await first).status, (await reply_of(door, scope_of("/", method="GET"))).status]

    assert asyncio.run(story()) == [503, 200, 200]


def test_sockets_are_counted_and_refused_too() -> None:
    door = Guard(Inner(), strict(requests="1/minute"))
    assert ask(door, scope_of("/live", kind="websocket")).status == 200
    assert ask(door, scope_of("/live", kind="websocket")).closed == 1013
    extended = {**scope_of("/live", kind="websocket"), "extensions": {"websocket.http.response": {}}}
    assert ask(door, extended).status == 429


def test_a_full_queue_is_said_in_words_and_in_the_visitor_s_language() -> None:
    for path in (JOIN, CALL):
        reply = ask(Guard(Inner(503), Policy()), scope_of(path, headers={"accept-language": "de"}))
        assert (reply.status, reply.headers["retry-after"]) == (429, "10")
        assert "Warteschlange ist voll" in json.loads(reply.body)["detail"]


def test_while_the_server_stops_pages_are_shown_and_questions_refused() -> None:
    door = Guard(Inner(), Policy())
    door.crowd.stopping = True
    assert ask(door, scope_of(CALL)).status == 503
    assert ask(door, scope_of("/healthz", method="GET")).status == 200


def test_every_answer_and_every_refusal_carries_the_security_headers() -> None:
    for reply in (
        ask(Guard(Inner(), Policy()), scope_of("/")),
        ask(Guard(Inner(), strict(work="1/hour", uploads="1/hour")), scope_of("/login", headers={"content-length": "99999999"})),
    ):
        assert "frame-ancestors 'self'" in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("path", "shared"), [("/captcha/v1/work", False), ("/siteverify", False), ("/metrics", False), ("/captcha/widget.js", True)])
def test_what_other_origins_may_not_read_is_not_offered_to_them(path: str, shared: bool) -> None:
    allowing = Inner(headers={"access-control-allow-origin": "https://evil.example", "x-a": "1"})
    replies = {method: ask(Guard(allowing, Policy()), scope_of(path, method=method)) for method in ("GET", "POST", "OPTIONS")}
    assert [("access-control-allow-origin" in reply.headers) for reply in replies.values()] == [shared] * 3
    assert [reply.status for reply in replies.values()] == [200, 200, 200 if shared else 405]
    assert replies["POST"].headers["x-a"] == "1"


@pytest.mark.parametrize(
    ("policy", "headers", "stopping", "status", "code"),
    [
        (strict(requests="0/minute"), {}, False, 429, "internal-error"),
        (Policy(), {}, True, 503, "internal-error"),
        (strict(neighbours=0), {}, False, 503, "internal-error"),
        (Policy(grace=0.02), {"content-length": "9"}, False, 408, "bad-request"),
        (Policy(), {"content-length": str(MEGABYTE + 1)}, False, 413, "bad-request"),
    ],
)
def test_a_site_s_backend_is_refused_in_the_form_that_it_reads(policy: Policy, headers: dict[str, str], stopping: bool, status: int, code: str) -> None:
    door = Guard(Inner(), policy)
    door.crowd.stopping = stopping
    reply = ask(door, scope_of(verdicts.PATH, headers=headers), _stuck() if status == 408 else pieces([b"x"], {"type": "http.disconnect"}))
    assert (reply.status, json.loads(reply.body)) == (status, verdicts.unverified(code))
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert status != 429 or int(reply.headers["retry-after"]) >= 1


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_a_backend_that_asks_by_another_method_is_refused_in_that_form_too(method: str) -> None:
    reply = ask(Guard(Inner(), strict(requests="0/minute")), scope_of(verdicts.PATH, method=method))
    assert (reply.status, json.loads(reply.body)) == (429, verdicts.unverified("internal-error"))


def test_below_a_path_of_the_owner_s_choice_a_backend_is_refused_in_that_form_too() -> None:
    scope = {**scope_of(f"/below{verdicts.PATH}"), "root_path": "/below"}
    assert json.loads(ask(Guard(Inner(), strict(requests="0/minute")), scope).body) == verdicts.unverified("internal-error")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture
def secret(tmp_path: Path, astronaut: Image) -> Path:
    """A picture on the server that nobody uploaded."""
    PIL.Image.fromarray(astronaut).save(tmp_path / "secret.png")
    return tmp_path / "secret.png"


def test_the_guard_is_the_outermost_layer_of_the_page(served: Served) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        fetch(f"{served.url}/no/such/route", bytes(MEGABYTE + 1))
    assert refusal.value.code == 413
    with pytest.raises(urllib.error.HTTPError) as missing:
        fetch(f"{served.url}/no/such/route")
    assert "frame-ancestors 'self'" in missing.value.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", str(Path(guard.__file__)), "../guard.py"])
def test_a_path_in_place_of_an_upload_is_refused(served: Served, path: str) -> None:
    assert served.classify(file_data(path))[0] == "error"
    assert served.files() == []


def test_a_picture_that_nobody_uploaded_is_refused(served: Served, secret: Path) -> None:
    """A Gradio app that is mounted, not launched, copies it to its cache and answers."""
    ended, data = served.classify(file_data(str(secret)))
    assert (ended, secret.is_file()) == ("error", True)
    assert "faces" not in str(data)
    assert served.files() == []


def test_an_uploaded_picture_is_answered(served: Served, secret: Path) -> None:
    """The refusals above are not for want of working."""
    ended, data = served.classify(served.upload("face.png", secret.read_bytes()))
    assert ended == "complete"
    assert len(data[0]["faces"]) == 1


@pytest.mark.parametrize("name", ["../../escaped.png", "..%2f..%2fescaped.png", "/escaped.png", "a/../../escaped.png"])
def test_a_file_name_cannot_leave_the_upload_folder(served: Served, secret: Path, name: str) -> None:
    path = Path(served.upload(name, secret.read_bytes())["path"])
    assert path.resolve().is_relative_to(served.uploads.resolve())
    assert path.is_file()
    path.unlink()


def test_an_address_in_place_of_an_upload_is_not_fetched(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.setblocking(False)
        ended, data = served.classify(file_data(f"http://127.0.0.1:{bait.getsockname()[1]}/face.png"))
        with pytest.raises(BlockingIOError):
            bait.accept()  # nobody came
    assert ended == "error"
    assert "uploaded, not fetched" in str(data)  # our refusal, not one of Gradio's for this address alone


@pytest.mark.parametrize("path", ["/etc/passwd", str(Path(guard.__file__)), str(Path(guard.__file__).parents[1] / "README.md")])
def test_no_file_of_the_server_is_served(served: Served, path: str) -> None:
    assert status(f"{served.url}/gradio_api/file={path}") in {403, 404}


def test_a_file_above_the_limit_is_refused(served: Served) -> None:
    limit = int(switches.LAUNCH["max_file_size"].removesuffix("mb"))
    with pytest.raises(urllib.error.HTTPError) as refusal:
        served.upload("large.jpg", bytes((limit + 1) << 20))
    assert refusal.value.code == 413
    assert served.files() == []


@pytest.mark.parametrize("route", [*CLOSED, "/gradio_api/deep_link?session_hash=x"])
def test_what_writes_answers_down_or_runs_a_converter_is_closed(served: Served, route: str) -> None:
    assert status(f"{served.url}{route}") == 404
    with pytest.raises(urllib.error.HTTPError) as refusal:
        fetch(f"{served.url}{route}", b"{}")
    assert refusal.value.code == 404


@pytest.mark.parametrize("route", ["monitoring/summary", "monitoring", "gradio_api/runs"])
def test_what_watches_users_is_off(served: Served, route: str) -> None:
    assert status(f"{served.url}/{route}") >= 400
