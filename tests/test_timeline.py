"""What each face shows over time: in a chart, in words and as a table."""

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from app.films import Film, Portrait
from app.models import Model
from app.timeline import SHOWN, answer, course
from fersys.labels import EMOTIONS
from tests.fixed import Fixed

MODELS = [Model(Fixed("first", "happy", title="First & best")), Model(Fixed("second", "sad"))]


def portrait(number: int, labels: str, start: float = 0.0) -> Portrait:
    """A face, ten frames a second: h happy, s sad, ? unsure, and - where it is not there."""
    face = Portrait(number, crop=np.zeros((8, 8, 3), np.uint8))
    for index, letter in enumerate(labels):
        if letter == "-":
            continue
        row = np.full(7, 0.02, np.float32)
        row[EMOTIONS.index("sad" if letter == "s" else "happy")] = 0.88
        face.times.append(start + index / 10)
        face.rows.append(np.stack([row, row]))
        face.certain.append((letter != "?", True))
    return face


def film(*faces: Portrait, frames: int = 40, notes: tuple[str, ...] = ()) -> Film:
    return Film(Path("a.webm"), Path("faces.csv"), faces, (frames - 1) / 10, frames, notes)


def test_a_course_has_a_mean_for_each_part_and_nothing_where_the_face_is_not() -> None:
    found = course(portrait(1, "h" * 20 + "-" * 10 + "s" * 10), film())
    assert found.scores.shape == (2, 7, 20)
    assert found.labels[0].tolist() == [3] * 10 + [-1] * 5 + [EMOTIONS.index("sad")] * 5
    assert np.nansum(found.scores[0], axis=0)[0] == pytest.approx(1, abs=0.01)


def test_what_was_mostly_unsure_is_not_named() -> None:
    assert set(course(portrait(1, "?" * 40), film()).labels[0].tolist()) == {len(EMOTIONS)}


def test_words_say_how_much_of_its_time_a_face_shows_what() -> None:
    html = unescape(answer(film(portrait(1, "h" * 30 + "s" * 10)), MODELS, "en"))
    assert "First & best: happy 75%, sad 25% of the time." in html
    assert "Timeline of seven expressions. First & best: happy 75%" in html  # for those who cannot see the chart


def test_the_table_has_a_row_for_each_change() -> None:
    html = answer(film(portrait(1, "h" * 20 + "s" * 20)), MODELS, "en")
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", html)
    assert [row[2:] for row in rows] == [("happy", "happy"), ("sad", "sad")]
    assert rows[0][0] == "0:00"


def test_scripts_are_given_whole_percents_and_gaps() -> None:
    html = answer(film(portrait(1, "h" * 20 + "-" * 20)), MODELS, "en")
    (data,) = re.findall(r'data-course="(.*?)"', html)
    numbers = json.loads(unescape(data))
    assert (len(numbers), len(numbers[0]), numbers[0][3][0], numbers[0][3][-1]) == (2, 7, 88, -1)


def test_titles_are_escaped() -> None:
    assert "<b>" not in answer(film(portrait(1, "h" * 40)), [Model(Fixed("x", "sad", title="<b>")), MODELS[1]], "en")


def test_a_crowd_is_bounded_and_the_rest_counted() -> None:
    html = answer(film(*(portrait(number, "h" * 40) for number in range(1, SHOWN + 4))), MODELS, "en")
    assert html.count("data-pick-track") == html.count('class="fersys-card fersys-track"') == SHOWN
    assert "3 more are in the table" in html


@pytest.mark.parametrize(("language", "words"), [("en", "No face found in this video"), ("de", "In diesem Video ist kein Gesicht zu finden")])
def test_without_a_face_there_are_hints_and_no_chart(language: str, words: str) -> None:
    html = answer(film(), MODELS, language)
    assert words in html
    assert "<svg" not in html


def test_notes_are_said() -> None:
    assert "damaged or cut off" in answer(film(portrait(1, "h" * 40), notes=("damaged",)), MODELS, "en")
