"""Keras, datasets, evaluate and FER-Sys fetch from the local hub, each in a process of its own: they read HF_ENDPOINT when imported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.local.serving import Hub
from tests.local_hub import ROOT, client, environment, online_hub
from tests.made_pictures import pictures, write_parquet

METRIC = ROOT / "train" / "expression_metrics"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def data(hub: Hub, tmp_path: Path) -> str:
    """A private data set of two splits."""
    api, names = client(hub), {"train": ["happy", "sad", "fear"], "test": ["angry"]}
    api.create_repo("you/faces", repo_type="dataset", private=True)
    for split, labels in names.items():
        (tmp_path / split).mkdir()
        write_parquet(tmp_path / split / f"{split}-00000-of-00001.parquet", pictures(len(labels)), labels)
        api.upload_folder(repo_id="you/faces", repo_type="dataset", folder_path=tmp_path / split, path_in_repo="data")
    return "you/faces"


def run(hub: Hub, home: Path, code: str, token: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a program that knows the hub and has empty caches in `home`."""
    settings = environment(hub.url, home, token) | {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_MODULES_CACHE": str(home / "modules")}
    return subprocess.run([sys.executable, "-c", code], env=settings, cwd=home.parent, capture_output=True, text=True, timeout=300, check=False)


def printed(done: "subprocess.CompletedProcess[str]") -> object:
    """What the last line of a successful program says in JSON."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


_LOAD_DATA = """
import json
from datasets import load_dataset
data = load_dataset("you/faces")
names = data["train"].features["label"].names
print(json.dumps({split: [names[row["label"]] for row in rows] for split, rows in data.items()}))
"""


def test_datasets_loads_a_private_data_set_with_its_splits_and_labels(hub: Hub, data: str, tmp_path: Path) -> None:
    done = run(hub, tmp_path / "home", _LOAD_DATA, hub.token)
    assert printed(done) == {"train": ["happy", "sad", "fear"], "test": ["angry"]}


def test_datasets_learns_nothing_of_a_private_data_set_without_a_token(hub: Hub, data: str, tmp_path: Path) -> None:
    done = run(hub, tmp_path / "home", _LOAD_DATA)
    assert done.returncode != 0
    assert "DatasetNotFoundError" in done.stderr


def test_the_core_pulls_a_data_set_as_of_one_commit(hub: Hub, data: str, tmp_path: Path) -> None:
    code = 'import json, fersys.pull; print(json.dumps([str(path) for path in fersys.pull.pull_dataset("you/faces")]))'
    paths = printed(run(hub, tmp_path / "home", code, hub.token))
    assert isinstance(paths, list)
    assert [Path(path).name for path in paths] == ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet"]
    assert {Path(path).parents[1].name for path in paths} == {client(hub).dataset_info("you/faces").sha}


_MEASURE = """
import json, evaluate
metric = evaluate.load("you/expression_metrics")
sure_of_happy = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
print(json.dumps(metric.compute(predictions=[sure_of_happy] * 2, references=[3, 4], groups=[0, 1], resamples=0)["accuracy"]))
"""


def test_evaluate_loads_our_metric_from_a_space(hub: Hub, tmp_path: Path) -> None:
    client(hub).create_repo("you/expression_metrics", repo_type="space", space_sdk="gradio")
    client(hub).upload_folder(repo_id="you/expression_metrics", repo_type="space", folder_path=METRIC, ignore_patterns="__pycache__/*")
    assert printed(run(hub, tmp_path / "home", _MEASURE)) == 0.5


_KERAS = """
import json, sys, keras, numpy
network = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
network.save("saved", zipped=False)
from huggingface_hub import HfApi
HfApi().create_repo("you/network")
HfApi().upload_folder(repo_id="you/network", folder_path="saved")
again = keras.saving.load_model("hf://you/network")
print(json.dumps(bool(numpy.array_equal(network(numpy.eye(4)), again(numpy.eye(4))))))
"""


def test_keras_loads_what_was_pushed(hub: Hub, tmp_path: Path) -> None:
    assert printed(run(hub, tmp_path / "home", _KERAS, hub.token)) is True
