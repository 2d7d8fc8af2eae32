"""The page's server: who is let in, how many get answers, what it says of itself, and how it stops."""

import http.client
import io
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app.access import Access
from app.guard import Policy
from app.models import Arms, Model
from app.server import Address, check_free
from app.words import say
from fersys.errors import ConfigError
from fersys.results import Image
from tests.fake_recognizer import FakeRecognizer
from tests.served import Served, fetch, serve, status

ACCOUNT = ("ada", "correct horse")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("locked"), Access(ACCOUNT, policy=Policy(framed_by=("https://example.org",)))) as page:
        yield page


def visitor(page: Served, password: str) -> Callable[[str], int]:
    """Log in, and return what gives the status of a GET."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    form = urllib.parse.urlencode({"username": ACCOUNT[0], "password": password}).encode()

    def get(path: str, body: bytes | None = None) -> int:
        try:
            with opener.open(page.url + path, body, timeout=60) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    get("/login", form)
    return get


def test_without_the_password_there_is_the_login_form_and_the_server_s_health(locked: Served) -> None:
    assert status(f"{locked.url}/healthz") == 200
    assert '"auth_required":true' in fetch(locked.url).replace(" ", "")


@pytest.mark.parametrize(
    "path", ["/config", "/gradio_api/info", "/gradio_api/mcp/", "/gradio_api/heartbeat/x", "/webcam/live", "/fersys/heat", "/no/such/route"]
)
def test_without_the_password_every_other_route_is_closed(locked: Served, path: str) -> None:
    assert status(locked.url + path) == 401
    assert visitor(locked, "wrong")(path) == 401


def test_nothing_can_be_uploaded_or_asked_without_the_password(locked: Served) -> None:
    for act in (lambda: locked.upload("a.png", b"x"), lambda: locked.classify({"path": "x"})):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            act()
        assert refusal.value.code == 401
    assert locked.files() == []


def test_the_password_opens_what_is_there(locked: Served) -> None:
    get = visitor(locked, ACCOUNT[1])
    assert [get(path) for path in ("/", "/config", "/gradio_api/info", "/no/such/route")] == [200, 200, 200, 404]


def test_the_owner_says_who_may_frame_the_page(locked: Served) -> None:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(locked.url, timeout=60) as response:
        assert response.headers["content-security-policy"].endswith("frame-ancestors 'self' https://example.org")


@dataclass
class Slow(FakeRecognizer):
    """Answers when it is let."""

    may: threading.Event = field(default_factory=threading.Event)

    def predict(self, crops: Any) -> Any:
        assert self.may.wait(120)
        return super().predict(crops)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Served, threading.Event]]:
    model = Slow("slow", lambda _: 3)
    with serve(tmp_path, arms=Arms((Model(model),))) as page:
        yield page, model.may
        model.may.set()


def photo(image: Image) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "JPEG")
    return buffer.getvalue()


def join(page: Served, content: bytes) -> tuple[int, Any]:
    """Ask about a picture and do not wait: the status, and the event's name or what was said instead."""
    body = json.dumps({"data": [page.upload("a.jpg", content), None]}).encode()
    response = begin(page, "POST", "/gradio_api/call/classify", body)
    return response.status, json.loads(response.read())


def begin(page: Served, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
    """Return an answer when it has begun, which may be long before it ends."""
    connection = http.client.HTTPConnection(page.url.removeprefix("http://"), timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    return connection.getresponse()


def collect(page: Served, event: str) -> http.client.HTTPResponse:
    """Come for an answer that was asked for."""
    return begin(page, "GET", f"/gradio_api/call/classify/{event}")


def labels(answer: http.client.HTTPResponse) -> list[str]:
    """Wait for it to end, and return what was said of each face."""
    last = answer.read().decode().strip().splitlines()[-1]
    return [face["label"] for face in json.loads(last.removeprefix("data: "))[0]["faces"]]


def test_eight_people_at_once_are_all_answered_and_the_one_for_whom_there_is_no_room_is_told(
    slow: tuple[Served, threading.Event], astronaut: npt.NDArray[np.uint8]
) -> None:
    page, may = slow
    content = photo(astronaut[:320, 80:400])
    with ThreadPoolExecutor(8) as people:
        joined = list(people.map(lambda _: join(page, content), range(40)))
    waiting = [said["event_id"] for code, said in joined if code == 200]
    refused = [(code, said["detail"]) for code, said in joined if code != 200]
    assert len(waiting) >= 32
    assert set(refused) == {(429, say("en", "guard.queue_full"))}
    may.set()
    with ThreadPoolExecutor(8) as people:
        assert list(people.map(lambda event: labels(collect(page, event)), waiting)) == [["happy"]] * len(waiting)
    assert join(page, content)[0] == 200  # there is room again


def test_who_waits_for_an_answer_gets_it_although_the_server_stops(tmp_path: Path, astronaut: npt.NDArray[np.uint8]) -> None:
    model = Slow("slow", lambda _: 3)
    with ThreadPoolExecutor(2) as pool:
        with serve(tmp_path, arms=Arms((Model(model),)), patience=30) as page:
            _, said = join(page, photo(astronaut[:320, 80:400]))
            answer = pool.submit(labels, collect(page, said["event_id"]))
            pool.submit(_until_it_stops, page, model.may)
        assert answer.result(30) == ["happy"]


def _until_it_stops(page: Served, may: threading.Event) -> None:
    """Let the answer come once the server says that it takes no more."""
    while status(f"{page.url}/healthz") == 200:
        pass
    may.set()


def test_a_shared_page_loads_nothing_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio's own page for a public link takes its scripts from a storage of theirs."""
    import gradio.networking

    monkeypatch.setattr(gradio.networking, "setup_tunnel", lambda **_: "https://made-up.example")
    with serve(tmp_path, share=True) as page:
        sources = [part.partition('"')[0] for part in fetch(page.url).split(' src="')[1:]]
    assert sources
    assert all(source.startswith("./") for source in sources)


def test_a_port_that_is_free_is_taken_and_one_of_another_machine_is_not() -> None:
    check_free(Address(port=50_507))
    with pytest.raises(ConfigError, match=r"Cannot serve on port 7860 of 192\.0\.2\.7"):
        check_free(Address(host="192.0.2.7"))
