"""`fersys.json`: what a model package says of itself."""

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from fersys.errors import PackageError
from fersys.labels import EMOTIONS
from fersys.preprocess import INPUT_SIZE

CONFIG_FILE = "fersys.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelConfig:
    """What serving needs to know of a package.

    Attributes:
        name: the model's name, by which programs and tables tell its answers.
        architecture: name of the network, as in training.
        recognizer: key in `fersys.recognizers.RECOGNIZERS`.
        serving_file: file that the runtime loads.
        labels: expressions in the order of the output columns; must be `EMOTIONS`.
        input_size: side of the gray input in pixels.
        temperature: probabilities are softmax(log p / temperature); > 0.
        certainty: below this top probability, 0–1, the answer is "not sure"; 0: never.
        params: number of weights; macs: multiply–adds a face.
        files: SHA-256 (hex) of each file of the package, by name.
        title: what people are shown beside its answers; empty: the name.
        base: the foreign recogniser that a head stands on: its name, file and SHA-256; empty: none.
        format_version: version of this layout.
    """

    name: str
    architecture: str
    recognizer: str = "cnn"
    serving_file: str = "model.onnx"
    labels: tuple[str, ...] = EMOTIONS
    input_size: int = INPUT_SIZE
    temperature: float = 1.0
    certainty: float = 0.0
    params: int = 0
    macs: int = 0
    files: dict[str, str] = field(default_factory=dict)
    title: str = ""
    base: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise PackageError(f"Package format: expected version {FORMAT_VERSION}. Received: {self.format_version}")
        if tuple(self.labels) != EMOTIONS:
            raise PackageError(f"Labels: expected {', '.join(EMOTIONS)} in this order. Received: {', '.join(self.labels)}")
        if self.input_size != INPUT_SIZE:
            raise PackageError(f"Input size: expected {INPUT_SIZE}. Received: {self.input_size}")
        if not (isinstance(self.temperature, int | float) and math.isfinite(self.temperature) and self.temperature > 0):
            raise PackageError(f"Temperature: expected a number above 0. Received: {self.temperature}")
        if not (isinstance(self.certainty, int | float) and 0 <= self.certainty <= 1):
            raise PackageError(f"Certainty: expected a number from 0 to 1. Received: {self.certainty}")
        _check_names(self)


def _check_names(config: ModelConfig) -> None:
    for name in (config.serving_file, *config.files):
        # As Linux and as Windows read it: a package goes from one to the other.
        if any(path.anchor or ".." in path.parts for path in (PurePosixPath(name), PureWindowsPath(name))) or not name.isprintable():
            raise PackageError(f"File names: expected files inside the package. Received: {name}")


def read_config(folder: Path) -> ModelConfig:
    """Read and check `fersys.json` of a package folder.

    Raises:
        PackageError: if it is missing, no JSON, or says something else than this version reads.
    """
    path = folder / CONFIG_FILE
    return _from_dict(read_object(path, "not a model package"), path)


def read_object(path: Path, missing: str) -> dict[str, Any]:
    """Read a JSON file of a package that holds an object.

    Args:
        path: the file.
        missing: what its absence means, for the message.

    Raises:
        PackageError: if it is missing, or is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PackageError(f"{missing[0].upper()}{missing[1:]}: expected a folder with a file {path.name} in it. Received: {path.parent}") from error
    except ValueError as error:
        raise PackageError(f"{path} is damaged: expected JSON. Received: {error}") from error
    if not isinstance(content, dict):
        raise PackageError(f"{path} is damaged: expected a JSON object. Received: {type(content).__name__}")
    return content


def _from_dict(content: dict[str, Any], path: Path) -> ModelConfig:
    if content.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:  # first: another format has other keys
        raise PackageError(f"{path}: expected format version {FORMAT_VERSION}. Received: {content['format_version']}")
    names = {f.name for f in fields(ModelConfig)}
    if not {"name", "architecture", "format_version"} <= set(content) <= names:
        raise PackageError(f"{path}: expected keys {', '.join(sorted(names))}. Received: {', '.join(content)}")
    _check_kinds(content, path)
    return ModelConfig(**(content | {"labels": tuple(content.get("labels", EMOTIONS))}))


def _check_kinds(content: dict[str, object], path: Path) -> None:
    texts = [content["name"], content["architecture"], *(content.get(key, "") for key in ("recognizer", "serving_file", "title"))]
    labels, files, base = content.get("labels", []), content.get("files", {}), content.get("base", {})
    if not (isinstance(labels, list) and isinstance(files, dict) and isinstance(base, dict)):
        received = ", ".join(type(value).__name__ for value in (labels, files, base))
        raise PackageError(f"{path}: expected a list of labels, an object of files and one of a base. Received: {received}")
    odd = [value for value in (*texts, *labels, *files.values(), *base.values()) if not isinstance(value, str)]
    if odd:
        raise PackageError(f"{path}: expected text for names, labels and hashes. Received: {odd[0]!r}")


def write_config(folder: Path, config: ModelConfig) -> None:
    """Write `fersys.json` into a package folder."""
    (folder / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
