"""Puts the card together: front matter with a model-index, then the sections."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from fersys.package import CARD_FILE
from model_card.facts import Facts, read_facts
from model_card.sections import SECTIONS

_METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}


def render(facts: Facts) -> str:
    """Return the card as Markdown with YAML front matter."""
    body = "\n\n".join(text for section in SECTIONS if (text := section(facts)))
    return str(ModelCard(f"---\n{front_matter(facts).to_yaml()}\n---\n\n{body}\n"))


def front_matter(facts: Facts) -> ModelCardData:
    """Return the metadata that a hub reads: library, task, licence, results."""
    return ModelCardData(
        model_name=facts.config.name,
        library_name="keras",
        pipeline_tag="image-classification",
        license="other",
        license_name="unresolved-data-rights",
        tags=["facial-expression-recognition", "fer2013", "onnx"],
        datasets=["AutumnQiu/fer2013"],
        metrics=["accuracy", "f1"],
        eval_results=_eval_results(facts),
    )


def _eval_results(facts: Facts) -> list[EvalResult]:
    return [
        EvalResult(
            task_type="image-classification",
            dataset_type="AutumnQiu/fer2013",
            dataset_name=f"FER2013 ({split})",
            dataset_split=split,
            metric_type=metric,
            metric_name=name,
            metric_value=round(float(figures[metric]), 4),  # numpy scalars would corrupt the YAML
        )
        for split, figures in facts.splits.items()
        if split != "train"
        for metric, name in _METRICS.items()
    ]


def write_card(folder: Path) -> Path:
    """Write the card of a package folder and return its path.

    Raises:
        PackageError: if the folder is no measured package.
    """
    path = folder / CARD_FILE
    path.write_text(render(read_facts(folder)), encoding="utf-8")
    return path
