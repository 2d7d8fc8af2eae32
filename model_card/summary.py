"""The head of a card: what the model is, what it says of a picture, how to use it."""

from dataclasses import dataclass
from typing import Any, Self

from fersys.config import ModelConfig
from fersys.labels import EMOTIONS
from fersys.package import KERAS_FILE, SHIPPED
from model_card.example import PICTURE_FILE
from model_card.facts import Facts
from model_card.section import Section


@dataclass(frozen=True)
class Summary(Section):
    """What the model is, and how often it is right."""

    block = "summary"
    config: ModelConfig
    labels: tuple[str, ...]
    megabytes: float
    where: str
    judged: dict[str, Any]
    clean: dict[str, Any] | None

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """The size is that of the file that is served."""
        megabytes = (facts.folder / facts.config.serving_file).stat().st_size / 1e6
        return cls(facts.config, EMOTIONS, megabytes, facts.where, facts.splits[facts.where], facts.splits.get("test_clean"))


@dataclass(frozen=True)
class Shown(Section):
    """What it says of the example picture."""

    block = "example"
    picture: str
    verdict: str
    ranked: list[tuple[str, float]]

    @classmethod
    def of(cls, facts: Facts) -> Self | None:
        """Nothing if no answers were recorded."""
        example = facts.example
        return cls(PICTURE_FILE, example.verdict, example.ranked) if example else None


@dataclass(frozen=True)
class Use(Section):
    """Three ways to use it."""

    block = "use"
    config: ModelConfig
    labels: tuple[str, ...]
    shipped: str
    keras_file: str

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """The folder is that of a shipped package, wherever this one lies."""
        return cls(facts.config, EMOTIONS, f"{SHIPPED.as_posix()}/{facts.config.name}", KERAS_FILE)
