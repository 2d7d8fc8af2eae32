"""The models that are there: the packages that come with a checkout, those pulled from a hub, those built in, and the one that answers if none is named."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fersys.cached import Cached, cached_models
from fersys.config import ModelConfig, read_config
from fersys.errors import PackageError
from fersys.measurements import read_measurements
from fersys.package import SHIPPED, find_packages, sha256
from fersys.recognizers import BUILT_IN
from fersys.recognizers.base import BuiltIn

DEFAULT = "fersys-cnn"
_CHECKOUT = Path(__file__).resolve().parents[1]  # of an editable install; elsewhere it has no hub/models


def shipped_folder() -> Path:
    """Return `hub/models` of the working folder, or else of the checkout that `fersys` is installed from.

    Raises:
        PackageError: if there is no package in either.
    """
    places = _places()
    found = next((place for place in places if find_packages(place)), None)
    if found is None:
        raise PackageError(f"No model: expected packages in {places[0]} or {places[1]}, or one named with --model. Received: none")
    return found


def _places() -> list[Path]:
    return [place / SHIPPED for place in (Path.cwd(), _CHECKOUT)]


def find_shipped(name: str) -> Path | None:
    """Return the folder of a package that comes with the checkout, named as `describe_models` names it; None if there is none of that name."""
    return next((package for place in _places() for package in find_packages(place) if package.name == name), None)


def find_default() -> Path:
    """Return the folder of the package that answers if none is named.

    Raises:
        PackageError: if it is not there.
    """
    folder = shipped_folder() / DEFAULT
    if not folder.is_dir():
        raise PackageError(f"No model: expected {folder}, or a package named with --model. Received: none")
    return folder


def describe_models() -> str:
    """Return a table for people: the packages of the checkout, if there is one, and those of the hub's cache; below it what is built in.

    Raises:
        PackageError: if there is no package in either.
    """
    cached = cached_models()
    try:
        folder = shipped_folder()
    except PackageError:
        if not cached:
            raise
        return describe_cached(cached)
    return "\n".join([describe_packages(folder), *(["", describe_cached(cached)] if cached else [])])


def describe_packages(folder: Path) -> str:
    """Return a table for people: the packages in a folder with accuracy and size of each; below it what is damaged, and what is built in."""
    lines = _table(("model", "accuracy", "file", "weights", "shown as", "folder"), find_packages(folder), _row)
    built_in = [_describe(name, model) for name, model in BUILT_IN.items()]
    return "\n".join([*lines, "", "* answers if none is named with --model", "", "built in, named by a word:", *built_in])


def describe_cached(cached: Sequence[Cached]) -> str:
    """Return a table for people: the packages that were pulled from a hub; each is named by "owner/name@" and the commit."""
    facts = {one.folder: one for one in cached}

    def row(package: Path) -> tuple[str, ...]:
        one = facts[package]
        return (one.reference, ", ".join(one.names) or "-", *_row(package)[1:4])

    lines = _table(("pulled from a hub", "as", "accuracy", "file", "weights"), list(facts), row)
    return "\n".join([*lines, "", "`fersys verify` checks their files"])


def _table(head: tuple[str, ...], packages: Sequence[Path], row_of: Callable[[Path], tuple[str, ...]]) -> list[str]:
    """Lines of a table, a package a row; after them a line for each that is damaged: the others can be used all the same."""
    rows, damaged = [head], []
    for package in packages:
        try:
            rows.append(row_of(package))
        except (PackageError, TypeError) as error:  # TypeError: a number that is none
            damaged.append(f"{package.name}  cannot be used: {error}")
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows] + damaged


def _describe(name: str, model: BuiltIn) -> str:
    reason = model.missing()
    if reason:
        return f"{name}  not here: {reason}"
    path = model.weights()
    return f"{name}  {model.title}, {path.stat().st_size / 1e6:.1f} MB, {path}, SHA-256 {sha256(path)}"


def _row(package: Path) -> tuple[str, ...]:
    config = read_config(package)
    mark = " *" if package.name == DEFAULT else ""
    size, weights = f"{_size(package, config) / 1e6:.1f} MB", f"{config.params / 1e6:.2f} M"
    return config.name + mark, _accuracy(package), size, weights, config.title or config.name, str(package)


def _accuracy(package: Path) -> str:
    measured = read_measurements(package)
    return f"{measured[-1].accuracy:.3f} on {measured[-1].split}" if measured else "not measured"


def _size(package: Path, config: ModelConfig) -> int:
    """Bytes of the file that is loaded."""
    path = package / config.serving_file
    return path.stat().st_size if path.is_file() else 0
