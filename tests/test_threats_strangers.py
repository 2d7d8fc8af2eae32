"""Foreign cookies, event ids and session hashes while a person solves: raw HTTP against the whole page, Gradio and guard included.

`FERSYS_THREATS=full`, which `make threats-bench` sets, makes it 10,001 session hashes.
"""

import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import switches
from app.captcha.routes import COOKIE
from app.captcha.scripted import ScriptedJudge
from app.captcha.service import Service, wire
from app.captcha.settings import Settings
from app.captcha.sites import make_site
from app.page import Page
from app.server import Address, start
from tests import served
from tests.made_captcha import HOST, encode

HASHES = 10_001 if os.environ.get("FERSYS_THREATS") == "full" else 300
CHALLENGES = "/captcha/v1/challenges"


@dataclass
class Door:
    """The running page, its service, a site on it, and its secret."""

    url: str
    service: Service
    sitekey: str
    secret: str

    def client(self, kept: int = 1) -> httpx.Client:
        """Someone; `kept=0` opens a connection for each request, since the server closes those on which something failed."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=kept))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("page")
    with _running(folder) as running:
        yield running


@contextmanager
def _running(folder: Path) -> Iterator[Door]:
    uploads, address = folder / "uploads", Address(port=served.free_port())
    uploads.mkdir()
    settings = Settings(folder / "captcha.db", begin_rate="9000 per 1 minute", frame_rate="90000 per 1 minute", failures=500)
    with closing(wire(settings, ScriptedJudge(frames=2))) as service, served._changed_back():
        switches.silence(os.environ, uploads)
        site, secret = make_site("a site", [HOST], [], service.clock())
        service.store.put_site(site)
        running = start(Page(served.tiny_arms(folder), url=address.url), address, captcha=service)
        try:
            yield Door(address.url, service, site.key, secret)
        finally:
            running.close()


class Person:
    """Somebody who solves, step by step."""

    def __init__(self, door: Door) -> None:
        self.client = door.client()
        self.view = self.client.post(CHALLENGES, json={"sitekey": door.sitekey, "hostname": HOST}).json()
        self.secret, self.path = self.view["secret"], f"{CHALLENGES}/{self.view['id']}"

    @property
    def headers(self) -> dict[str, str]:
        return {"captcha-secret": self.secret, "captcha-step": self.view["nonce"], "captcha-sequence": str(self.view["sequence"] + 1)}

    @property
    def frame(self) -> bytes:
        return encode(self.view["prompt"]["expression"])

    def show(self) -> None:
        self.view = self.client.post(f"{self.path}/frames", content=self.frame, headers=self.headers).raise_for_status().json()

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.client.get(self.path, headers=self.headers).raise_for_status().json()
        return {name: state[name] for name in ("state", "step", "sequence", "nonce", "prompt", "token")}


def _foreign_requests(person: Person, theirs: Person) -> list[tuple[dict[str, str], str]]:
    """Headers and paths of someone who has seen all but one of a person's secrets, or has none of their own."""
    cookie, other = person.client.cookies[COOKIE], theirs.client.cookies[COOKIE]
    mine = person.headers
    return [
        ({**mine, "cookie": f"{COOKIE}={other}"}, person.path),
        ({**mine, "cookie": ""}, person.path),
        ({**mine, "cookie": f"{COOKIE}={person.secret}"}, person.path),
        ({**mine, "captcha-secret": theirs.secret, "cookie": f"{COOKIE}={cookie}"}, person.path),
        ({**mine, "captcha-secret": cookie, "cookie": f"{COOKIE}={cookie}"}, person.path),
        ({**mine, "captcha-secret": "", "cookie": f"{COOKIE}={cookie}"}, person.path),
        ({**mine, "cookie": f"{COOKIE}={other}; {COOKIE}={other}"}, person.path),
        ({**mine, "cookie": f"{COOKIE}={cookie}"}, theirs.path),
    ]


def test_foreign_cookies_and_secrets_move_nothing_while_a_person_solves(door: Door) -> None:
    person, theirs = Person(door), Person(door)
    stranger = door.client()
    while person.view["state"] == "open":
        before, others = person.state(), theirs.state()
        for headers, path in _foreign_requests(person, theirs):
            for answer in (stranger.post(f"{path}/frames", content=person.frame, headers=headers), stranger.get(path, headers=headers)):
                assert (answer.status_code, answer.json()["error"]) == (404, "unknown-challenge")
        assert (person.state(), theirs.state()) == (before, others)
        person.show()
    answer = stranger.post("/siteverify", data={"secret": door.secret, "response": person.view["token"]}).json()
    assert (answer["success"], answer["method"]) == (True, "face")


