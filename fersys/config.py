"""`fersys.json`: what a model package says of itself."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from fersys.errors import PackageError
from fersys.labels import EMOTIONS
from fersys.preprocess import INPUT_SIZE

CONFIG_FILE = "fersys.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelConfig:
    """What serving needs to know of a package.

    Attributes:
        name: the model's name, as shown beside its answers.
        architecture: name of the network, as in training.
        recognizer: key in `fersys.recognizers.RECOGNIZERS`.
        serving_file: file that the runtime loads.
        labels: expressions in the order of the output columns; must be `EMOTIONS`.
        input_size: side of the gray input in pixels.
        temperature: probabilities are softmax(log p / temperature); > 0.
        params: number of weights; macs: multiply–adds a face.
        files: SHA-256 (hex) of each file of the package, by name.
        format_version: version of this layout.
    """

    name: str
    architecture: str
    recognizer: str = "cnn"
    serving_file: str = "model.onnx"
    labels: tuple[str, ...] = EMOTIONS
    input_size: int = INPUT_SIZE
    temperature: float = 1.0
    params: int = 0
    macs: int = 0
    files: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise PackageError(f"Package format: expected version {FORMAT_VERSION}. Received: {self.format_version}")
        if tuple(self.labels) != EMOTIONS:
            raise PackageError(f"Labels: expected {', '.join(EMOTIONS)} in this order. Received: {', '.join(self.labels)}")
        if self.input_size != INPUT_SIZE:
            raise PackageError(f"Input size: expected {INPUT_SIZE}. Received: {self.input_size}")
        if not self.temperature > 0:
            raise PackageError(f"Temperature: expected a number above 0. Received: {self.temperature}")


def read_config(folder: Path) -> ModelConfig:
    """Read and check `fersys.json` of a package folder.

    Raises:
        PackageError: if it is missing, no JSON, or says something else than this version reads.
    """
    path = folder / CONFIG_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PackageError(f"Not a model package: expected a file {CONFIG_FILE} in it. Received: {folder}") from error
    except ValueError as error:
        raise PackageError(f"{path} is damaged: expected JSON. {error}") from error
    return _from_dict(content, path)


def _from_dict(content: object, path: Path) -> ModelConfig:
    names = {f.name for f in fields(ModelConfig)}
    if not isinstance(content, dict) or not {"name", "architecture", "format_version"} <= set(content) <= names:
        keys = ", ".join(content) if isinstance(content, dict) else type(content).__name__
        raise PackageError(f"{path}: expected keys {', '.join(sorted(names))}. Received: {keys}")
    return ModelConfig(**(content | {"labels": tuple(content.get("labels", EMOTIONS))}))


def write_config(folder: Path, config: ModelConfig) -> None:
    """Write `fersys.json` into a package folder."""
    (folder / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
