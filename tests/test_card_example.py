"""The card's example: what is recorded is what the model says of the picture."""

import json
from pathlib import Path

import numpy as np
import pytest

from fersys.config import read_config
from fersys.errors import ModelError, PackageError
from fersys.labels import EMOTIONS
from fersys.package import find_packages
from model_card.example import RECORD_FILE, SOURCE, ask, read_example, record
from tests.card_package import make_measured

SHIPPED = find_packages(Path(__file__).parent.parent / "hub" / "models")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_measured(tmp_path)


def test_the_picture_is_a_part_of_the_one_face_that_may_be_shown(astronaut: np.ndarray) -> None:
    from fersys import read_image

    picture = read_image(SOURCE).astype(float)
    assert np.abs(picture - astronaut[:256, 96:352]).mean() < 6  # the loss of JPEG
    assert SOURCE.stat().st_size < 20_000


def test_answers_are_recorded_once(package: Path) -> None:
    assert read_example(package, read_config(package)) is None
    record(package)
    said = read_example(package, read_config(package))
    assert said == ask(package)
    assert said is not None
    assert tuple(said.scores) == EMOTIONS
    changed = (package / RECORD_FILE).read_text().replace(f'"verdict": "{said.verdict}"', '"verdict": "kept"')
    (package / RECORD_FILE).write_text(changed)
    record(package)
    assert (package / RECORD_FILE).read_text() == changed


def test_answers_of_another_serving_file_are_replaced(package: Path) -> None:
    record(package)
    first = (package / RECORD_FILE).read_text()
    content = json.loads(first) | {"serving_sha256": "0" * 64}
    (package / RECORD_FILE).write_text(json.dumps(content))
    assert read_example(package, read_config(package)) is None
    record(package)
    assert (package / RECORD_FILE).read_text() == first


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"serving_sha256": "", "verdict": "sad", "scores": 1}', '{"serving_sha256": "", "verdict": "", "scores": {}}']
)
def test_a_damaged_record_is_one_clear_error(package: Path, content: str) -> None:
    record(package)
    (package / RECORD_FILE).write_text(content)
    with pytest.raises(PackageError, match=r"astronaut\.json is damaged.*Received: "):
        read_example(package, read_config(package))


def test_a_changed_network_is_not_asked(package: Path) -> None:
    (package / "model.onnx").write_bytes(b"another")
    with pytest.raises(PackageError, match=r"model\.onnx was changed"):
        record(package)
    assert not (package / RECORD_FILE).exists()


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_model_still_says_what_its_card_shows(shipped: Path) -> None:
    said = read_example(shipped, read_config(shipped))
    assert said is not None
    try:
        now = ask(shipped)
    except ModelError as error:
        pytest.skip(f"{shipped.name} cannot be run here: {error}")
    assert now.verdict == said.verdict
    assert now.scores == pytest.approx(said.scores, abs=2e-3)
