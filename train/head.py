"""The paper's transfer arm: a head on the embeddings of a DeepFace recogniser, from FER2013 to a package."""

import shutil
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from fersys.config import ModelConfig
from fersys.labels import EMOTIONS
from fersys.package import HISTORY_FILE, KERAS_FILE, SERVING_FILE, seal
from fersys.recognizers.deepface_head import Base, Embeddings, find_base, open_embedder
from train.adjust import shift_logits
from train.atomic import replacing
from train.calibrate import choose_tau, class_priors
from train.data import Fer2013, Split
from train.embedding_workers import workers
from train.embeddings import StoredEmbeddings, stored_embeddings
from train.export import count_macs
from train.head_config import HeadConfig
from train.head_cost import cost_of
from train.history import COLUMNS, Rows, write_history
from train.runs import note, open_run

layers = keras.layers

_FLOOR = 1e-4  # of the mean variance: units of the recogniser that hardly ever speak are not blown up when they do
_LEAST = 1e-12  # of all: embeddings that are all the same must not become infinite

Examples = tuple[Embeddings, npt.NDArray[np.int64]]


def train_head(folder: Path, config: HeadConfig, data: Fer2013, processes: int = 1) -> None:
    """Embed FER2013, as far as that was not done before, train a head and export the package.

    The embedding takes most of the time and goes on where it was killed; the head takes seconds and begins anew.

    Args:
        folder: run folder; becomes the package.
        config: the settings.
        data: FER2013.
        processes: so many embed side by side.

    Raises:
        ConfigError: if the folder holds a run with other settings or other data, or DeepFace has no such recogniser.
        ModelError: if the recogniser's weights are not there and cannot be downloaded, or it cannot be run.
    """
    base = find_base(config.recogniser, download=True)
    open_run(folder, config, data)
    note(folder, base=asdict(base))
    fit_split, validation = (data.split(name, config.limit or None) for name in ("fit" if config.clean else "train", "validation"))
    stored = _embed(base, data, [fit_split, validation], processes)
    seen, held_out = ((stored.of(split.images), split.labels) for split in (fit_split, validation))
    network, rows = fit_head(config, seen, held_out)
    write_history(folder / HISTORY_FILE, rows)
    if config.adjust:
        note(folder, tau=_lift_rare_classes(network, seen, held_out))
    export_head(folder, network, base)


def _embed(base: Base, data: Fer2013, splits: list[Split], processes: int) -> StoredEmbeddings:
    stored = stored_embeddings(base, open_embedder(base), data)
    images = np.concatenate([split.images for split in splits])
    with workers(base, processes) if processes > 1 else nullcontext() as spread:
        stored.fill(images, spread)
    return stored


def build_head(config: HeadConfig, embeddings: Embeddings) -> keras.Model:
    """Build the head to be trained: float32 (n, d) → standardised → dense, ReLU, dropout → logits (n, 7).

    Args:
        config: the settings.
        embeddings: float32 (n, d), what will be fitted on: gives mean and deviation.
    """
    inputs = keras.Input((embeddings.shape[1],), name="embedding")
    x = _standardise(embeddings)(inputs)
    x = layers.Dense(config.hidden, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    x = layers.Dropout(config.dropout)(x)
    return keras.Model(inputs, layers.Dense(len(EMOTIONS), name="logits")(x))


def _standardise(embeddings: Embeddings) -> keras.layers.Layer:
    """Batch normalisation that is not trained: Keras' own `Normalization` does not get through the export to ONNX."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    squares = np.einsum("nd,nd->d", embeddings, embeddings, dtype=np.float64)  # without a copy, which can be large
    variance = np.maximum(squares / len(embeddings) - mean**2, 0)
    settings: dict[str, Any] = {"center": False, "scale": False, "trainable": False, "name": "standardise"}
    layer = layers.BatchNormalization(epsilon=max(_FLOOR * float(variance.mean()), _LEAST), **settings)
    layer.build((None, embeddings.shape[1]))
    layer.set_weights([mean, variance])
    return layer


def fit_head(config: HeadConfig, seen: Examples, held_out: Examples) -> tuple[keras.Model, Rows]:
    """Train a head and return it with the weights of its best epoch, and one row of history an epoch.

    Args:
        config: the settings.
        seen: embeddings float32 (n, d) and labels int64 (n,) to fit on.
        held_out: the same of validation: the lowest loss on it chooses the epoch and ends the training.
    """
    keras.utils.set_random_seed(config.seed)
    network = build_head(config, seen[0])
    optimizer = keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    network.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    clock = _Clock()
    callbacks: list[Any] = [clock, keras.callbacks.EarlyStopping("val_loss", patience=config.patience or config.epochs, restore_best_weights=True)]
    settings = {"epochs": config.epochs, "batch_size": config.batch_size, "verbose": 2, "callbacks": callbacks}
    network.fit(seen[0], _one_hot(seen[1]), validation_data=(held_out[0], _one_hot(held_out[1])), **settings)
    return network, clock.rows


def _one_hot(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return np.eye(len(EMOTIONS), dtype=np.float32)[labels]


class _Clock(keras.callbacks.Callback):
    """Keeps a row of history an epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Rows = []
        self._began = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = {name: float((logs or {}).get(name, np.nan)) for name in COLUMNS}
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.rows.append(row | {"epoch": epoch + 1, "learning_rate": rate, "seconds": time.monotonic() - self._began})


def _lift_rare_classes(network: keras.Model, seen: Examples, held_out: Examples) -> float:
    priors = class_priors(seen[1])
    answers = np.asarray(softmax(network.predict(held_out[0], verbose=0), axis=1), np.float32)
    tau = choose_tau(answers, held_out[1], priors)
    shift_logits(network, -tau * np.log(priors))
    return tau


def export_head(folder: Path, network: keras.Model, base: Base) -> ModelConfig:
    """Write all model files of the package and seal it. The recogniser is not in it: `fersys.json` says which it is.

    Args:
        folder: run folder; becomes the package, named like it.
        network: the trained head, embeddings (n, d) → logits (n, 7).
        base: the recogniser.
    """
    probabilities = layers.Softmax(name="probabilities")(network.output)
    model = keras.Model(network.input, probabilities, name="head")  # a new one: what was compiled would save its optimizer
    model.save(folder, zipped=False)
    shutil.rmtree(folder / "assets", ignore_errors=True)  # Keras makes it for layers with files of their own: none here
    model.save(folder / KERAS_FILE)
    model(np.zeros((1, network.input.shape[1]), np.float32))  # Keras exports only a model that was called
    with replacing(folder / SERVING_FILE) as unfinished:
        model.export(unfinished, format="onnx", verbose=False)
    params, macs = cost_of(base)
    about = ModelConfig(
        folder.name,
        f"{base.recogniser} + dense head",
        recognizer="deepface-head",
        params=params + model.count_params(),
        macs=macs + count_macs(model),
        title=f"DeepFace {base.recogniser} embeddings + FER-Sys head",
        base=asdict(base),
    )
    return seal(folder, about)
