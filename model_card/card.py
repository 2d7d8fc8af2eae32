"""Puts a card together: front matter, then the sections in their order."""

from itertools import zip_longest
from pathlib import Path

from huggingface_hub import ModelCard
from jinja2 import UndefinedError

from fersys.errors import PackageError
from fersys.package import CARD_FILE, FIGURES_FOLDER
from model_card.calibration import Calibration, Certainty
from model_card.example import PICTURE_FILE, SOURCE
from model_card.facts import Facts, read_facts
from model_card.failures import Classes, Damage
from model_card.front_matter import LICENSE_FILE, front_matter
from model_card.results import Beside, Results
from model_card.section import Section
from model_card.summary import Shown, Summary, Use
from model_card.terms import Audit, Citation, Law, Rights, Uses
from model_card.training import Data, Training

SECTIONS: tuple[type[Section], ...] = (
    Summary, Shown, Use, Uses, Results, Beside, Classes, Damage, Calibration, Certainty, Data, Training, Audit, Law, Rights, Citation,
)  # fmt: skip
_AGAIN = "write it anew: python -m model_card"
_LINE = 160  # characters of a line that are shown


def render(facts: Facts) -> str:
    """Return the card as Markdown with YAML front matter.

    Raises:
        PackageError: if a figure is missing.
    """
    try:
        body = "\n\n".join(section.render() for kind in SECTIONS if (section := kind.of(facts)))
    except (KeyError, TypeError, ValueError, UndefinedError) as error:
        raise PackageError(f"{facts.folder}: expected files as training and measuring write them. Received: {error!r}") from error
    return str(ModelCard(f"---\n{front_matter(facts).to_yaml()}\n---\n\n{body}\n"))


def render_license(facts: Facts) -> str:
    """Return what the front matter's `license_link` leads to."""
    return f"# {facts.config.name}\n\n{Rights.of(facts).render()}\n"


def _texts(folder: Path) -> dict[str, str]:
    """What a card consists of besides its picture: path in the package -> text."""
    facts = read_facts(folder)
    return {CARD_FILE: render(facts), LICENSE_FILE: render_license(facts)}


def write_card(folder: Path) -> Path:
    """Write the card of a package folder and what it links to; return the card's path.

    Raises:
        PackageError: if the folder is no measured package.
    """
    for name, text in _texts(folder).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / FIGURES_FOLDER).mkdir(exist_ok=True)
    (folder / PICTURE_FILE).write_bytes(SOURCE.read_bytes())
    return folder / CARD_FILE


def check_card(folder: Path) -> None:
    """Check that a package has the card that its files make.

    Raises:
        PackageError: naming the file that differs and the first line that does; or if the folder is no measured package.
    """
    for name, text in _texts(folder).items():
        path = folder / name
        there = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if there != text:
            raise PackageError(f"{path} is not what the package's files make: {_difference(there, text)}; {_AGAIN}")
    picture = folder / PICTURE_FILE
    if not picture.is_file() or picture.read_bytes() != SOURCE.read_bytes():
        raise PackageError(f"{picture}: expected the picture {SOURCE.name} of the cards; {_AGAIN}. Received: another, or none")


def _difference(there: str, text: str) -> str:
    pairs = zip_longest(text.splitlines(), there.splitlines(), fillvalue="no more lines")
    number, (expected, received) = next(((i, pair) for i, pair in enumerate(pairs, start=1) if pair[0] != pair[1]), (0, ("", "")))
    return f"expected in line {number} {expected[:_LINE]!r}, received {received[:_LINE]!r}"
