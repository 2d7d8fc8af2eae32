"""The metric module against independent computations: plain loops, scipy, other routes."""

import ast
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.stats import entropy

from fersys.labels import EMOTIONS
from train.expression_metrics import expression_metrics as module

FOLDER = Path(module.__file__).parent
CLASSES = len(EMOTIONS)
SCALARS = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "nll", "brier", "ece")

Sample = dict[str, npt.NDArray[Any]]


@pytest.fixture(scope="module")
def metric() -> Any:
    return evaluate.load(str(FOLDER), keep_in_memory=True)


def make_sample(count: int = 300, seed: int = 0, copies: int = 1) -> Sample:
    """Uneven classes, over-confident answers; each image stands there `copies` times."""
    random = np.random.default_rng(seed)
    labels = random.choice(CLASSES, count, p=[0.14, 0.04, 0.14, 0.25, 0.17, 0.11, 0.15])
    labels[:CLASSES] = range(CLASSES)
    logits = random.normal(size=(count, CLASSES)) * 2 + 2 * np.eye(CLASSES)[labels]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    parts = {"predictions": probabilities, "references": labels, "groups": np.arange(count) * 3}
    return {name: np.repeat(values, copies, axis=0) for name, values in parts.items()}


def by_hand(sample: Sample) -> dict[str, float]:
    """All scalars by loops over single images, straight from their definitions."""
    rows = [[float(p) for p in row] for row in sample["predictions"]]
    rows = [[p / sum(row) for p in row] for row in rows]
    truth = sample["references"].tolist()
    chosen = [row.index(max(row)) for row in rows]
    values = {"accuracy": sum(a == b for a, b in zip(truth, chosen, strict=True)) / len(truth)}
    recalls, f1s, supports = [], [], []
    for k in range(CLASSES):
        right = sum(1 for a, b in zip(truth, chosen, strict=True) if a == b == k)
        recall = right / truth.count(k) if k in truth else 0.0
        precision = right / chosen.count(k) if k in chosen else 0.0
        values |= {f"{EMOTIONS[k]}_recall": recall, f"{EMOTIONS[k]}_precision": precision}
        f1s.append(2 * precision * recall / (precision + recall) if right else 0.0)
        values[f"{EMOTIONS[k]}_f1"] = f1s[-1]
        recalls.append(recall)
        supports.append(truth.count(k))
    values["balanced_accuracy"] = sum(recalls) / sum(1 for s in supports if s)
    values["macro_f1"] = sum(f1s) / CLASSES
    values["weighted_f1"] = sum(f * s for f, s in zip(f1s, supports, strict=True)) / len(truth)
    values["nll"] = -sum(math.log(row[k]) for row, k in zip(rows, truth, strict=True)) / len(truth)
    values["brier"] = sum(sum((p - (j == k)) ** 2 for j, p in enumerate(row)) for row, k in zip(rows, truth, strict=True)) / len(truth)
    values["ece"] = ece_by_hand(rows, truth)
    return values


def ece_by_hand(rows: list[list[float]], truth: list[int]) -> float:
    total = 0.0
    for b in range(15):
        inside = [(row, k) for row, k in zip(rows, truth, strict=True) if b / 15 < max(row) <= (b + 1) / 15]
        if inside:
            right = sum(row.index(max(row)) == k for row, k in inside) / len(inside)
            confidence = sum(max(row) for row, _ in inside) / len(inside)
            total += len(inside) / len(truth) * abs(right - confidence)
    return total


@pytest.mark.parametrize("name", SCALARS)
def test_scalar_equals_loops_over_images(metric: Any, name: str) -> None:
    sample = make_sample()
    assert metric.compute(**sample, resamples=0)[name] == pytest.approx(by_hand(sample)[name], abs=1e-9)


def test_per_class_values_equal_loops_over_images(metric: Any) -> None:
    sample = make_sample()
    expected = by_hand(sample)
    result = metric.compute(**sample, resamples=0)["per_class"]
    assert list(result) == list(EMOTIONS)
    for emotion, values in result.items():
        for name in ("precision", "recall", "f1"):
            assert values[name] == pytest.approx(expected[f"{emotion}_{name}"]), (emotion, name)
        assert values["support"] == int((sample["references"] == EMOTIONS.index(emotion)).sum())


