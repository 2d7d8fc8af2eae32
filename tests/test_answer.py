"""The HTML of answers: what a visitor, and a screen reader, is told."""

import base64
import csv
import io
import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app import answer as html
from app.looking import Answer
from app.models import Arms, Model
from fersys import EMOTIONS, Face, FaceResult, Prediction
from fersys.results import Box
from tests.fixed import Fixed
from tests.test_bars import prediction, text

ARMS = Arms((Model(Fixed("first", "happy")),), (Model(Fixed("second", "sad")),))
SHOWN = np.zeros((30, 40, 3), np.uint8)


def result(*predictions: Prediction, box: Box = (4, 6, 20, 20)) -> FaceResult:
    face = Face(box, 1.0, np.empty((0, 2), np.float32), np.full((20, 20, 3), 90, np.uint8))
    return FaceResult(face, predictions or (prediction(), prediction("second")))


def an_answer(*results: FaceResult, name: str = "me.jpg") -> Answer:
    return Answer(name, SHOWN, results, 0.0314, {"first": 0.004, "second": 0.008})


def unread(name: str = "broken.jpg") -> Answer:
    return Answer(name, error="Not a picture that can be read")


def linked(markup: str, kind: str) -> str:
    """The content of a download."""
    (found,) = re.findall(rf'download="fersys-faces.{kind}" href="data:[^,]+,([^"]+)"', markup)
    return base64.b64decode(found).decode()


def test_a_model_is_shown_by_its_title() -> None:
    named = result(replace(prediction(), title="First, by us"), prediction("second"))
    assert "First, by us" in text(html.faces(an_answer(named), ARMS, "en"))


def test_a_card_says_each_model_s_time_for_one_face() -> None:
    assert re.findall(r'class="fersys-ms">([^<]+)<', html.faces(an_answer(result(), result()), ARMS, "en"))[:2] == ["2 ms", "4 ms"]


def test_faces_are_numbered_in_the_order_given_and_the_first_is_chosen() -> None:
    markup = html.faces(an_answer(result(), result(), result()), ARMS, "en")
    assert re.findall(r'data-face="(\d)" aria-label="Face \d"[^>]*?( hidden)?>', markup) == [("1", ""), ("2", " hidden"), ("3", " hidden")]
    assert re.findall(r'data-pick-face="(\d)" aria-pressed="(\w+)"', markup) == [("1", "true"), ("2", "false"), ("3", "false")]
    assert text(markup).startswith("3 faces found")


def test_one_face_is_one_face_and_needs_no_choice() -> None:
    markup = html.faces(an_answer(result()), ARMS, "en")
    assert text(markup).startswith("One face found")
    assert "data-pick-face" not in markup


def test_a_side_with_several_models_has_a_menu_and_one_with_one_a_name() -> None:
    arms = Arms((*ARMS.cnn, Model(Fixed("paper", "happy"))), ARMS.deepface)
    markup = html.faces(an_answer(result(prediction(), prediction("paper"), prediction("second"))), arms, "en")
    assert re.findall(r'<select data-choose="(\w+)">', markup) == ["cnn"]
    assert re.findall(r'<option value="(\w+)">', markup) == ["first", "paper"]
    assert "<strong>second</strong>" in markup


def test_without_deepface_the_card_says_why_there_is_one_column() -> None:
    markup = html.faces(an_answer(result(prediction())), Arms(ARMS.cnn), "en")
    assert "DeepFace is not installed" in text(markup)
    assert markup.count('scope="col"') == 1


def test_no_face_gets_a_message_with_hints() -> None:
    markup = html.faces(an_answer(), ARMS, "en")
    assert "No face found" in text(markup)
    assert markup.count("<li>") >= 2
    assert 'role="alert"' in markup


def test_picture_says_in_words_what_it_shows() -> None:
    assert 'alt="Your picture. 2 faces found, each with a numbered button around it."' in html.picture(an_answer(result(), result()), "en")
    assert 'alt="Your picture. 0 faces found."' in html.picture(an_answer(), "en")


