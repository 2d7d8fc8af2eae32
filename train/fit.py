"""Trains a network into a run folder, and goes on where it was killed.

An epoch ends with a row in `history.csv` and then, in one atomic rename, a checkpoint that holds
weights, optimizer, weight averages and the global step. Whatever the moment of a kill, the rows
past the checkpoint are dropped and their epochs run again.
"""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from fersys.package import HISTORY_FILE
from train.architectures import build_network
from train.atomic import replacing
from train.batches import Batches
from train.config import FitConfig
from train.data import Split
from train.history import COLUMNS, Rows, read_history, write_history
from train.precision import precision_of

CHECKPOINT, BEST = "checkpoint.weights.h5", "best.weights.h5"


def fit(folder: Path, config: FitConfig, fit_split: Split, validation: Split) -> keras.Model:
    """Train, or go on training, and return the network with its chosen weights.

    Args:
        folder: run folder; its checkpoint and history are read if they are there.
        config: the settings; must be those that the run began with.
        fit_split: images to fit on.
        validation: images that choose the epoch (`select="best"`) and are shown in the history.
    """
    keras.utils.set_random_seed(config.seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision_of(config))
    try:
        network = build_network(config)
    finally:
        keras.config.set_dtype_policy(before)
    batches = Batches(fit_split, validation, config)
    _compile(network, config, batches.steps)
    rows = _resume(network, folder, batches.steps)
    if len(rows) < config.epochs and not stale(rows, config.patience):
        _run(network, folder, config, batches, rows)
    if config.ema:
        network.optimizer.finalize_variable_values(network.trainable_variables)
    if config.select == "best":
        network.load_weights(folder / BEST, skip_mismatch=False)
    return network


def _compile(network: keras.Model, config: FitConfig, steps: int) -> None:
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    network.compile(_optimizer(config, steps * config.epochs), loss, metrics=["accuracy"], jit_compile=False)


def _optimizer(config: FitConfig, steps: int) -> keras.optimizers.Optimizer:
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        warm = max(1, int(config.warmup * steps))
        rate = keras.optimizers.schedules.CosineDecay(0.0, steps - warm, warmup_target=rate, warmup_steps=warm)
    shared: dict[str, Any] = {
        "weight_decay": config.weight_decay or None,
        "global_clipnorm": config.clip or None,
        "use_ema": config.ema > 0,
        "ema_momentum": config.ema or 0.99,
    }
    if config.optimizer == "adam":
        return _kernels_decay(keras.optimizers.Adam(rate, **shared))
    return _kernels_decay(keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **shared))


def _kernels_decay(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _resume(network: keras.Model, folder: Path, steps: int) -> Rows:
    """Load the checkpoint, if any, and return the history rows up to it.

    Raises:
        ConfigError: if the history has lost epochs that the checkpoint holds.
    """
    if not (folder / CHECKPOINT).is_file():
        return []
    network.optimizer.build(network.trainable_variables)
    network.load_weights(folder / CHECKPOINT)
    done = int(network.optimizer.iterations)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:  # draws once a step; a checkpoint does not hold where it is
            layer.seed_generator.state.assign_add([0, done])
    rows = read_history(folder / HISTORY_FILE)[: done // steps]
    if len(rows) < done // steps:
        raise ConfigError(f"{folder / HISTORY_FILE} does not fit the checkpoint: expected {done // steps} epochs. Received: {len(rows)}")
    return rows


def _run(network: keras.Model, folder: Path, config: FitConfig, batches: Batches, rows: Rows) -> None:
    callbacks: list[keras.callbacks.Callback] = [_Position(batches)]
    if config.ema:
        callbacks.append(keras.callbacks.SwapEMAWeights())
    callbacks += [
        _Journal(folder, config, rows),
        keras.callbacks.TensorBoard(folder / "logs", write_graph=False),
    ]
    network.fit(
        batches.training(),
        validation_data=batches.validating(),
        shuffle=False,
        epochs=config.epochs,
        initial_epoch=len(rows),
        callbacks=callbacks,
        class_weight=_class_weights(batches, config),
    )


def _class_weights(batches: Batches, config: FitConfig) -> dict[int, float] | None:
    if config.class_weight == "none":
        return None
    counts = np.bincount(batches.labels, minlength=len(EMOTIONS)).clip(1)
    return {index: float(len(batches.labels) / (len(EMOTIONS) * count)) for index, count in enumerate(counts)}


class _Position(keras.callbacks.Callback):
    """Tells the batches which epoch it is."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._batches.epoch = epoch


class _Journal(keras.callbacks.Callback):
    """Writes history, best weights and checkpoint, says the time left, and stops a stale run."""

    def __init__(self, folder: Path, config: FitConfig, rows: Rows) -> None:
        super().__init__()
        self._folder, self._config, self._rows = folder, config, rows
        self._began = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = {name: float((logs or {}).get(name, np.nan)) for name in COLUMNS}
        row |= {"epoch": epoch + 1, "learning_rate": self._rate(), "seconds": time.monotonic() - self._began}
        self._rows.append(row)
        if row["val_accuracy"] >= max(r["val_accuracy"] for r in self._rows):
            _save(self.model, self._folder / BEST)
        write_history(self._folder / HISTORY_FILE, self._rows)
        _save(self.model, self._folder / CHECKPOINT)
        print(f"\n{time_left(self._rows, self._config.epochs)}", flush=True)
        self.model.stop_training = stale(self._rows, self._config.patience)

    def _rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))


def stale(rows: Rows, patience: int) -> bool:
    """Return whether validation accuracy has not risen for `patience` epochs (0: never stop)."""
    if not patience or not rows:
        return False
    best = max(range(len(rows)), key=lambda index: rows[index]["val_accuracy"])
    return len(rows) - 1 - best >= patience


def time_left(rows: Rows, epochs: int) -> str:
    """Return a line such as "epoch 3 of 30, about 12 min left", from the last epochs' times."""
    recent = [row["seconds"] for row in rows[-3:]]
    minutes = (epochs - len(rows)) * sum(recent) / len(recent) / 60
    return f"epoch {len(rows)} of {epochs}, at most about {minutes:.0f} min left at this pace"


def _save(network: keras.Model, path: Path) -> None:
    with replacing(path) as unfinished:
        network.save_weights(unfinished)
