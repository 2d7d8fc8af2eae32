"""A head is trained on embeddings alone, and exported so that serving gives what Keras gives."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from scipy.special import softmax

import train.head
from fersys.config import read_config
from fersys.errors import ConfigError, ModelError
from fersys.package import KERAS_FILE, MODEL_FILES, SERVING_FILE, check_package, load
from fersys.recognizers.deepface_head import Base
from tests.made_data import patterns
from tests.made_run import made_data
from tests.made_vgg_face import write_vgg_face
from tests.tiny_recogniser import write_recogniser
from train.calibrate import calibrate_package
from train.data import Fer2013
from train.head import build_head, export_head, fit_head, train_head
from train.head_config import HeadConfig
from train.history import read_history
from train.measure import measure, read_metrics
from train.release import release
from train.runs import read_run

CONFIG = HeadConfig(recogniser="OpenFace", hidden=32, epochs=6, batch_size=32, learning_rate=3e-3)

Examples = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def examples(count: int, spread: float = 0.5, seed: int = 0) -> Examples:
    """Embeddings of 16 numbers of very different size, which tell the label."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 7
    centres = np.random.default_rng(7).normal(0, 1, (7, 16))
    values = (centres[labels] + random.normal(0, spread, (count, 16))) * np.logspace(-4, 2, 16) + 5
    return values.astype(np.float32), labels


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return write_recogniser(tmp_path / "home" / ".deepface" / "weights")


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Fer2013:
    return made_data(tmp_path_factory)


def test_head_learns_what_embeddings_of_any_scale_tell() -> None:
    network, rows = fit_head(replace(CONFIG, epochs=20), examples(700), examples(210, seed=1))
    values, labels = examples(350, seed=2)
    assert (network.predict(values, verbose=0).argmax(axis=1) == labels).mean() > 0.9
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[-1]["val_loss"] < rows[0]["val_loss"]


