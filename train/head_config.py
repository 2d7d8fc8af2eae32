"""Settings of a head on a face recogniser. Every field is a flag of `python -m train head`."""

from dataclasses import dataclass

from fersys.errors import ConfigError

DEFAULT_NAME = "deepface-head"


@dataclass(frozen=True)
class HeadConfig:
    """How a two-layer head is trained on embeddings.

    Attributes:
        recogniser: DeepFace's name of the recogniser; VGG-Face is what its `represent` uses if none is named.
        splits: "official" or "paper", as in `train.data`.
        clean: fit on Training without twins and conflicting labels, as the CNNs do.
        hidden: width of the hidden layer.
        dropout: share of it that is left out in a training step.
        epochs: at most so many.
        batch_size: faces a step.
        learning_rate: of Adam.
        weight_decay: of the kernels, decoupled (AdamW).
        label_smoothing: 0: none.
        patience: epochs without a lower validation loss before it stops; 0: never.
        adjust: choose a logit adjustment on validation (`train.calibrate.choose_tau`).
        seed: of weights, order and dropout.
        limit: so many images of a split, for trying it out; 0: all.
    """

    recogniser: str = "VGG-Face"
    splits: str = "official"
    clean: bool = True
    hidden: int = 512
    dropout: float = 0.5
    epochs: int = 200
    batch_size: int = 256
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0
    patience: int = 15
    adjust: bool = False
    seed: int = 0
    limit: int = 0

    def __post_init__(self) -> None:
        _within("hidden", self.hidden, 1, 65_536)
        _within("dropout", self.dropout, 0.0, 0.95)
        _within("epochs", self.epochs, 1, 10_000)
        _within("batch_size", self.batch_size, 2, 65_536)
        _within("learning_rate", self.learning_rate, 1e-8, 10.0)
        _within("weight_decay", self.weight_decay, 0.0, 1.0)
        _within("label_smoothing", self.label_smoothing, 0.0, 1.0)
        _within("patience", self.patience, 0, 1e9)
        _within("limit", self.limit, 0, 1e9)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name}: expected {low} to {high}. Received: {value}")
