"""The metadata that a hub reads: library, task, licence, results, the example."""

from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from fersys.errors import PackageError
from model_card.example import PICTURE_FILE
from model_card.facts import Facts

_DATASET = "AutumnQiu/fer2013"
_TASK = "image-classification"
_METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
_SEEN = "train"


def front_matter(facts: Facts) -> ModelCardData:
    """Return the metadata of a package.

    Raises:
        PackageError: if a split lacks one of the figures that are published.
    """
    return ModelCardData(
        model_name=facts.config.name,
        library_name="keras",
        pipeline_tag=_TASK,
        license="other",
        license_name="unresolved-data-rights",
        license_link=LICENSE_FILE,
        tags=["facial-expression-recognition", "emotion-recognition", "fer2013", "fersys", "onnx"],
        datasets=[_DATASET],
        metrics=["accuracy", "f1"],
        eval_results=_eval_results(facts),
        **_widget(facts),
    )


LICENSE_FILE = "LICENSE.md"


def _widget(facts: Facts) -> dict[str, Any]:
    if facts.example is None:
        return {}
    output = [{"label": name, "score": score} for name, score in facts.example.ranked]
    return {"widget": [{"src": PICTURE_FILE, "example_title": "Eileen Collins, NASA", "output": output}]}


def _eval_results(facts: Facts) -> list[EvalResult]:
    return [
        EvalResult(
            task_type=_TASK,
            task_name="Facial expression recognition",
            dataset_type=_DATASET,
            dataset_name=f"FER2013 ({split})",
            dataset_split=split,
            metric_type=metric,
            metric_name=name,
            metric_value=_published(figures, metric, facts),
        )
        for split, figures in facts.splits.items()
        if split != _SEEN
        for metric, name in _METRICS.items()
    ]


def _published(figures: dict[str, Any], metric: str, facts: Facts) -> float:
    try:
        return round(float(figures[metric]), 4)  # numpy scalars would corrupt the YAML
    except (KeyError, TypeError, ValueError) as error:
        raise PackageError(f"{facts.folder}: expected a number {metric} of every split. Received: {figures.get(metric)!r}") from error
