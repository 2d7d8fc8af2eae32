"""The Image tab's handler, without a browser."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app.answer import MOST
from app.examples import EXAMPLES
from app.models import Arms, Model
from app.page import Page
from app.tabs.image import respond, routes, welcome
from fersys import EMOTIONS
from tests.fixed import Fixed, png, uploaded

Image = npt.NDArray[np.uint8]


def huge() -> bytes:
    """A small file of 25 megapixels."""
    buffer = io.BytesIO()
    PIL.Image.new("1", (5000, 5001)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def arms() -> Arms:
    return Arms((Model(Fixed("glad", "happy")),), (Model(Fixed("gloomy", "sad")),))


@pytest.fixture
def noise() -> Image:
    return np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)


def test_answer_empties_the_drop_zone_and_shows_picture_and_faces(tmp_path: Path, astronaut: Image, arms: Arms) -> None:
    zone, answer = respond([uploaded(tmp_path, png(astronaut))], arms)
    assert zone is None
    assert "data:image/jpeg" in answer
    assert "One face found" in answer
    assert "gloomy" in answer
    assert list(tmp_path.iterdir()) == []


def test_answer_comes_in_the_language_that_was_asked_for(tmp_path: Path, astronaut: Image, arms: Arms) -> None:
    _, answer = respond([uploaded(tmp_path, png(astronaut))], arms, "de")
    assert "Ein Gesicht gefunden" in answer
    assert "Freude" in answer
    assert "happy" not in re.sub(r"base64,[^\"]+", "", answer)


def test_picture_without_a_face_gets_a_message_and_is_shown(tmp_path: Path, noise: Image, arms: Arms) -> None:
    _, answer = respond([uploaded(tmp_path, png(noise))], arms)
    assert "No face found" in answer
    assert "data:image/jpeg" in answer


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff nothing more", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", b"%PDF-1.7"])
def test_a_file_that_is_no_picture_gets_a_message_without_its_path(tmp_path: Path, content: bytes, arms: Arms) -> None:
    zone, answer = respond([uploaded(tmp_path, content, "holiday.jpg")], arms)
    assert zone is None
    assert "could not be read as a picture" in answer
    assert str(tmp_path) not in answer
    assert list(tmp_path.iterdir()) == []


def test_half_a_photo_gets_the_same_message(tmp_path: Path, astronaut: Image, arms: Arms) -> None:
    whole = png(astronaut)
    assert "could not be read as a picture" in respond([uploaded(tmp_path, whole[: len(whole) // 2])], arms)[1]


@pytest.mark.parametrize(("language", "told"), [("en", "This picture is too large"), ("de", "Dieses Bild ist zu groß")])
def test_a_picture_of_too_many_pixels_is_refused_with_its_size_and_the_limit(tmp_path: Path, arms: Arms, language: str, told: str) -> None:
    _, answer = respond([uploaded(tmp_path, huge())], arms, language)
    assert told in answer
    assert "5000×5001" in answer
    assert "24 " in answer


def test_boxes_and_tables_are_those_of_the_picture_as_it_was_uploaded(tmp_path: Path, astronaut: Image, arms: Arms) -> None:
    large = np.asarray(PIL.Image.fromarray(astronaut).resize((2048, 2048)))
    html = respond([uploaded(tmp_path, png(large))], arms)[1]
    (box,) = re.findall(r'class="fersys-box[^>]*style="left:([\d.]+)%', html)
    table = json.loads(base64.b64decode(re.findall(r"data:application/json;base64,([^\"]+)", html)[0]))[0]
    assert (table["width"], table["height"]) == (2048, 2048)
    assert float(box) == pytest.approx(100 * table["faces"][0]["box"][0] / 2048, abs=0.01)


def test_several_pictures_get_an_answer_each_under_their_names(tmp_path: Path, astronaut: Image, noise: Image, arms: Arms) -> None:
    uploads = [uploaded(tmp_path, png(astronaut), "one.png"), uploaded(tmp_path, png(noise), "none.png"), uploaded(tmp_path, b"x", "broken.png")]
    _, answer = respond(uploads, arms)
    assert re.findall(r'data-pick-shot="(\d)" aria-pressed="(\w+)" aria-label="([^"]+)"', answer) == [
        ("1", "true", "1. one.png: One face found"),
        ("2", "false", "2. none.png: 0 faces found"),
        ("3", "false", "3. broken.png: could not be read"),
    ]
    assert list(tmp_path.iterdir()) == []


def test_pictures_beyond_the_bound_are_named_and_deleted_unseen(tmp_path: Path, arms: Arms) -> None:
    uploads = [uploaded(tmp_path, b"x", f"{number}.png") for number in range(MOST + 2)]
    _, answer = respond(uploads, arms)
    assert "2 more were left out and deleted" in answer
    assert len(re.findall("data-shot=", answer)) == MOST
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uploads", [None, []])
def test_no_upload_leaves_the_answer_empty(uploads: list[dict[str, str]] | None, arms: Arms) -> None:
    assert respond(uploads, arms) == (None, "")


@pytest.mark.parametrize("language", ["en", "de"])
def test_welcome_names_all_expressions_and_offers_every_example(language: str) -> None:
    markup = welcome(language)
    assert markup.count("<li>") == len(EMOTIONS)
    assert [Path(path).stem for path in re.findall(r'data-example="([^"]+)"', markup)] == list(EXAMPLES)
    assert "//" not in markup  # addresses are relative: the page may lie in a folder of a proxy


def test_tab_brings_the_routes_of_examples_and_heat_map(arms: Arms) -> None:
    assert [route.path for route in routes(Page(arms))] == ["/fersys/examples/{name}.jpg", "/fersys/heat"]  # type: ignore[attr-defined]
