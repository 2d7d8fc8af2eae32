"""A package that may be pushed: whole, sealed, measured, with a card that says what was measured. Kilobytes; only its serving file is real."""

import json
import zipfile
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from fersys.config import read_config
from fersys.package import KERAS_FILE, METRICS_FILE, seal
from tests.tiny_package import make_package

ACCURACY, MACRO_F1 = 0.654321, 0.543219


def make_pushable(folder: Path, name: str = "mine", seed: int = 0) -> Path:
    """Write such a package into folder/name and return it."""
    package = make_package(folder, name, seed=seed)
    (package / "config.json").write_text("{}")
    (package / "metadata.json").write_text("{}")
    (package / "model.weights.h5").write_bytes(b"weights" * 100 + bytes([seed]))
    with zipfile.ZipFile(package / KERAS_FILE, "w") as archive:
        archive.writestr("config.json", "{}")
    config = seal(package, read_config(package))
    splits = {split: {"n": 100, "accuracy": ACCURACY, "macro_f1": MACRO_F1} for split in ("train", "validation")}
    (package / METRICS_FILE).write_text(json.dumps({"serving_sha256": config.files[config.serving_file], "splits": splits}))
    (package / "figures").mkdir()
    (package / "figures" / "curves.png").write_bytes(b"\x89PNG of curves")
    seal(package, config)
    write_card(package, ACCURACY, MACRO_F1)
    return package


def write_card(package: Path, accuracy: float, macro_f1: float, *, split: str = "validation") -> None:
    """Write a card with these claims."""
    about = ModelCardData(
        model_name=package.name,
        library_name="keras",
        pipeline_tag="image-classification",
        license="other",
        datasets=["you/faces"],
        metrics=["accuracy"],
        eval_results=[_claim("accuracy", accuracy, split), _claim("macro_f1", macro_f1, split)],
    )
    (package / "README.md").write_text(f"---\n{about.to_yaml()}\n---\n\n# {package.name}\n\n![curves](figures/curves.png)\n")


def _claim(metric: str, value: float, split: str) -> EvalResult:
    return EvalResult("image-classification", "you/faces", "faces", metric, round(value, 4), dataset_split=split)
