"""What holds for every model of ours, in the words of the template: uses, people, law, rights, how to cite."""

from dataclasses import dataclass
from typing import Self

from fersys.config import ModelConfig
from model_card.facts import Facts
from model_card.section import Section


@dataclass(frozen=True)
class Terms(Section):
    """A section that depends on what kind of model it is alone."""

    config: ModelConfig
    revision: str
    year: str

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """The year is that in which the test split was opened: when the model was released."""
        return cls(facts.config, facts.run["git_revision"].removesuffix("+"), (facts.metrics.get("test_opened") or "")[:4])


class Uses(Terms):
    """What it is for and what it is not for."""

    block = "uses"


class Audit(Terms):
    """Why nothing is known of its evenness over groups of people."""

    block = "audit"


class Law(Terms):
    """What the law of the EU says of such systems."""

    block = "law"


class Rights(Terms):
    """Rights in data, weights and what they stand on; also the text of `LICENSE.md`."""

    block = "rights"


class Citation(Terms):
    """How to cite the model, the data and what it wraps."""

    block = "citation"
