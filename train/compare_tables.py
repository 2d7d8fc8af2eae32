"""The tables of `reports/README.md`, each a function of what `compare.json` holds."""

from collections.abc import Iterable, Sequence
from typing import Any

from fersys.labels import EMOTIONS
from train.contamination import SIMULATED
from train.risk import COVERAGES
from train.robustness import mean_corrupted
from train.significance import ALPHA

Content = dict[str, Any]

_NONE = "–"
_SMALLEST = 1e-4  # p values below are not told apart


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join([f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *(f"| {' | '.join(row)} |" for row in rows)])


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as tables show it; a dash if there is none."""
    return _NONE if value is None else f"{value:.{digits}f}"


def with_interval(value: float, interval: Sequence[float] | None) -> str:
    """Return `0.683 [0.667, 0.698]`."""
    return number(value) + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def spread(values: dict[str, float] | None) -> str:
    """Return `0.795 (0.792–0.797)` of a mean and a range."""
    return _NONE if values is None else f"{values['mean']:.3f} ({values['low']:.3f}–{values['high']:.3f})"


def models_table(content: Content) -> str:
    """What the models are and what they cost."""
    speed = content["speed"] or {"models": {}, "batch": 0}
    heads = ("model", "what it is", "parameters", "multiply–adds a face", "file", "ms, one face", f"ms a face, {speed['batch']} at once")
    rows = []
    for model in content["models"]:
        times = speed["models"].get(model["model"], {})
        sizes = [_million(model["params"], 2), _million(model["macs"], 0), f"{model['serving_megabytes']:.1f} MB"]
        rows.append([_name(model), model["about"], *sizes, number(times.get("one"), 1), number(times.get("batch"), 1)])
    shown = len(heads) if speed["batch"] else heads.index("ms, one face")
    return table(heads[:shown], [row[:shown] for row in rows])


def _million(value: float, digits: int) -> str:
    return f"{value / 1e6:.{digits}f} M" if value else _NONE


def _name(model: dict[str, Any]) -> str:
    return f"**{model['model']}**" if model["shipped"] else str(model["model"])


def contamination_table(content: Content) -> str:
    """Accuracy on what was seen and on what was not, beside the claims."""
    told = content["contamination"]
    splits = ("train", "validation", "test", "test_clean", "test_strict")
    heads = ("model", "Training", "the paper's 28,821 (mean, range)", "validation", "test", "test_clean", "test_strict", "Training − test_strict, points")
    rows: list[list[str]] = [
        ["*DeepFace, the paper says*", _NONE, number(told["paper"]["accuracy"], 2), *[_NONE] * 5],
        [
            "*DeepFace, its author says*",
            number(told["author"]["train"], 4),
            _expected(told),
            number(told["author"]["validation"], 4),
            *[_NONE] * 4,
        ],
    ]
    for row in told["rows"]:
        train, *others = (number(row[split]) for split in splits)
        rows.append([row["model"], train, spread(row[SIMULATED]), *others, _gap(row)])
    return table(heads, rows)


def _expected(told: dict[str, Any]) -> str:
    return _NONE if told["expected"] is None else f"{told['expected']:.3f}, expected"


def _gap(row: dict[str, Any]) -> str:
    return _NONE if row["train"] is None or row["test_strict"] is None else f"{100 * (row['train'] - row['test_strict']):+.1f}"


def claimed_classes_table(content: Content) -> str:
    """The paper's figures by expression for DeepFace, beside what a model scores; "" without that model."""
    told = content["contamination"]
    model = next((one for one in content["models"] if one["model"] == told["as_published"]), None)
    if model is None or model[SIMULATED] is None or "test" not in model["splits"]:
        return ""
    heads = ("expression", "DeepFace, the paper says", "recall, simulated 28,821", "F1, simulated 28,821", "recall, test", "F1, test")
    rows = []
    for emotion, claim in told["paper"]["per_class"].items():
        seen, unseen = model[SIMULATED]["per_class"][emotion], model["splits"]["test"]["per_class"][emotion]
        rows.append([emotion, number(claim, 2), number(seen["recall"]["mean"]), number(seen["f1"]["mean"]), number(unseen["recall"]), number(unseen["f1"])])
    return table(heads, rows)


def results_table(content: Content, split: str) -> str:
    """Accuracy, macro-F1, weighted-F1, best and worst expression on one split (the paper's Table 2); "" if nothing was measured on it."""
    rows = []
    for model in content["models"]:
        if split in model["splits"]:
            found, ends, intervals = model["splits"][split], model["extremes"][split], model["splits"][split].get("ci95", {})
            scores = [with_interval(found[name], intervals.get(name)) for name in ("accuracy", "macro_f1", "weighted_f1")]
            rows.append([_name(model), *scores, *(f"{ends[end]['emotion']} {ends[end]['f1']:.3f}" for end in ("best", "worst"))])
    return table(("model", "accuracy", "macro-F1", "weighted-F1", "best F1", "worst F1"), rows) if rows else ""


