"""The measurement itself, not its result."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from fersys.throughput import Throughput, measure


class Counts:
    """Says the same of every face, and counts the faces."""

    name = title = "counts"
    certainty = 0.0

    def __init__(self) -> None:
        self.faces = 0

    def predict(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        self.faces += len(crops)
        return np.full((len(crops), 7), 1 / 7, np.float32)


def test_both_ways_see_every_face_in_every_round() -> None:
    model = Counts()
    result = measure(model, pictures=20, rounds=3)
    assert model.faces == 2 * 3 * 20
    assert result.ready > 0 < result.scored


def test_the_share_is_the_scored_of_the_ready() -> None:
    assert Throughput(ready=200, scored=170).share == pytest.approx(0.85)
