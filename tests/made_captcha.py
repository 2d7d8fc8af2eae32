"""A CAPTCHA service on a clock that stands still, with a scripted judge, a site, and a client that can play."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import altcha
import PIL.Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.captcha.clock import SetClock
from app.captcha.logs import make_log
from app.captcha.routes import build_routes
from app.captcha.scripted import ScriptedJudge, paint
from app.captcha.service import Service, wire
from app.captcha.settings import Settings
from app.captcha.sites import Site, make_site

HOST = "example.org"
BORN = 1_800_000_000.0


def encode(expression: str = "", turn: str = "", order: str = "", kind: str = "PNG") -> bytes:
    """A frame that the scripted judge can read."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(paint(expression, turn, order)).save(buffer, kind)
    return buffer.getvalue()


@dataclass
class Desk:
    """The service and one person before it."""

    service: Service
    clock: SetClock
    site: Site
    secret: str
    log: io.StringIO
    client: TestClient
    sequences: dict[str, int] = field(default_factory=dict)

    def ask(self, **fields: str) -> Any:
        """The raw answer to asking for a challenge on the site."""
        return self.client.post("/captcha/v1/challenges", json={"sitekey": self.site.key, "hostname": HOST, **fields})

    def begin(self, **fields: str) -> dict[str, Any]:
        answer = self.ask(**fields)
        assert answer.status_code == 201, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    def send(self, begun: Mapping[str, Any], content: bytes, **changed: str) -> Any:
        """The raw answer to a frame of the step that `begun` shows; `changed` replaces headers, `_` for `-`."""
        self.sequences[begun["id"]] = self.sequences.get(begun["id"], 0) + 1
        headers = {"captcha-secret": begun["secret"], "captcha-step": begun["nonce"], "captcha-sequence": str(self.sequences[begun["id"]])}
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        return self.client.post(f"/captcha/v1/challenges/{begun['id']}/frames", content=content, headers=headers)

    def show(self, begun: Mapping[str, Any], order: str = "") -> dict[str, Any]:
        """What the service says after a frame that shows what is asked."""
        answer = self.send(begun, encode(begun["prompt"]["expression"], begun["prompt"]["turn"], order))
        assert answer.status_code == 200, answer.text
        return {**begun, **answer.json()}

    def solve(self, **fields: str) -> dict[str, Any]:
        """A challenge that was passed."""
        view = self.begin(**fields)
        while view["state"] == "open":
            view = self.show(view)
        return view

    def look(self, begun: Mapping[str, Any]) -> Any:
        return self.client.get(f"/captcha/v1/challenges/{begun['id']}", headers={"captcha-secret": begun["secret"]})

    def verify(self, token: str, **fields: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.post("/siteverify", data={"secret": self.secret, "response": token, **fields}).json()
        return answer

    def offer(self) -> dict[str, Any]:
        answer = self.client.post("/captcha/v1/work", json={"sitekey": self.site.key, "hostname": HOST})
        assert answer.status_code == 201, answer.text
        offered: dict[str, Any] = answer.json()
        return offered

    def other_site(self, *actions: str) -> tuple[Site, str]:
        site, secret = make_site("another", [HOST], actions, self.clock())
        self.service.store.put_site(site)
        return site, secret


def solution_of(offered: Mapping[str, Any]) -> dict[str, Any]:
    """What solves a puzzle."""
    found = altcha.solve_challenge(altcha.Challenge.from_dict(offered["challenge"]))
    assert found is not None
    return dict(found.to_dict())


def make_desk(folder: Path, judge: ScriptedJudge | None = None, **settings: Any) -> Desk:
    """A desk whose files lie in `folder`; settings replace those for tests."""
    clock, stream = SetClock(BORN), io.StringIO()
    chosen = Settings(**{"database": folder / "captcha.db", "work_cost": 1, "work_tries": 8, **settings})
    service = wire(chosen, judge or ScriptedJudge(), clock)
    service.log = make_log(stream)
    site, secret = make_site("a site", [HOST], [], clock())
    service.store.put_site(site)
    client = TestClient(Starlette(routes=build_routes(service)), client=("127.0.0.1", 50_000))
    return Desk(service, clock, site, secret, stream, client)
