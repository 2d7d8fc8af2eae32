"""The socket of the live view, from the first word to the last."""

import io
import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import PIL.Image
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from app.frames import MAX_BYTES
from app.live import LONGEST_HALF_LIFE, PATH, Live, is_same_origin, read_settings
from app.models import Arms, Model
from app.seats import Seats
from app.watcher import Watcher
from fersys import EMOTIONS
from fersys.errors import ConfigError, ModelError
from fersys.results import Image
from tests.test_watcher import Says

OURS = {"origin": "http://testserver"}
ARMS = Arms((Model(Says("first")), Model(Says("second"))), (Model(Says("right", "sad")),))


@contextmanager
def client_of(live: Live) -> Iterator[TestClient]:
    """All its sockets share one event loop, as on a server."""
    with TestClient(Starlette(routes=[live.route()])) as client:
        yield client


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of(Live(ARMS)) as client:
        yield client


def jpeg(image: Image) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, "JPEG")
    return file.getvalue()


def ask(socket: WebSocketTestSession, frame: bytes) -> Any:
    """What is told of a frame, or of another like it, once it was looked at."""
    while True:
        socket.send_bytes(frame)
        told = hear(socket)
        if not isinstance(told, dict) or told["looked"]:
            return told


class Watching(Watcher):
    """Looks at every frame as it is told to."""

    def __init__(self, look: Callable[[bytes], None]) -> None:
        super().__init__([])
        self._told = look

    def due(self, now: float) -> bool:
        return True

    def look(self, content: bytes, now: float) -> None:
        self._told(content)


def watching(look: Callable[[bytes], None]) -> Callable[[Sequence[Model]], Watcher]:
    return lambda models: Watching(look)


def hear(socket: WebSocketTestSession) -> Any:
    """What the server says next, or the code that it closes with; silence is a failure, not a wait without end."""
    heard: queue.Queue[Any] = queue.Queue()

    def listen() -> None:
        try:
            heard.put(socket.receive_json())
        except WebSocketDisconnect as closed:
            heard.put(closed.code)

    threading.Thread(target=listen, daemon=True).start()
    return heard.get(timeout=20)


def test_a_visitor_is_told_what_there_is(client: TestClient) -> None:
    with client.websocket_connect(PATH, headers=OURS) as socket:
        ready = socket.receive_json()
    assert ready["type"] == "ready"
    assert ready["emotions"] == list(EMOTIONS)
    assert ready["models"] == ["first", "right"]


def test_a_face_gets_a_box_and_both_models_answers(client: TestClient, astronaut: Image) -> None:
    with client.websocket_connect(PATH, headers=OURS) as socket:
        socket.receive_json()
        assert ask(socket, jpeg(astronaut))["faces"] == []  # seen once: it may be a false alarm
        told = ask(socket, jpeg(astronaut))
    (face,) = told["faces"]
    assert face["id"] == 1
    x, y, width, height = face["box"]
    assert 0.3 < x + width / 2 < 0.6  # where her face is, as shares
    assert 0.1 < y + height / 2 < 0.4
    assert face["scores"]["first"][EMOTIONS.index("happy")] == 1
    assert face["scores"]["right"][EMOTIONS.index("sad")] == 1
    assert face["certain"] == {"first": True, "right": True}
    assert set(told["models"]) == {"first", "right"}


def test_a_visitor_chooses_models(client: TestClient, astronaut: Image) -> None:
    with client.websocket_connect(PATH, headers=OURS) as socket:
        socket.receive_json()
        socket.send_text(json.dumps({"models": ["second", "right"], "half_life": 0}))
        told = [ask(socket, jpeg(astronaut)) for _ in range(2)][-1]
    assert set(told["faces"][0]["scores"]) == {"second", "right"}


@pytest.mark.parametrize("origin", [None, "http://elsewhere.example", "null", "http://testserver.example", "https://testserver:444"])
def test_other_pages_get_no_socket(client: TestClient, origin: str | None) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(PATH, headers={"origin": origin} if origin else {}):
        pass


def test_a_proxy_may_name_the_host_that_visitors_see() -> None:
    assert is_same_origin({"origin": "https://fer.example", "host": "127.0.0.1:7860", "x-forwarded-host": "fer.example"})
    assert not is_same_origin({"origin": "https://fer.example", "host": "127.0.0.1:7860"})