def test_calls_of_gradio_by_hand_move_nothing_while_a_person_solves(door: Door) -> None:
    """Queue, streams and events of foreign sessions, and names that look like ours: the service keeps nothing in Gradio."""
    person = Person(door)
    while person.view["state"] == "open":
        before, tickets = person.state(), _count(door, "tickets")
        for answer in _gradio_calls(door, person):
            assert "token" not in answer or '"token":""' in answer.replace(" ", ""), answer
            assert person.view["nonce"] not in answer
        assert (person.state(), _count(door, "tickets")) == (before, tickets)
        person.show()
    assert person.view["state"] == "passed"


def _gradio_calls(door: Door, person: Person) -> Iterator[str]:
    name, hashed = person.path.rpartition("/")[2], secrets.token_hex(5)
    bodies: list[tuple[str, dict[str, Any]]] = [
        *(("/gradio_api/queue/join", {"data": [], "fn_index": index, "session_hash": session}) for index in (0, 1, 9999) for session in (hashed, name)),
        ("/gradio_api/call/classify", {"data": [{"state": "passed", "challenge": name}, None], "session_hash": name}),
        ("/gradio_api/run/predict", {"data": [name], "fn_index": 0, "session_hash": name, "event_id": name}),
        (f"/gradio_api/stream/{name}", {"data": [person.secret], "session_hash": name}),
        (f"/gradio_api/stream/{name}/close", {}),
        ("/gradio_api/cancel", {"session_hash": name, "fn_index": 0, "event_id": name}),
        ("/gradio_api/reset", {"event_id": name}),
        ("/gradio_api/component_server", {"data": [], "component_id": 1, "fn_name": "passed", "session_hash": name}),
    ]
    with door.client(kept=0) as client:
        for path, body in bodies:
            yield client.post(path, json=body).text
        yield client.get(f"/gradio_api/call/classify/{name}").text


@pytest.mark.parametrize("host", ["faces.example", "faces.example:7860"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://faces.example:8080", "http://shop.faces.example"])
def test_scripts_of_another_origin_get_neither_a_challenge_nor_an_answer(door: Door, host: str, origin: str) -> None:
    """Over plain http, where browsers say the origin alone, and under a name for which Gradio itself would let any origin in."""
    asked = {"sitekey": door.sitekey, "hostname": HOST}
    headers, preflight = {"Host": host, "Origin": origin}, {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    with door.client(kept=0) as client:
        for path in (CHALLENGES, "/captcha/v1/work"):
            assert client.post(path, json=asked, headers=headers).json()["error"] == "cross-origin"
            assert client.post(path, json=asked, headers={"Host": host, "Origin": f"http://{host}"}).status_code == 201
        for path in (CHALLENGES, "/captcha/v1/work", f"{CHALLENGES}/x/frames", "/siteverify", "/metrics"):
            answers = [client.options(path, headers=headers | preflight), client.get(path, headers=headers), client.post(path, json=asked, headers=headers)]
            assert answers[0].status_code == 405
            assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


def _count(door: Door, table: str) -> int:
    with closing(sqlite3.connect(door.service.settings.database)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_many_session_hashes_at_once_keep_nobody_from_solving(door: Door) -> None:
    person = Person(door)
    seen: list[int] = []
    flood = threading.Thread(target=_flood, args=(door, seen))
    flood.start()
    while person.view["state"] == "open":
        person.show()
    flood.join()
    assert person.view["state"] == "passed"
    assert len(seen) == HASHES
    assert set(seen) <= {200, 429, 500, 503}  # Gradio answers 500 to a function that is not there
    assert door.client().post("/siteverify", data={"secret": door.secret, "response": person.view["token"]}).json()["success"]


def _flood(door: Door, seen: list[int]) -> None:
    with door.client(kept=0) as client:
        for number in range(HASHES):
            body = json.dumps({"data": [], "fn_index": 9999, "session_hash": f"hash-{number}"})
            seen.append(client.post("/gradio_api/queue/join", content=body, headers={"content-type": "application/json"}).status_code)
