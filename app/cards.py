"""What the packages of the loaded models say of themselves: their cards, and the files that answer with their hashes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from app.models import Model
from fersys import __version__
from fersys.config import read_config
from fersys.digest import sha256
from fersys.package import CARD_FILE
from fersys.recognizers import BUILT_IN

_LIBRARIES = ("gradio", "onnxruntime", "opencv-contrib-python-headless", "deepface", "numpy")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>")
_LINK_INSIDE = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)]*\)")  # to a file of the package, which is not served
_HEADING = re.compile(r"^(#{1,4}) ", re.MULTILINE)


@dataclass(frozen=True)
class Weights:
    """A file that answers: whose, its name without a folder, its SHA-256 in hex."""

    title: str
    name: str
    sha256: str


def read_card(model: Model) -> str:
    """Return a model's card as Markdown for the page: no front matter, pictures or links into the package; empty if there is none.

    Its headings go two levels down, for the page has its own above them.
    """
    path = model.folder / CARD_FILE if model.folder else None
    if path is None or not path.is_file():
        return ""
    text = _FRONT_MATTER.sub("", path.read_text(encoding="utf-8"))
    text = _LINK_INSIDE.sub(r"\1", _IMAGE.sub("", text))
    fences = text.split("```")  # every second piece is code, where # starts no heading
    return "```".join(piece if number % 2 else _HEADING.sub(r"##\1 ", piece) for number, piece in enumerate(fences)).strip()


def loaded_weights(models: Sequence[Model]) -> list[Weights]:
    """Return the files that the models' answers come from; their hashes were checked when they were loaded."""
    return [weights for model in models for weights in _weights(model)]


def _weights(model: Model) -> list[Weights]:
    if model.folder is None:
        built_in = BUILT_IN.get(model.name)
        path = built_in.weights() if built_in else None
        return [Weights(model.title, path.name, sha256(path))] if path and path.is_file() else []
    config = read_config(model.folder)
    return [Weights(model.title, config.serving_file, config.files[config.serving_file])]


def versions() -> list[str]:
    """Return names and versions of what takes part in an answer."""
    return [f"FER-Sys {__version__}", f"Python {python_version()}", *(f"{name} {found}" for name in _LIBRARIES if (found := _version(name)))]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
