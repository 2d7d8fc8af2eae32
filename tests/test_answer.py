"""The HTML of answers: what a visitor, and a screen reader, is told."""

import re
from dataclasses import replace

import numpy as np
import pytest

from app import answer as html
from app.answer import EMOJI, Answer
from fersys import EMOTIONS, Face, FaceResult, Prediction

SCORES = (0.04, 0.001, 0.1, 0.8, 0.03, 0.029, 0.0)


def prediction(model: str = "first", scores: tuple[float, ...] = SCORES) -> Prediction:
    return Prediction(model, dict(zip(EMOTIONS, scores, strict=True)))


def unsure(model: str = "first") -> Prediction:
    return replace(prediction(model), certain=False)


def result(*predictions: Prediction) -> FaceResult:
    face = Face((4, 6, 20, 20), 1.0, np.empty((0, 2), np.float32), np.full((20, 20, 3), 90, np.uint8))
    return FaceResult(face, predictions or (prediction(),))


def an_answer(*results: FaceResult) -> Answer:
    return Answer(results, 0.0314, {"first": 0.004, "second": 0.008})


def text(markup: str) -> str:
    """What is read of it."""
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def test_every_expression_has_its_own_emoji() -> None:
    assert set(EMOJI) == set(EMOTIONS)
    assert len(set(EMOJI.values())) == len(EMOTIONS)


def test_each_expression_is_a_row_with_each_model_s_percent() -> None:
    table = html.bars([prediction(), prediction("second", (0.9, 0.1, 0, 0, 0, 0, 0))])
    rows = [text(row) for row in re.findall(r"<tr><th.*?</tr>", table)]
    assert [row.split()[1] for row in rows] == list(EMOTIONS)
    assert rows[0].split()[2:] == ["4%", "90%"]
    assert rows[3].split()[2:] == ["80%", "0%"]


def test_bars_are_as_long_as_the_probability() -> None:
    assert re.findall(r"width:([\d.]+)%", html.bars([prediction()])) == ["4.0", "0.1", "10.0", "80.0", "3.0", "2.9", "0.0"]


def test_the_most_probable_expression_alone_is_marked() -> None:
    marked = re.findall(r'<th scope="row">((?:(?!</tr>).)*?)<td class="fersys-top">', html.bars([prediction()]))
    assert len(marked) == 1
    assert text(marked[0]).endswith("happy")


def test_verdict_names_the_model_its_word_and_how_sure_it_is() -> None:
    assert f"first {EMOJI['happy']} happy 80%" in text(html.bars([prediction()]))


def test_a_model_is_shown_by_its_title_in_the_card_and_under_the_picture() -> None:
    named = an_answer(result(replace(prediction(), title="First, by us"), prediction("second")))
    assert f"First, by us {EMOJI['happy']} happy 80%" in text(html.faces(named))
    assert "First, by us 4.0 ms a face · second 8.0 ms a face" in html.picture(np.zeros((30, 40, 3), np.uint8), named)


@pytest.mark.parametrize(("count", "many"), [(1, False), (2, False), (3, True), (4, True)])
def test_many_models_are_laid_out_narrowly(count: int, many: bool) -> None:
    table = html.bars([prediction(str(number)) for number in range(count)])
    assert ("fersys-many" in table) == many == (f"--models:{count}" in table)


def test_unsure_verdict_says_so_and_names_the_likeliest_as_a_guess() -> None:
    table = html.bars([unsure(), prediction("second")])
    first, second = re.findall(r'<th scope="col">.*?</th>', table)
    assert text(first) == "first 🤔 not sure maybe happy 80%"
    assert text(second) == f"second {EMOJI['happy']} happy 80%"
    assert table.count("fersys-unsure") == 1


def test_bars_of_an_unsure_answer_stay_readable() -> None:
    body = html.bars([prediction()]).partition("<tbody>")[2]
    assert html.bars([unsure()]).partition("<tbody>")[2] == body


def test_unsure_face_is_labelled_so_in_the_picture_and_in_words() -> None:
    shown = np.zeros((60, 80, 3), np.uint8)
    sure, doubted = (html.picture(shown, an_answer(result(said))) for said in (prediction(), unsure()))
    assert "face 1 not sure." in doubted
    assert re.findall(r"base64,[^\"]+", sure) != re.findall(r"base64,[^\"]+", doubted)


@pytest.mark.parametrize(("score", "shown"), [(0.0, "0%"), (0.0049, "&lt;1%"), (0.005, "0%"), (0.006, "1%"), (0.994, "99%"), (1.0, "100%")])
def test_percent_says_when_a_probability_is_small_but_not_nothing(score: float, shown: str) -> None:
    assert html.percent(score) == shown


@pytest.mark.parametrize("model", ["<script>alert(1)</script>", 'a" onload="x'])
def test_a_model_s_name_is_escaped_everywhere(model: str) -> None:
    named = Answer((result(prediction(model)),), 0.01, {model: 0.01})
    markup = html.faces(named) + html.picture(np.zeros((30, 40, 3), np.uint8), named)
    assert model not in markup
    assert "<script" not in markup


def test_faces_are_numbered_in_the_order_given() -> None:
    markup = html.faces(an_answer(result(), result(), result()))
    assert re.findall(r'<article class="fersys-card" aria-label="Face (\d)">', markup) == ["1", "2", "3"]
    assert text(markup).startswith("3 faces found")


def test_one_face_is_one_face() -> None:
    assert text(html.faces(an_answer(result()))).startswith("One face found")


def test_no_face_gets_a_message_with_hints() -> None:
    markup = html.faces(an_answer())
    assert "No face found" in text(markup)
    assert markup.count("<li>") >= 2
    assert 'role="alert"' in markup


def test_picture_says_in_words_what_it_shows() -> None:
    shown = np.zeros((30, 40, 3), np.uint8)
    assert 'alt="Your picture with a numbered box around each face: face 1 happy, face 2 happy."' in html.picture(shown, an_answer(result(), result()))
    assert "No face was found" in html.picture(shown, an_answer())


def test_picture_says_how_long_it_took() -> None:
    caption = text(html.picture(np.zeros((30, 40, 3), np.uint8), an_answer(result(), result())))
    assert caption == "Looked for faces: 31 ms · first 2.0 ms a face · second 4.0 ms a face"


def test_every_picture_in_an_answer_is_inline_and_has_words() -> None:
    markup = html.faces(an_answer(result())) + html.picture(np.zeros((30, 40, 3), np.uint8), an_answer(result()))
    images = re.findall(r"<img[^>]*>", markup)
    assert len(images) == 2
    assert all(re.search(r'src="data:image/jpeg;base64,[^"]+" alt="[^"]+"', image) for image in images)


def test_reason_of_an_unreadable_file_is_escaped() -> None:
    assert "<b>" not in html.unreadable("<b>x</b>")
    assert "&lt;b&gt;x" in html.unreadable("<b>x</b>")


def test_welcome_names_all_seven_expressions() -> None:
    assert all(emotion in text(html.welcome()) for emotion in EMOTIONS)
