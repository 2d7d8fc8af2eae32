"""What a section of a card is: a few facts, and the block of `template.md.j2` that speaks of them.

To add a section: a block in `template.md.j2`, a frozen dataclass with that block's name and a class method `of`, and its place
in `SECTIONS` in `card.py`. Prose stands in the template; a figure in it is always a field of the section.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

from jinja2 import Environment, StrictUndefined, Template

from model_card.facts import Facts

# Not named .md: ruff would format the Python in it, placeholders too.
TEMPLATE = Path(__file__).parent / "template.md.j2"


@dataclass(frozen=True)
class Section:
    """A part of a card that renders itself."""

    block: ClassVar[str]

    @classmethod
    def of(cls, facts: Facts) -> Self | None:
        """Take what the section needs from a package; None if there is nothing to say."""
        raise NotImplementedError

    def render(self) -> str:
        """Return the section as Markdown, without empty lines around it."""
        return render_block(self.block, {field.name: getattr(self, field.name) for field in fields(self)})


def render_block(block: str, values: dict[str, object]) -> str:
    """Return a block of the template with its values put in.

    Raises:
        jinja2.UndefinedError: if the block speaks of a value that is not given.
    """
    template = _template()
    return "".join(template.blocks[block](template.new_context(values))).strip()


@cache
def _template() -> Template:
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # Markdown: nothing to escape for HTML
    environment.filters |= _FILTERS
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


_UNBROKEN = "\u00a0"  # a space at which no table's cell breaks


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _millions(value: float, digits: int = 0) -> str:
    return f"{value / 1e6:.{digits}f} M"


def _interval(bounds: Sequence[float]) -> str:
    return f"[{bounds[0]:.3f},{_UNBROKEN}{bounds[1]:.3f}]"


def _p(value: float) -> str:
    return f"<{_UNBROKEN}0.001" if value < 0.001 else f"{value:.3f}"


# How the template writes figures down: `{{ split.accuracy | share }}`.
_FILTERS: dict[str, Callable[..., str]] = {
    "share": "{:.3f}".format,
    "points": "{:+.3f}".format,
    "grouped": "{:,}".format,
    "percent": _percent,
    "millions": _millions,
    "interval": _interval,
    "p": _p,
}
