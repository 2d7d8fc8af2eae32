"""The pictures to try: one face that may be shown, and what is made of it."""

import urllib.error
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from app.examples import _FILE, EXAMPLES, PATH, example
from fersys import detect, load, read_image
from fersys.analysis import analyze
from tests.served import Served, fetch, serve

Image = npt.NDArray[np.uint8]
CNN = _FILE.parents[3] / "hub/models/fersys-cnn"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


def test_the_face_is_the_astronaut_s_and_its_file_small(astronaut: Image) -> None:
    assert _FILE.stat().st_size <= 60_000
    assert np.abs(read_image(_FILE).astype(int) - astronaut).mean() < 4


@pytest.mark.parametrize(("name", "faces"), [("one", 1), ("several", 4), ("hard", 1)])
def test_every_example_shows_what_it_promises(name: str, faces: int) -> None:
    assert len(detect(read_image(example(name)))) == faces
    assert len(example(name)) < 120_000


def test_the_hard_one_is_one_of_which_our_network_is_not_sure() -> None:
    cnn = load(CNN)
    said = {name: analyze(read_image(example(name)), [cnn])[0].predictions[0].verdict for name in ("one", "hard")}
    assert said == {"one": "happy", "hard": "not sure"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_gets_them_from_its_own_server(served: Served, name: str) -> None:
    with pytest.raises(UnicodeDecodeError):  # a JPEG is no text
        fetch(f"{served.url}{PATH}/{name}.jpg")


@pytest.mark.parametrize("name", ["nobody", "..%2Fimage", "astronaut"])
def test_there_is_no_other(served: Served, name: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        fetch(f"{served.url}{PATH}/{name}.jpg")
    assert refusal.value.code == 404