@pytest.mark.parametrize("frame", [b"", b"nothing", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_frame_ends_the_visit(client: TestClient, frame: bytes) -> None:
    with client.websocket_connect(PATH, headers=OURS) as socket:
        socket.receive_json()
        assert ask(socket, frame) == 1003


def test_too_large_a_frame_ends_the_visit(client: TestClient) -> None:
    with client.websocket_connect(PATH, headers=OURS) as socket:
        socket.receive_json()
        socket.send_bytes(bytes(MAX_BYTES + 1))
        assert hear(socket) == 1009


@pytest.mark.parametrize(
    "settings", ["nothing", "[]", '{"models": ["stranger"]}', '{"half_life": "much"}', '{"half_life": NaN}', '{"models": 1}', f'{{"half_life": 1{"0" * 400}}}']
)
def test_impossible_settings_end_the_visit(client: TestClient, settings: str) -> None:
    with client.websocket_connect(PATH, headers=OURS) as socket:
        socket.receive_json()
        socket.send_text(settings)
        assert hear(socket) == 1008


def test_settings_are_bounded() -> None:
    assert read_settings('{"half_life": 5}') == ([], LONGEST_HALF_LIFE)
    with pytest.raises(ConfigError, match="half-life"):
        read_settings('{"half_life": 5.1}')
    with pytest.raises(ConfigError):
        read_settings("[" * 10_000)


def test_a_model_that_fails_ends_the_visit_alone() -> None:
    def fail(content: bytes) -> None:
        raise ModelError("broken")

    with client_of(Live(ARMS, watcher=watching(fail))) as client, client.websocket_connect(PATH, headers=OURS) as socket:
        socket.receive_json()
        assert ask(socket, b"x") == 1011


def test_whoever_says_nothing_gives_the_seat_up() -> None:
    with client_of(Live(ARMS, idle=0.05)) as client, client.websocket_connect(PATH, headers=OURS) as socket:
        assert socket.receive_json()["type"] == "ready"
        assert hear(socket) == 1001


def test_late_comers_are_told_their_place_and_move_up() -> None:
    with client_of(Live(ARMS, Seats(seats=1))) as client, ExitStack() as later:
        with client.websocket_connect(PATH, headers=OURS) as first:
            assert first.receive_json()["type"] == "ready"
            second = later.enter_context(client.websocket_connect(PATH, headers=OURS))
            assert hear(second) == {"type": "wait", "place": 1}
            third = later.enter_context(client.websocket_connect(PATH, headers=OURS))
            assert hear(third) == {"type": "wait", "place": 2}
        assert hear(second)["type"] == "ready"
        assert hear(third) == {"type": "wait", "place": 1}


def test_whoever_gives_up_waiting_is_passed_over() -> None:
    with client_of(Live(ARMS, Seats(seats=1))) as client, client.websocket_connect(PATH, headers=OURS) as first:
        first.receive_json()
        with client.websocket_connect(PATH, headers=OURS) as second:
            second.receive_json()
            third = client.websocket_connect(PATH, headers=OURS)
            with third:
                assert hear(third) == {"type": "wait", "place": 2}
                second.close()
                assert hear(third) == {"type": "wait", "place": 1}


def test_a_full_line_is_said_before_anything_else() -> None:
    with client_of(Live(ARMS, Seats(seats=1, waiting=0))) as client, client.websocket_connect(PATH, headers=OURS) as first:
        first.receive_json()
        with client.websocket_connect(PATH, headers=OURS) as second:
            assert hear(second) == 1013


def test_eight_visitors_are_answered_side_by_side() -> None:
    with client_of(Live(ARMS, watcher=watching(lambda content: None))) as client, ExitStack() as stack:
        sockets = [stack.enter_context(client.websocket_connect(PATH, headers=OURS)) for _ in range(8)]
        assert {socket.receive_json()["type"] for socket in sockets} == {"ready"}
        for socket in sockets:
            socket.send_bytes(b"x")
        assert [socket.receive_json()["faces"] for socket in sockets] == [[]] * 8


def test_frames_are_looked_at_in_threads_and_two_at_a_time() -> None:
    inside, go_on = queue.Queue[bytes](), threading.Event()

    def hold(content: bytes) -> None:
        inside.put(content)
        assert go_on.wait(60)

    with client_of(Live(ARMS, watcher=watching(hold))) as client, ExitStack() as stack:
        sockets = [stack.enter_context(client.websocket_connect(PATH, headers=OURS)) for _ in range(6)]
        for socket in sockets:
            socket.receive_json()
            socket.send_bytes(b"x")
            assert hear(socket)["faces"] == []  # an answer does not wait for a long look
        try:
            assert [inside.get(timeout=20) for _ in range(2)] == [b"x", b"x"]
            stack.enter_context(client.websocket_connect(PATH, headers=OURS)).receive_json()  # the server still listens, and has heard all six
            assert inside.empty()
        finally:
            go_on.set()


def test_a_blank_frame_has_no_faces(client: TestClient) -> None:
    with client.websocket_connect(PATH, headers=OURS) as socket:
        socket.receive_json()
        told = ask(socket, jpeg(np.full((480, 640, 3), 90, np.uint8)))
    assert told["faces"] == []
    assert told["looked"] is True
