"""What lies in the cache of the hub's client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fersys.cached import cached_models
from fersys.hub_client import Access
from fersys.shipped import describe_cached
from tests.pulling import NAME, Pushed, pushed
from tests.whole_package import make_whole

METRICS = '{"splits": {"test": {"n": 20, "accuracy": 0.5, "macro_f1": 0.4}}}'


@pytest.fixture
def at_hub(tmp_path: Path) -> Iterator[Pushed]:
    with pushed(tmp_path) as there:
        yield there


def test_packages_are_listed_by_commit_with_the_names_they_were_pulled_by(at_hub: Pushed, tmp_path: Path) -> None:
    at_hub.pull("v1")
    newer = at_hub.push(make_whole(tmp_path / "newer", seed=1, metrics=METRICS))
    at_hub.pull()
    at_hub.pull()
    found = {cached.reference: cached.names for cached in cached_models(at_hub.access)}
    assert found == {f"{NAME}@{at_hub.commit}": ("v1",), f"{NAME}@{newer}": ("main",)}
    lines = describe_cached(cached_models(at_hub.access)).splitlines()
    assert next(line for line in lines if newer in line).split()[1:6] == ["main", "0.500", "on", "test", "0.1"]


def test_other_repositories_are_not_listed(at_hub: Pushed, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    for name, kind in (("you/other", "model"), ("you/data", "dataset")):
        at_hub.api.create_repo(name, repo_type=kind)
        at_hub.api.upload_folder(repo_id=name, repo_type=kind, folder_path=tmp_path / "other")
        at_hub.api.snapshot_download(name, repo_type=kind, cache_dir=at_hub.cache)
    assert cached_models(at_hub.access) == []


def test_a_damaged_one_does_not_hide_the_others(at_hub: Pushed, tmp_path: Path) -> None:
    at_hub.pull("v1")
    at_hub.push(make_whole(tmp_path / "newer", seed=1))
    (at_hub.pull().folder / "fersys.json").resolve().write_text("?")
    said = describe_cached(cached_models(at_hub.access))
    assert at_hub.commit in said
    assert "cannot be used: " in said


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("")])
def test_no_cache_is_an_empty_list(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "cache")
    assert cached_models(Access(cache=tmp_path / "cache")) == []
