"""The columns of bars: what each model says of a face, and whether two agree."""

import re
from dataclasses import replace

import pytest

from app.bars import EMOJI, UNSURE, Column, agreements, bars, columns, milliseconds, percent
from app.models import Arms, Model
from fersys import EMOTIONS, Prediction
from tests.fixed import Fixed

SCORES = (0.04, 0.001, 0.1, 0.8, 0.03, 0.029, 0.0)
ARMS = Arms((Model(Fixed("first", "happy")), Model(Fixed("paper", "happy"))), (Model(Fixed("second", "sad")), Model(Fixed("third", "sad"))))


def prediction(model: str = "first", scores: tuple[float, ...] = SCORES) -> Prediction:
    return Prediction(model, dict(zip(EMOTIONS, scores, strict=True)))


def saying(model: str, label: str, certain: bool = True) -> Prediction:
    return Prediction(model, {emotion: 0.4 if emotion == label else 0.1 for emotion in EMOTIONS}, certain)


def column(said: Prediction, side: str = "cnn") -> Column:
    return Column(side, said)


def text(markup: str) -> str:
    """What is read of it."""
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def test_every_expression_has_its_own_emoji() -> None:
    assert set(EMOJI) == set(EMOTIONS)
    assert len(set(EMOJI.values())) == len(EMOTIONS)


def test_each_expression_is_a_row_with_each_model_s_percent() -> None:
    table = bars([column(prediction()), column(prediction("second", (0.9, 0.1, 0, 0, 0, 0, 0)), "deepface")], "en")
    rows = [text(row) for row in re.findall(r"<tr><th.*?</tr>", table)]
    assert [row.split()[1] for row in rows] == list(EMOTIONS)
    assert rows[0].split()[2:] == ["4%", "90%"]
    assert rows[3].split()[2:] == ["80%", "0%"]


def test_bars_are_as_long_as_the_probability() -> None:
    assert re.findall(r"width:([\d.]+)%", bars([column(prediction())], "en")) == ["4.0", "0.1", "10.0", "80.0", "3.0", "2.9", "0.0"]


def test_the_most_probable_expression_alone_is_marked() -> None:
    marked = re.findall(r'<th scope="row">((?:(?!</tr>).)*?)<td class="fersys-top"', bars([column(prediction())], "en"))
    assert len(marked) == 1
    assert text(marked[0]).endswith("happy")


def test_verdict_names_side_model_word_share_and_time() -> None:
    assert f"FER-Sys CNN first 4 ms {EMOJI['happy']} happy 80%" in text(bars([Column("cnn", prediction(), 0.0041)], "en"))


def test_unsure_verdict_says_so_and_names_the_likeliest_as_a_guess() -> None:
    table = bars([column(replace(prediction(), certain=False)), column(prediction("second"), "deepface")], "en")
    first, second = re.findall(r'<th scope="col".*?</th>', table)
    assert text(first) == f"FER-Sys CNN first {UNSURE} not sure maybe happy 80%"
    assert text(second) == f"DeepFace second {EMOJI['happy']} happy 80%"
    assert table.count("fersys-unsure") == 1


def test_bars_of_an_unsure_answer_stay_readable() -> None:
    sure, unsure = (bars([column(replace(prediction(), certain=certain))], "en").partition("<tbody>")[2] for certain in (True, False))
    assert sure == unsure


def test_bars_speak_german() -> None:
    read = text(bars([column(replace(prediction(), certain=False))], "de"))
    assert all(word in read for word in ("unsicher", "vielleicht Freude", "Überraschung"))
    assert "happy" not in read


def test_of_each_side_the_first_model_alone_is_shown_at_the_start() -> None:
    said = columns([prediction(name) for name in ("first", "paper", "second", "third")], ARMS, {"first": 0.5})
    assert [(one.side, one.said.model, one.chosen, one.seconds) for one in said] == [
        ("cnn", "first", True, 0.5),
        ("cnn", "paper", False, None),
        ("deepface", "second", True, None),
        ("deepface", "third", False, None),
    ]
    hidden = re.findall(r'<t[hd][^>]* data-model="(\w+)" hidden>', bars(said, "en"))
    assert set(hidden) == {"paper", "third"}
    assert len(hidden) == 2 * (1 + len(EMOTIONS))


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        (("happy", True), ("happy", True), "✓ Both say: happy"),
        (("happy", True), ("sad", True), "≠ They disagree: FER-Sys CNN says happy, DeepFace says sad"),
        (("happy", False), ("happy", True), "≈ Both lean to happy, but FER-Sys CNN is not sure"),
        (("happy", True), ("happy", False), "≈ Both lean to happy, but DeepFace is not sure"),
        (("happy", False), ("happy", False), "≈ Both lean to happy, and neither is sure"),
        (("happy", False), ("sad", True), "≈ DeepFace says sad, FER-Sys CNN is not sure"),
        (("happy", True), ("sad", False), "≈ FER-Sys CNN says happy, DeepFace is not sure"),
        (("happy", False), ("sad", False), "≈ Neither is sure, and their guesses differ"),
    ],
)
def test_a_line_says_whether_two_models_agree(left: tuple[str, bool], right: tuple[str, bool], told: str) -> None:
    assert text(agreements([column(saying("first", *left)), column(saying("second", *right), "deepface")], "en")) == told


def test_every_pair_of_the_two_sides_has_its_line_and_that_of_the_shown_pair_is_seen() -> None:
    said = columns([saying("first", "happy"), saying("paper", "sad"), saying("second", "sad"), saying("third", "fear")], ARMS)
    lines = re.findall(r'data-cnn="(\w+)" data-deepface="(\w+)"( hidden)?', agreements(said, "en"))
    assert lines == [("first", "second", ""), ("first", "third", " hidden"), ("paper", "second", " hidden"), ("paper", "third", " hidden")]


def test_without_the_other_side_there_is_no_line() -> None:
    assert agreements([column(prediction())], "en") == ""


@pytest.mark.parametrize(("score", "shown"), [(0.0, "0%"), (0.0049, "&lt;1%"), (0.005, "0%"), (0.006, "1%"), (0.994, "99%"), (1.0, "100%")])
def test_percent_says_when_a_probability_is_small_but_not_nothing(score: float, shown: str) -> None:
    assert percent(score, "en") == shown
    assert percent(score, "de") == shown.replace("%", "\N{NO-BREAK SPACE}%")


def test_a_model_s_title_stands_under_its_side_and_in_german_if_it_has_one() -> None:
    said = [column(replace(prediction(), title="DeepFace network, FER-Sys weights"), "deepface"), column(prediction("other"), "cnn")]
    for language, title in (("en", "DeepFace network, FER-Sys weights"), ("de", "DeepFace-Netz, Gewichte von FER-Sys")):
        assert re.findall(r'<small class="fersys-model">(.*?)</small>', bars(said, language)) == [title, "other"]


@pytest.mark.parametrize(("seconds", "shown"), [(0.0004, "&lt;1 ms"), (0.0016, "2 ms"), (1.2, "1200 ms")])
def test_times_are_whole_milliseconds(seconds: float, shown: str) -> None:
    assert milliseconds(seconds) == shown


@pytest.mark.parametrize("model", ["<script>alert(1)</script>", 'a" onload="x'])
def test_a_model_s_name_is_escaped_everywhere(model: str) -> None:
    said = [column(prediction(model)), column(prediction("second"), "deepface")]
    markup = bars(said, "en") + agreements(said, "en")
    assert model not in markup
    assert "<script" not in markup