def test_standardised_embeddings_have_mean_0_and_deviation_1_and_silent_units_stay_small() -> None:
    values = examples(400)[0].copy()
    values[:, 3] = 2.0
    values[:, 15] *= 0.01  # the largest would set the floor for all
    network = build_head(CONFIG, values)
    seen = keras.Model(network.input, network.get_layer("standardise").output)
    standard = np.asarray(seen(values))
    loud = values.var(axis=0) > 1e-2 * values.var(axis=0).mean()
    np.testing.assert_allclose(standard[:, loud].mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(standard[:, loud].std(axis=0), 1, atol=0.02)
    assert loud.sum() >= 3
    odd = values[:1].copy()
    odd[0, 3] += values.std()
    assert np.abs(np.asarray(seen(odd))[0, 3]) < 1000
    assert not network.get_layer("standardise").trainable_weights


def test_all_equal_embeddings_do_not_become_infinite() -> None:
    network = build_head(CONFIG, np.full((20, 4), 3, np.float32))
    assert np.isfinite(np.asarray(network(np.full((2, 4), 3, np.float32)))).all()


def test_training_stops_when_validation_loss_no_longer_falls_and_takes_the_best_epoch() -> None:
    values, labels = examples(140, spread=3.0)
    held_out = examples(140, spread=3.0, seed=1)
    config = replace(CONFIG, epochs=200, patience=4, learning_rate=1e-2, dropout=0.0, weight_decay=0.0)
    network, rows = fit_head(config, (values, labels), held_out)
    losses = [row["val_loss"] for row in rows]
    assert len(rows) == int(np.argmin(losses)) + 1 + 4 < 200
    probabilities = softmax(network.predict(held_out[0], verbose=0), axis=1)
    assert -np.log(probabilities[np.arange(140), held_out[1]]).mean() == pytest.approx(min(losses), abs=1e-4)


def test_same_seed_gives_the_same_head_and_another_seed_another() -> None:
    heads = [fit_head(replace(CONFIG, seed=seed, epochs=2), examples(140), examples(70, seed=1))[0].get_weights()[2] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(heads[0], heads[1])
    assert np.abs(heads[0] - heads[2]).max() > 0.01


def test_every_exported_form_gives_the_probabilities_of_the_trained_head(tmp_path: Path, base: Base) -> None:
    network, _ = fit_head(CONFIG, examples(140), examples(70, seed=1))
    folder = tmp_path / "mine"
    folder.mkdir()
    about = export_head(folder, network, base)
    values = examples(5, seed=3)[0]
    trained = softmax(network.predict(values, verbose=0), axis=1)
    session = onnxruntime.InferenceSession(str(folder / SERVING_FILE), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        served = session.run(None, {session.get_inputs()[0].name: values[:count]})[0]
        np.testing.assert_allclose(served, trained[:count], atol=1e-5)
    for path in (folder / KERAS_FILE, folder):
        np.testing.assert_allclose(np.asarray(keras.saving.load_model(path, compile=False)(values)), trained, atol=1e-5)
    assert check_package(folder) == about
    assert set(about.files) == set(MODEL_FILES)
    assert about.base == {"recogniser": "OpenFace", "file": "openface_weights.onnx", "sha256": base.sha256, "crop": "as it is"}
    assert (about.name, about.recognizer, about.title) == ("mine", "deepface-head", "DeepFace OpenFace embeddings + FER-Sys head")
    own = 2 * 16 + 16 * 32 + 32 + 32 * 7 + 7
    assert about.params == own + 3 * 8**2 * 128
    assert about.macs == 16 * 32 + 32 * 7 + 3 * 8**2 * 128


def test_from_images_to_a_released_package(tmp_path: Path, base: Base, data: Fer2013, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runs" / "deepface-head"
    train_head(folder, replace(CONFIG, adjust=True, epochs=30), data)
    calibrate_package(folder, data)
    metrics = measure(folder, data, resamples=20)
    assert metrics["splits"].keys() == {"train", "validation"}
    assert metrics["splits"]["validation"]["accuracy"] > 0.5  # a bar whose height tells the label
    assert len(read_history(folder / "history.csv")) > 1
    assert read_run(folder)["base"] == read_config(folder).base
    assert read_run(folder)["tau"] >= 0
    monkeypatch.setattr(train.release, "draw_all", lambda run: (run / "figures").mkdir(exist_ok=True))
    monkeypatch.setattr(train.release, "measure", lambda *words, **settings: measure(*words, **{"resamples": 20} | settings))
    shipped = release(folder, tmp_path / "models", data)
    assert "test" in read_metrics(shipped)["splits"]
    crops = list(np.repeat(patterns(3)[0][..., None], 3, axis=3))
    np.testing.assert_allclose(load(shipped).predict(crops), load(folder).predict(crops), atol=1e-6)
    assert not list(shipped.glob("*weights*.onnx")), "the recogniser's own weights are not shipped"
    assert base.file not in json.dumps(sorted(read_config(shipped).files))


@pytest.mark.usefixtures("base")
def test_second_head_embeds_nothing_anew(tmp_path: Path, data: Fer2013, capsys: pytest.CaptureFixture[str]) -> None:
    train_head(tmp_path / "runs" / "one", replace(CONFIG, epochs=1), data)
    assert "embedding" in capsys.readouterr().err
    train_head(tmp_path / "runs" / "two", replace(CONFIG, epochs=1, hidden=8), data)
    assert "embedding" not in capsys.readouterr().err


@pytest.mark.usefixtures("base")
def test_two_processes_train_the_same_head(tmp_path: Path, data: Fer2013) -> None:
    train_head(tmp_path / "runs" / "one", replace(CONFIG, epochs=1), data)
    for kept in Path("runs/embeddings").iterdir():
        kept.rename(tmp_path / "alone.npy")
    train_head(tmp_path / "runs" / "two", replace(CONFIG, epochs=1), data, processes=2)
    (kept,) = Path("runs/embeddings").iterdir()
    np.testing.assert_allclose(np.load(kept), np.load(tmp_path / "alone.npy"), atol=1e-6)


@pytest.mark.usefixtures("base")
def test_run_is_not_mixed_with_other_settings(tmp_path: Path, data: Fer2013) -> None:
    train_head(tmp_path / "run", replace(CONFIG, epochs=1), data)
    with pytest.raises(ConfigError, match=r"hidden=8"):
        train_head(tmp_path / "run", replace(CONFIG, epochs=1, hidden=8), data)


def test_without_weights_or_network_nothing_is_made(tmp_path: Path, data: Fer2013, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_base: Base) -> None:
        raise ModelError("no network")

    monkeypatch.setattr("fersys.recognizers.deepface_head._download", refuse)
    with pytest.raises(ModelError, match="no network"):
        train_head(tmp_path / "run", CONFIG, data)
    assert not (tmp_path / "run").exists()


_SERVE = """
import sys
import numpy as np
from fersys import load

print(load(sys.argv[1]).predict([np.zeros((48, 48, 3), np.uint8)]).shape)
print(sorted({"tensorflow", "keras", "sklearn", "datasets", "torch", "matplotlib"} & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.usefixtures("base")
def test_served_head_needs_no_tensorflow(tmp_path: Path, data: Fer2013) -> None:
    train_head(tmp_path / "run", replace(CONFIG, epochs=1), data)
    root = str(Path(__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", _SERVE, str(tmp_path / "run")], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["(1, 7)", "[]"], done.stderr


def test_vgg_face_s_own_layers_go_all_the_way_with_random_weights(tmp_path: Path, data: Fer2013) -> None:
    base = write_vgg_face(tmp_path / "home" / ".deepface" / "weights", width=2)
    folder = tmp_path / "run"
    train_head(folder, replace(CONFIG, recogniser="VGG-Face", epochs=1, limit=14), data)
    assert read_config(folder).base == {"recogniser": "VGG-Face", "file": "vgg_face_weights.onnx", "sha256": base.sha256, "crop": "as it is"}
    assert load(folder).predict([np.zeros((48, 48, 3), np.uint8)]).shape == (1, 7)
