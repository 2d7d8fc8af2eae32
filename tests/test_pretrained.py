"""Models in the convention of the hub's library."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi, ModelCard, constants

import fersys
from fersys.errors import HubError, PackageError
from fersys.package import SERVING_FILE
from fersys.pretrained import ExpressionModel
from tests.pulling import NAME, Pushed, nowhere, pointed_at, pushed
from tests.whole_package import content, flip, make_whole

CROPS = [np.full((48, 48, 3), 90, np.uint8)]


@pytest.fixture
def at_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pushed]:
    with pushed(tmp_path) as there:
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(there.cache))
        yield there


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_whole(tmp_path / "packages", "local")


def test_a_folder_is_loaded_and_answers_as_ever(package: Path) -> None:
    model = ExpressionModel.from_pretrained(package)
    assert (model.name, model.title, model.certainty) == ("local", "local", 0.0)
    np.testing.assert_array_equal(model.predict(CROPS), fersys.load(package).predict(CROPS))


def test_a_model_is_loaded_from_a_hub_by_revision(at_hub: Pushed, tmp_path: Path) -> None:
    at_hub.push(make_whole(tmp_path / "newer", seed=1))
    for given in ({"revision": "v1"}, {"revision": at_hub.commit}):
        model = ExpressionModel.from_pretrained(NAME, token=at_hub.hub.token, **given)
        assert content(model.folder) == content(at_hub.package)
    assert ExpressionModel.from_pretrained(f"{NAME}@v1").folder.name == at_hub.commit
    assert ExpressionModel.from_pretrained(NAME, cache_dir=tmp_path / "other").folder.is_relative_to(tmp_path / "other")
    with pytest.raises(HubError, match="offline mode"):
        ExpressionModel.from_pretrained(NAME, local_files_only=True, cache_dir=tmp_path / "empty")


def test_a_damaged_package_is_not_loaded(package: Path) -> None:
    flip(package / "model.keras")
    with pytest.raises(PackageError, match=r"model\.keras was changed"):
        ExpressionModel.from_pretrained(package)


def test_saving_keeps_keras_config_and_the_card(package: Path, tmp_path: Path) -> None:
    model = ExpressionModel.from_pretrained(package)
    assert model.save_pretrained(tmp_path / "saved") is None
    assert content(tmp_path / "saved") == content(package)
    before = content(package)
    model.save_pretrained(package)  # the library's own would delete config.json here
    assert content(package) == before


def test_a_package_without_a_card_is_saved_without_one(package: Path, tmp_path: Path) -> None:
    (package / "README.md").unlink()
    ExpressionModel(package).save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved" / "README.md").exists()


def test_a_push_is_one_commit_of_the_very_package(at_hub: Pushed, package: Path) -> None:
    model = ExpressionModel.from_pretrained(package)
    assert "you/mine" in model.push_to_hub("you/mine", token=at_hub.hub.token, private=True)
    api = HfApi(endpoint=at_hub.hub.url, token=at_hub.hub.token)
    assert api.model_info("you/mine").private
    pulled = at_hub.pull(name="you/mine")
    assert content(pulled.folder) == content(package)
    assert ModelCard.load(pulled.folder / "README.md").text.strip() == "# local 0"
    assert ExpressionModel.from_pretrained("you/mine", token=at_hub.hub.token).folder == pulled.folder


def test_saving_can_push_too(at_hub: Pushed, package: Path, tmp_path: Path) -> None:
    address = ExpressionModel(package).save_pretrained(tmp_path / "saved", repo_id="you/saved", push_to_hub=True, token=at_hub.hub.token)
    assert address is not None
    assert content(at_hub.pull(name="you/saved").folder) == content(package)


def test_a_package_that_was_changed_is_not_pushed(at_hub: Pushed, package: Path) -> None:
    model = ExpressionModel(package)
    flip(package / SERVING_FILE)
    with pytest.raises(PackageError, match="was changed"):
        model.push_to_hub("you/mine", token=at_hub.hub.token)
    assert not at_hub.api.repo_exists("you/mine")


def test_a_push_that_is_refused_is_one_line(at_hub: Pushed, package: Path) -> None:
    model = ExpressionModel(package)
    with pytest.raises(HubError, match=r"you/mine cannot be pushed to http.*Received: a refusal \(403\)"):
        model.push_to_hub("you/mine", token=at_hub.hub.guest_token)
    with pointed_at(nowhere()), pytest.raises(HubError, match=r"Received: no answer \(ConnectError\)$"):
        model.push_to_hub("you/mine", token=at_hub.hub.token)