def test_confusion_matrix_has_truth_in_rows(metric: Any) -> None:
    sample = make_sample()
    expected = [[0] * CLASSES for _ in range(CLASSES)]
    for row, label in zip(sample["predictions"], sample["references"], strict=True):
        expected[label][int(np.argmax(row))] += 1
    assert metric.compute(**sample, resamples=0)["confusion_matrix"] == expected


def test_nll_is_the_relative_entropy_of_the_true_class(metric: Any) -> None:
    sample = make_sample()
    exact = sample["predictions"].astype(np.float64)
    expected = entropy(np.eye(CLASSES)[sample["references"]], exact, axis=1).mean()  # scipy normalises the rows
    assert metric.compute(**sample, resamples=0)["nll"] == pytest.approx(expected)


def test_a_perfect_and_sure_model_has_perfect_scores(metric: Any) -> None:
    labels = np.arange(70) % CLASSES
    result = metric.compute(predictions=np.eye(CLASSES)[labels], references=labels, groups=np.arange(70), resamples=20)
    assert [result[name] for name in SCALARS] == pytest.approx([1, 1, 1, 1, 0, 0, 0], abs=1e-9)
    assert result["ci95"]["accuracy"] == [1.0, 1.0]


def test_brier_counts_all_classes_and_so_reaches_two(metric: Any) -> None:
    result = metric.compute(predictions=np.eye(7)[[0, 1]], references=[1, 0], groups=[0, 1], resamples=0)
    assert result["brier"] == pytest.approx(2.0)
    assert math.isfinite(result["nll"])


def test_confidence_on_a_bin_edge_belongs_to_the_bin_below() -> None:
    assert module.bin_of(np.array([1 / 15, 1 / 15 + 1e-9, 2 / 15, 1.0])).tolist() == [0, 1, 1, 14]


def test_point_values_equal_the_bootstrap_route_with_every_group_once() -> None:
    sample = make_sample()
    answers = module.check_answers(sample["predictions"], sample["references"], sample["groups"], CLASSES)
    once = module.from_sums(module.group_sums(answers, CLASSES).sum(axis=0, keepdims=True), EMOTIONS)
    points = module.point_values(answers, EMOTIONS)
    for name in SCALARS:
        assert once[name][0] == pytest.approx(points[name], abs=1e-12), name
    for emotion in EMOTIONS:
        for name in ("precision", "recall", "f1"):
            assert once[f"{emotion}_{name}"][0] == pytest.approx(points["per_class"][emotion][name], abs=1e-12)


def test_intervals_equal_a_slow_bootstrap_over_copied_images(metric: Any) -> None:
    """The same draws, but each resample built image by image and measured by the loops above."""
    sample = make_sample(count=60, copies=2)
    groups = sample["groups"]
    members = [np.nonzero(groups == group)[0] for group in np.unique(groups)]
    random = np.random.default_rng(7)
    slow = []
    for _ in range(40):
        drawn = np.concatenate([members[g] for g in random.integers(0, len(members), len(members))])
        slow.append(by_hand({name: values[drawn] for name, values in sample.items()}))
    fast = metric.compute(**sample, resamples=40, seed=7)["ci95"]
    assert set(fast) == set(slow[0])
    for name, interval in fast.items():
        assert interval == pytest.approx(np.percentile([s[name] for s in slow], [2.5, 97.5]).tolist(), abs=1e-9), name


def test_interval_of_accuracy_agrees_with_the_normal_approximation(metric: Any) -> None:
    result = metric.compute(**make_sample(count=2000))
    half = 1.96 * math.sqrt(result["accuracy"] * (1 - result["accuracy"]) / 2000)
    low, high = result["ci95"]["accuracy"]
    assert [low, high] == pytest.approx([result["accuracy"] - half, result["accuracy"] + half], abs=0.1 * half)


def test_ignoring_duplicate_groups_gives_too_narrow_an_interval(metric: Any) -> None:
    single, copied = make_sample(count=300), make_sample(count=300, copies=4)
    alone = copied | {"groups": np.arange(1200)}

    def width(sample: Sample) -> float:
        low, high = metric.compute(**sample)["ci95"]["accuracy"]
        return float(high - low)

    assert width(copied) == pytest.approx(width(single), rel=0.1)
    assert width(alone) == pytest.approx(width(single) / 2, rel=0.2)


def test_same_seed_same_interval_other_seed_another(metric: Any) -> None:
    sample = make_sample()
    first, again, other = (metric.compute(**sample, resamples=100, seed=seed)["ci95"]["nll"] for seed in (1, 1, 2))
    assert first == again != other


