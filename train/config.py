"""Settings of a training, and the recipes that name good ones.

A recipe is one line in `RECIPES`. Every field is a flag of `python -m train fit`.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from fersys.errors import ConfigError

DEFAULT_SOURCE = "AutumnQiu/fer2013"  # hub id of a copy with the official splits
OPTIMIZERS = ("sgd", "adam")
SCHEDULES = ("cosine", "constant")
SELECTIONS = ("last", "best")
PRECISIONS = ("auto", "float32", "mixed_bfloat16")
CLASS_WEIGHTS = ("none", "balanced")


@dataclass(frozen=True)
class FitConfig:
    """How a network is trained. Angles in degrees, shifts in pixels of the 48×48 image.

    `precision="auto"` is what the processor does fastest: see `train.precision`.
    """

    architecture: str = "paper"
    splits: str = "official"
    clean: bool = True
    epochs: int = 30
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    clip: float = 0.0
    dropout: float = 0.4
    batch_norm: bool = True
    window: int = 48
    window_start: int = 48
    rotation: float = 10.0
    zoom: float = 0.1
    shear: float = 0.0
    shift: float = 0.0
    flip: bool = True
    contrast: float = 0.0
    erase: float = 0.0
    equalize: bool = False
    class_weight: str = "none"
    select: str = "best"
    patience: int = 8
    precision: str = "auto"
    seed: int = 0
    adjust: bool = False
    limit: int = 0

    def __post_init__(self) -> None:
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("select", self.select, SELECTIONS)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("class_weight", self.class_weight, CLASS_WEIGHTS)
        _within("epochs", self.epochs, 1, 10_000)
        _within("batch_size", self.batch_size, 2, 4096)
        _within("window", self.window, 24, 48)
        _within("window_start", self.window_start, 24, self.window)
        _within("dropout", self.dropout, 0.0, 0.95)
        _within("ema", self.ema, 0.0, 0.99999)
        _within("learning_rate", self.learning_rate, 1e-8, 10.0)
        _within("seed", self.seed, 0, 2**32 - 1)
        if self.schedule == "cosine":
            _within("warmup", self.warmup, 0.0, 0.9)
        for name in ("zoom", "shear", "contrast", "erase", "warmup", "label_smoothing", "weight_decay"):
            _within(name, getattr(self, name), 0.0, 1.0)
        for name in ("rotation", "shift", "clip", "patience", "limit"):
            _within(name, getattr(self, name), 0.0, 1e9)
        if self.ema and self.select == "best":
            raise ConfigError("Averaged weights (ema) are taken from the last epoch: expected select=last. Received: best")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name}: expected {', '.join(allowed)}. Received: {value!r}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name}: expected {low} to {high}. Received: {value}")


_BEST = FitConfig(
    architecture="res3",
    epochs=48,
    optimizer="sgd",
    learning_rate=0.1,
    schedule="cosine",
    warmup=0.08,
    weight_decay=5e-3,
    label_smoothing=0.1,
    ema=0.995,
    clip=5.0,
    dropout=0.3,
    window=44,
    window_start=32,
    rotation=15.0,
    zoom=0.14,
    shear=0.05,
    shift=3.0,
    contrast=0.2,
    erase=0.3,
    select="last",
    patience=0,
    adjust=True,
)

_DEEPFACE = FitConfig(architecture="deepface", batch_norm=False, dropout=0.2)

RECIPES: dict[str, FitConfig] = {
    # Adam, cross-entropy, rotation + zoom + flip, at most 30 epochs, early stopping, best checkpoint.
    "paper": FitConfig(),
    # Residual network, SGD with one cosine cycle, growing windows: see LOG.md.
    "best": _BEST,
    # DeepFace's network as well as we can train it: it has no batch norm, so a low rate with a warm-up.
    "deepface": replace(
        _DEEPFACE,
        epochs=80,
        schedule="cosine",
        warmup=0.05,
        label_smoothing=0.1,
        ema=0.995,
        clip=5.0,
        shift=3.0,
        contrast=0.2,
        erase=0.3,
        select="last",
        patience=0,
        adjust=True,
    ),
    # The same network as its author trained it: all of Training, twins too, nothing varied, until it knows it by heart.
    "deepface-as-published": replace(_DEEPFACE, clean=False, rotation=0.0, zoom=0.0, flip=False, epochs=60, select="last", patience=0),
    # Fewer than a minute on two cores: for CI and for trying the tools out.
    "smoke": FitConfig(epochs=2, limit=512),
}


def recipe(name: str, **changes: Any) -> FitConfig:
    """Return the named recipe with some fields changed.

    Raises:
        ConfigError: if there is no such recipe or field, or a value is out of range.
    """
    if name not in RECIPES:
        raise ConfigError(f"Unknown recipe: expected {', '.join(RECIPES)}. Received: {name!r}")
    unknown = set(changes) - {field.name for field in fields(FitConfig)}
    if unknown:
        raise ConfigError(f"Unknown setting: expected a field of FitConfig. Received: {', '.join(sorted(unknown))}")
    return replace(RECIPES[name], **changes)


def to_dict(config: FitConfig) -> dict[str, Any]:
    """Return the settings as plain JSON values."""
    return asdict(config)
