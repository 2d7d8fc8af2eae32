"""What `DeepFace.analyze` is shown, and what becomes of its answer."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fersys.errors import LabelError, ModelError
from fersys.labels import EMOTIONS
from fersys.recognizers.deepface_emotions import client_of, emotions, stock_client
from fersys.recognizers.deepface_library import open_library
from fersys.runtime import open_network
from tests.tiny_deepface import Spy, as_deepface_sees, random_network, weights_in

Pixels = npt.NDArray[np.uint8]
SHAPES = [(48, 48), (224, 224), (55, 55), (110, 110), (300, 300), (90, 47), (47, 91), (31, 200), (1, 1), (2, 30), (30, 1), (640, 480)]


def noise(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The library's own list of labels, to be changed."""
    open_library()
    from deepface.modules import demography

    list_of_theirs = list(demography.EMOTION_LABELS)
    monkeypatch.setattr(demography, "EMOTION_LABELS", list_of_theirs)
    return list_of_theirs


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "×".join(map(str, shape)))
def test_the_network_is_given_what_the_docstring_says(shape: tuple[int, int]) -> None:
    spy, crop = Spy(), noise(*shape)
    emotions(client_of(spy), [crop])
    (seen,) = spy.seen
    assert seen.shape == (1, 48, 48, 1)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen[0, ..., 0], as_deepface_sees(crop), atol=2e-5)


def test_a_smooth_picture_of_48_pixels_is_seen_nearly_as_it_is() -> None:
    spy = Spy()
    ramp = np.repeat(np.add.outer(np.arange(48), 2 * np.arange(48))[..., None], 3, axis=2).astype(np.uint8)
    emotions(client_of(spy), [ramp])
    assert np.abs(255 * spy.seen[0][0, ..., 0] - ramp[..., 0]).max() < 1


@pytest.mark.parametrize(("channel", "share"), [(0, 0.299), (1, 0.587), (2, 0.114)])
def test_red_is_red_and_blue_is_blue(channel: int, share: float) -> None:
    spy, crop = Spy(), np.zeros((60, 60, 3), np.uint8)
    crop[..., channel] = 255
    emotions(client_of(spy), [crop])
    np.testing.assert_allclose(spy.seen[0], share, atol=1e-4)


def test_a_crop_that_is_all_but_black_counts_as_0_to_1() -> None:
    spy = Spy()
    emotions(client_of(spy), [np.full((48, 48, 3), level, np.uint8) for level in (0, 1, 2)])
    np.testing.assert_allclose([seen.mean() for seen in spy.seen], [0, 1, 2 / 255], atol=1e-6)


def test_percent_become_probabilities_in_our_order() -> None:
    answer = (0.4, 0.1, 0.05, 0.25, 0.02, 0.03, 0.15)
    rows = emotions(client_of(Spy(answer)), [noise(48, 48)] * 3)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [answer] * 3, atol=1e-6)


def test_labels_are_mapped_by_name(labels: list[str]) -> None:
    labels[:] = ["Neutral", "surprise", "sadness", "happy", "fear", "disgust", "anger"]
    answer = dict(zip(labels, (0.4, 0.1, 0.05, 0.25, 0.02, 0.03, 0.15), strict=True))
    (row,) = emotions(client_of(Spy(list(answer.values()))), [noise(48, 48)])
    expected = {"neutral": 0.4, "surprise": 0.1, "sad": 0.05, "happy": 0.25, "fear": 0.02, "disgust": 0.03, "angry": 0.15}
    np.testing.assert_allclose(row, [expected[name] for name in EMOTIONS], atol=1e-6)


def test_labels_that_are_none_of_ours_are_refused(labels: list[str]) -> None:
    labels[2] = "contempt"
    with pytest.raises(LabelError, match="Received: 'contempt'"):
        emotions(client_of(Spy()), [noise(48, 48)])


def test_another_number_of_labels_is_refused(labels: list[str]) -> None:
    del labels[2]
    with pytest.raises(ModelError, match="expected 7 expressions"):
        emotions(client_of(Spy()), [noise(48, 48)])


def test_no_crops_get_no_rows() -> None:
    rows = emotions(client_of(Spy()), [])
    assert rows.shape == (0, 7)
    assert rows.dtype == np.float32


def test_two_networks_asked_by_eight_threads_at_once_keep_their_answers_apart(tmp_path: Path) -> None:
    clients = []
    for seed in range(2):
        (tmp_path / f"{seed}.onnx").write_bytes(random_network(seed))
        clients.append(client_of(open_network(tmp_path / f"{seed}.onnx")))
    crops = [noise(48, 48, seed=seed) for seed in range(4)]
    alone = [emotions(client, crops) for client in clients]
    assert np.abs(alone[0] - alone[1]).max() > 0.1
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: emotions(clients[number % 2], crops), range(48)))
    for number, answer in enumerate(answers):
        np.testing.assert_allclose(answer, alone[number % 2], atol=1e-6)


def test_the_library_s_own_network_is_as_it_was_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's own calls of the library must not be answered by our weights."""
    weights_in(tmp_path, monkeypatch, random_network(5))
    library, crop = open_library(), noise(48, 48)
    from deepface.modules import modeling

    monkeypatch.setattr(modeling, "cached_models", {task: {} for task in modeling.AVAILABLE_MODELS}, raising=False)
    own = library.analyze(crop, actions=["emotion"], detector_backend="skip")[0]["emotion"]
    (other,) = emotions(client_of(Spy()), [crop[..., ::-1]])
    assert np.ptp(other) < 1e-6 < np.ptp(list(own.values()))
    assert library.analyze(crop, actions=["emotion"], detector_backend="skip")[0]["emotion"] == own


def test_the_library_s_own_network_is_built_as_it_builds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, crop = weights_in(tmp_path, monkeypatch, random_network(3)), noise(48, 48)
    np.testing.assert_allclose(emotions(stock_client(), [crop]), emotions(client_of(open_network(path)), [crop]), atol=1e-6)


def test_weights_that_are_no_network_are_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_in(tmp_path, monkeypatch, b"this is no network")
    with pytest.raises(ModelError, match=r"facial_expression_model_weights\.onnx"):
        stock_client()
