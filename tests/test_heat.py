"""The route of the heat map: what it answers, and what it refuses before it decodes."""

import asyncio
import base64
import io
import json
import urllib.error
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app import heat
from app.draw import network_view, png_url
from app.heat import MAX_BODY, PATH, Desk, describe, overlay, parse, place
from app.models import Model
from fersys import EMOTIONS
from fersys.errors import ImageError, ModelError
from fersys.heatmap import HeatMap
from fersys.preprocess import to_model_input
from tests.fixed import Fixed
from tests.served import Served, fetch, serve

Image = npt.NDArray[np.uint8]
KNOWN: dict[str, Any] = {"glad": Fixed("glad", "happy")}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture
def crop() -> Image:
    return np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)


def question(face: str, model: str = "glad") -> bytes:
    return json.dumps({"model": model, "face": face}).encode()


def hot(row: int) -> HeatMap:
    drops = np.full((48, 48), -1, np.float32)
    drops[row : row + 4, 20:24] = 2
    return HeatMap("happy", drops, 0.1)


def test_what_the_page_sends_is_what_the_network_saw(crop: Image) -> None:
    asked = parse(question(network_view(crop)), KNOWN)
    assert asked.recognizer is KNOWN["glad"]
    assert np.array_equal(to_model_input(asked.face), to_model_input(crop))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"model": "glad"}', b'{"model": "glad", "face": "not base64!"}', b"[" * 30_000])
def test_what_is_no_question_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(ImageError):
        parse(content, KNOWN)


@pytest.mark.parametrize("size", [(47, 48), (49, 47), (2000, 2000)])
def test_a_face_of_another_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=rf"Received: {size[1]}×{size[0]}"):
        parse(question(png_url(np.zeros(size, np.uint8))), KNOWN)


def test_a_large_picture_is_refused_by_its_header_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIL.Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    buffer = io.BytesIO()
    buffer.write(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x75\x30\x00\x00\x75\x30\x08\x00\x00\x00\x00\xb5\x0f\x9c\x3a")
    with pytest.raises(ImageError):
        parse(question("data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()), KNOWN)


def test_an_unknown_model_is_an_error_of_ours(crop: Image) -> None:
    with pytest.raises(ModelError, match=r"Expected one of glad\. Received: 'nobody'"):
        parse(question(network_view(crop), "nobody"), KNOWN)


def test_the_hottest_place_is_covered_most_and_a_cold_one_not_at_all() -> None:
    layer = overlay(hot(30))
    assert layer.shape == (240, 240, 4)
    assert layer[160, 110, 3] > 180
    assert layer[20, 20, 3] == 0
    assert layer[..., 3].max() < 255  # the face shines through


@pytest.mark.parametrize(("row", "named"), [(0, "upper"), (20, "middle"), (40, "lower")])
def test_the_hottest_place_is_named(row: int, named: str) -> None:
    assert place(hot(row)) == named
    assert named in describe(hot(row), "First, by us", "en")["alt"]


def test_a_map_is_told_in_the_visitor_s_language_with_model_and_expression() -> None:
    told = describe(hot(40), "First, by us", "de")
    assert all(word in told["text"] for word in ("First, by us", "Freude", "unteren"))
    assert told["overlay"].startswith("data:image/png;base64,")


def test_where_no_place_counts_there_is_no_picture() -> None:
    told = describe(HeatMap("sad", np.zeros((48, 48), np.float32), 0.1), "first", "en")
    assert told["overlay"] == ""
    assert "No single place stands out" in told["text"]


def test_when_many_wait_the_next_is_told_to_come_back(crop: Image) -> None:
    desk = Desk([Model(KNOWN["glad"])])
    desk._inside = heat._AT_ONCE + heat._WAITING

    async def stream() -> Any:
        yield question(network_view(crop))

    request: Any = SimpleNamespace(headers={"content-type": "application/json", "accept-language": "en"}, stream=stream)
    answer = asyncio.run(desk.answer(request))
    assert answer.status_code == 503
    assert b"Try again" in answer.body


def test_route_answers_about_a_network_of_the_page(served: Served, crop: Image) -> None:
    told = json.loads(fetch(served.url + PATH, question(network_view(crop), "first")))
    assert "first" in told["text"]
    assert any(emotion in told["text"] for emotion in EMOTIONS)
    assert served.files() == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b" " * (MAX_BODY + 1), "application/json", 413),
        (b"{}", "application/json", 422),
        (question("data:image/png;base64,AAAA", "first"), "application/json", 422),
        (question("data:image/png;base64,AAAA", "second"), "application/json", 422),  # of the other side
    ],
)
def test_route_refuses_what_the_page_would_not_send(served: Served, body: bytes, kind: str, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        fetch(served.url + PATH, body, kind)
    assert refusal.value.code == status
    assert "error" in json.loads(refusal.value.read())
