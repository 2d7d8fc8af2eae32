"""The one order of labels, and foreign spellings."""

import pytest

from fersys.errors import LabelError
from fersys.labels import EMOTIONS, to_emotion, to_indices


def test_order_is_that_of_the_original_csv() -> None:
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize("name", EMOTIONS)
def test_every_expression_stands_for_itself(name: str) -> None:
    assert to_emotion(name) == name
    assert to_emotion(f" {name.title()} ") == name


@pytest.mark.parametrize(
    ("foreign", "name"),
    [("anger", "angry"), ("Happiness", "happy"), ("SADNESS", "sad"), ("surprised", "surprise"), ("fearful", "fear"), ("disgusted", "disgust")],
)
def test_foreign_spellings_are_known(foreign: str, name: str) -> None:
    assert to_emotion(foreign) == name


@pytest.mark.parametrize("name", ["contempt", "", "3", "not a face"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(LabelError, match=rf"expected one of angry, .*Received: {name!r}"):
        to_emotion(name)


def test_indices_are_by_name_not_by_place() -> None:
    assert to_indices(["Neutral", "anger", "happy"]) == [6, 0, 3]
    assert to_indices(sorted(EMOTIONS)) == [0, 1, 2, 3, 6, 4, 5]


def test_two_names_of_one_expression_are_refused() -> None:
    with pytest.raises(LabelError, match="Received: happy, joy"):
        to_indices(["happy", "joy"])