def simulated_table(content: Content) -> str:
    """The same over the draws of the paper's images; "" if none could be drawn."""
    rows = []
    for model in content["models"]:
        if model[SIMULATED]:
            found = model[SIMULATED]
            ranked = sorted(EMOTIONS, key=lambda name: found["per_class"][name]["f1"]["mean"])
            ends = [f"{name} {spread(found['per_class'][name]['f1'])}" for name in (ranked[-1], ranked[0])]
            rows.append([_name(model), *(spread(found[name]) for name in ("accuracy", "macro_f1", "weighted_f1")), *ends])
    return table(("model", "accuracy", "macro-F1", "weighted-F1", "best F1", "worst F1"), rows) if rows else ""


def pairs_table(pairs: Sequence[dict[str, Any]]) -> str:
    """Which of two models is right more often."""
    heads = ("first", "second", "only first right", "only second right", "p, McNemar exact", "p, Holm", "accuracy, first − second", "macro-F1, first − second")
    rows = []
    for pair in pairs:
        differences = [_points(pair[name]) for name in ("accuracy", "macro_f1")]
        corrected = p_value(pair["p_holm"])
        counts = [str(pair["only_first"]), str(pair["only_second"])]
        rows.append([pair["first"], pair["second"], *counts, p_value(pair["p"]), f"**{corrected}**" if pair["p_holm"] < ALPHA else corrected, *differences])
    return table(heads, rows)


def _points(difference: dict[str, Any]) -> str:
    low, high = (100 * end for end in difference["ci95"])
    return f"{100 * difference['value']:+.1f} [{low:+.1f}, {high:+.1f}]"


def p_value(value: float) -> str:
    """Return a p value as tables show it."""
    return f"< {_SMALLEST:.4f}" if value < _SMALLEST else f"{value:.4f}"


def classes_table(content: Content, split: str, kind: str) -> str:
    """One statistic of each expression: "precision", "recall" or "f1"."""
    rows = [[_name(model), *(number(model["splits"][split]["per_class"][name][kind]) for name in EMOTIONS)] for model in content["models"]]
    return table(({"f1": "F1"}.get(kind, kind), *EMOTIONS), rows)


def calibration_table(content: Content, split: str) -> str:
    """NLL, Brier score and ECE without and with temperature."""
    rows = []
    for model in content["models"]:
        found = model["calibration"]
        values = found["splits"][split]
        cells = [f"{values['before'][name]:.3f} → {values['after'][name]:.3f}" for name in ("ece", "nll", "brier")]
        rows.append([_name(model), number(found["temperature"]) + (" (fitted here)" if found["fitted_here"] else ""), *cells])
    return table(("model", "temperature", "ECE", "NLL", "Brier"), rows)


def risk_table(content: Content, split: str) -> str:
    """How many answers are wrong if only the surest are given."""
    heads = (
        "model",
        "AURC",
        *(f"wrong, surest {100 * share:.0f} %" for share in COVERAGES[:-1]),
        "wrong, all",
        "\u201cnot sure\u201d below",
        "answered",
        "of these right",
    )
    rows = []
    for model in content["models"]:
        curve, certainty = model["risk_coverage"][split], model["certainty"]
        wrong = [number(curve["risk_at"][f"{share:g}"]) for share in COVERAGES]
        kept = certainty["splits"][split]
        own = [number(certainty["threshold"], 2), number(kept["coverage"]), number(kept["accuracy"])] if certainty["threshold"] else [_NONE] * 3
        rows.append([_name(model), number(curve["aurc"]), *wrong, *own])
    return table(heads, rows)


def robustness_table(report: dict[str, Any]) -> str:
    """Accuracy as it is, and its mean over the five strengths of each corruption."""
    heads = ("model", "images", "as they are", *report["corruptions"], "mean of all", "kept")
    rows = []
    for name, line in report["models"].items():
        means = [number(sum(line["accuracy"][kind]) / len(line["accuracy"][kind])) for kind in report["corruptions"]]
        mean = mean_corrupted(line)
        rows.append([name, str(line["images"]), number(line["clean"]), *means, number(mean), f"{100 * mean / line['clean']:.0f} %" if line["clean"] else _NONE])
    return table(heads, rows)


def strengths_table(report: dict[str, Any], kind: str) -> str:
    """Accuracy at each strength of one corruption."""
    about = report["corruptions"][kind]
    rows = [[name, number(line["clean"]), *map(number, line["accuracy"][kind])] for name, line in report["models"].items()]
    return table((f"{kind}: {about['unit']}", "none", *(f"{strength:g}" for strength in about["strengths"])), rows)