def test_result_is_plain_json(metric: Any) -> None:
    result = metric.compute(**make_sample(), resamples=10)
    assert json.loads(json.dumps(result)) == result
    assert type(result["accuracy"]) is float
    assert type(result["n"]) is int


def test_class_without_an_image_counts_as_zero_in_macro_f1_only(metric: Any) -> None:
    labels = np.array([0, 1] * 10)
    result = metric.compute(predictions=np.eye(3)[labels], references=labels, groups=np.arange(20), labels=("a", "b", "c"), resamples=20)
    assert result["macro_f1"] == pytest.approx(2 / 3)
    assert result["balanced_accuracy"] == 1.0
    assert result["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": [[0.5, 0.5]], "references": [0], "groups": [0]}, "7 probabilities"),
        ({"predictions": [[0.5] * 7], "references": [0], "groups": [0]}, "summing to 1"),
        ({"predictions": [[2.0, -1, 0, 0, 0, 0, 0]], "references": [0], "groups": [0]}, "not negative"),
        ({"predictions": [[1.0, 0, 0, 0, 0, 0, 0]], "references": [7], "groups": [0]}, "from 0 to 6"),
        ({"predictions": [[math.nan] * 7], "references": [0], "groups": [0]}, "not negative"),
        ({"resamples": -1}, "resamples"),
    ],
)
def test_wrong_input_is_refused(metric: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metric.compute(**(make_sample(count=20) | change))
    metric.data = None


def test_batches_may_be_added_one_after_another(metric: Any) -> None:
    sample = make_sample()
    for part in (slice(0, 100), slice(100, 300)):
        metric.add_batch(**{name: values[part] for name, values in sample.items()})
    assert metric.compute(resamples=50) == metric.compute(**sample, resamples=50)


def test_default_labels_are_those_of_fersys() -> None:
    assert module.LABELS == EMOTIONS


def test_module_imports_nothing_of_the_project_and_one_module_a_line() -> None:
    nodes = [node for node in ast.walk(ast.parse(Path(module.__file__).read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [(node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name for node in nodes]
    assert not {name.split(".")[0] for name in names} & {"fersys", "train", "app", "hub", "model_card", ""}
    assert all(len(node.names) == 1 or isinstance(node, ast.ImportFrom) for node in nodes)


def test_a_copy_of_the_folder_loads_offline_outside_the_project(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "expression_metrics")
    code = (
        "import evaluate, sys; m = evaluate.load('expression_metrics', module_type='metric', keep_in_memory=True);"
        "print(m.compute(predictions=[[1.0] + [0.0] * 6] * 2, references=[0, 1], groups=[0, 1], resamples=0)['accuracy']);"
        "assert not {'fersys', 'train'} & set(sys.modules)"
    )
    switches = {"HF_EVALUATE_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=switches, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("0.5")


def test_example_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER.parent.parent)
    example = re.search(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    names: dict[str, Any] = {}
    exec(example[1], names)
    assert names["result"]["accuracy"] == 1.0


def write_csv(path: Path, sample: Sample) -> None:
    table = pd.DataFrame(sample["predictions"], columns=list(EMOTIONS))
    table["label"] = [EMOTIONS[label] for label in sample["references"]]
    table["group"] = sample["groups"]
    table.to_csv(path, index=False)


def test_page_of_the_space_measures_a_csv_file(metric: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from train.expression_metrics import app

    monkeypatch.chdir(FOLDER)
    sample = make_sample(copies=2)
    write_csv(tmp_path / "answers.csv", sample)
    shown, expected = app.measure(str(tmp_path / "answers.csv")), metric.compute(**sample)
    assert shown["confusion_matrix"] == expected["confusion_matrix"]
    assert shown["ci95"]["nll"] == pytest.approx(expected["ci95"]["nll"], abs=1e-5)
    assert app.build().title == "Expression metrics"
    assert app.LABELS == EMOTIONS


def test_page_of_the_space_says_what_is_wrong_with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradio import Error

    from train.expression_metrics import app

    monkeypatch.chdir(FOLDER)
    (tmp_path / "bad.csv").write_text("label,angry\nangry,1\n")
    with pytest.raises(Error, match="lacks a column"):
        app.measure(str(tmp_path / "bad.csv"))
    (tmp_path / "foreign.csv").write_text("label,angry\nbored,1\n")
    with pytest.raises(Error, match="not in tuple"):
        app.measure(str(tmp_path / "foreign.csv"))
    with pytest.raises(Error, match="Choose"):
        app.measure(None)