def test_picture_says_how_long_the_search_took() -> None:
    assert text(html.picture(an_answer(), "en")) == "Faces looked for in 31 ms"


def test_a_button_lies_where_its_face_is_and_says_the_first_model_s_word() -> None:
    unsure = replace(prediction(), certain=False)
    markup = html.picture(an_answer(result(box=(4, 6, 20, 15)), result(unsure, prediction("second"))), "en")
    assert "left:10.00%;top:20.00%;width:50.00%;height:50.00%" in markup
    assert re.findall(r'class="fersys-box[^>]*aria-label="([^"]+)"', markup) == ["Face 1: happy", "Face 2: not sure"]


def test_a_narrow_button_has_room_for_its_number_alone() -> None:
    wide, narrow = (html.picture(an_answer(result(box=(4, 6, width, 5))), "en") for width in (20, 3))
    assert "fersys-narrow" in narrow
    assert "fersys-narrow" not in wide


def test_every_picture_in_an_answer_is_inline_and_has_words_or_a_named_button() -> None:
    markup = html.answers([an_answer(result(), result()), an_answer()], ARMS, "en")
    images = re.findall(r"<img[^>]*>", re.sub(r"<button.*?</button>", "", markup))
    assert len(images) == 4  # two pictures, two faces
    assert all(re.search(r'src="data:image/jpeg;base64,[^"]+" alt="[^"]+"', image) for image in images)
    assert all("aria-label" in button or text(button) for button in re.findall(r"<button.*?</button>", markup))


def test_several_pictures_are_chosen_from_a_strip_and_one_needs_none() -> None:
    markup = html.answers([an_answer(result()), unread()], ARMS, "en")
    assert re.findall(r'data-shot="(\d)"( hidden)?', markup) == [("1", ""), ("2", " hidden")]
    assert markup.count("data-pick-shot") == 2
    assert "data-pick-shot" not in html.answers([an_answer(result())], ARMS, "en")


def test_names_of_files_are_escaped() -> None:
    markup = html.answers([an_answer(name='<b>"x'), an_answer()], ARMS, "en")
    assert '<b>"x' not in markup
    assert "&lt;b&gt;&quot;x" in markup


def test_downloads_hold_all_answers_as_the_command_writes_them() -> None:
    markup = html.answers([an_answer(result(), result()), unread()], ARMS, "en")
    rows = list(csv.DictReader(io.StringIO(linked(markup, "csv"))))
    assert [(row["path"], row["face"], row["model"], row["label"], row["certain"]) for row in rows] == [
        ("me.jpg", face, model, "happy", "true") for face in "12" for model in ("first", "second")
    ]
    assert [float(rows[0][emotion]) for emotion in EMOTIONS] == pytest.approx(list(prediction().scores.values()))
    first, second = json.loads(linked(markup, "json"))
    assert (first["path"], first["width"], first["height"], len(first["faces"])) == ("me.jpg", 40, 30, 2)
    assert second["path"] == "broken.jpg"


def test_without_a_face_there_is_nothing_to_download() -> None:
    assert "download=" not in html.answers([an_answer(), unread()], ARMS, "en")


@pytest.mark.parametrize("language", ["en", "de"])
def test_reasons_are_told_in_the_visitor_s_language(language: str) -> None:
    english = "could not be read as a picture" in html.unreadable("Not a picture", language)
    assert english == (language == "en")
    assert "7000×5000" in html.unreadable("the file is too large: expected at most 24 megapixels. Received: 7000×5000", language)


def test_a_message_is_escaped() -> None:
    assert "<b>" not in html.message("<b>", ["<b>x</b>"])


def test_sizes_of_pictures_fall_where_there_are_several() -> None:
    large = Answer("a", np.zeros((3000, 4000, 3), np.uint8))
    lengths = [len(html.answers([large] * count, ARMS, "en")) / count for count in (1, 2)]
    assert all(one > other for one, other in pairwise(lengths))
