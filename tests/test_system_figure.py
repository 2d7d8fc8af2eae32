"""The picture of the system tells of functions that are there."""

import pytest

from fersys.errors import ConfigError
from fersys.recognizers import RECOGNIZERS
from train.system_figure import LANES, Lane, Step, check_steps, draw_system


def test_every_step_is_a_function_that_is_there() -> None:
    check_steps()
    assert [lane.title for lane in LANES] == ["Train", "Measure", "Answer"]


@pytest.mark.parametrize(
    "place", ["train.fit:fitt", "train.none:fit", "nobody.fit:fit", "fersys.recognizers.base:Recognizer.guess", "train.fit:", "fersys.labels:EMOTIONS"]
)
def test_function_that_is_not_there_stops_the_drawing(place: str) -> None:
    with pytest.raises(ConfigError, match=f"expected a function for each step. Received: {place}"):
        draw_system([Lane("Train", (Step(place, "words"),))])


def test_method_of_a_class_is_found() -> None:
    check_steps([Lane("x", (Step("fersys.recognizers.base:Recognizer.predict", ""),))])


def test_every_step_stands_in_the_picture_with_its_function() -> None:
    (axes,) = draw_system().axes
    texts = [text.get_text() for text in axes.texts]
    for lane in LANES:
        assert lane.title in texts
        for step in lane.steps:
            assert step.call in texts
            assert any(text.replace("\n", " ") == step.words for text in texts)
    assert len(axes.patches) == sum(len(lane.steps) for lane in LANES)


def test_recognisers_are_those_of_the_table() -> None:
    words = next(step.words for lane in LANES for step in lane.steps if step.place.endswith("Recognizer.predict"))
    assert all(name in words for name in RECOGNIZERS)
