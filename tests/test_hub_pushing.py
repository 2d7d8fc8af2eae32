"""Pushing with the real client to a hub on loopback: one commit or none, twice is once, and nobody's push is lost."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from fersys.errors import ConfigError, FerSysError, HubError, PackageError
from fersys.snapshots import pull_model
from hub.difference import Difference
from hub.inspection import inspect_package
from hub.local.serving import Hub
from hub.parcel import Parcel
from hub.pushing import Plan, Pushed, Target, connect, plan, push
from tests.local_hub import client, online_hub
from tests.made_pushable import make_pushable

REPO = "you/mine"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as running:
        monkeypatch.setattr("fersys.hub_client.endpoint", lambda: running.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", running.token)
        yield running


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_pushable(tmp_path)


@pytest.fixture
def parcel(package: Path) -> Parcel:
    return inspect_package(package)


def pushed(parcel: Parcel, repository: str = REPO, **settings: str | bool) -> Pushed:
    return push(connect(), parcel, Target(repository, **settings))  # type: ignore[arg-type]


def commits(api: HfApi, repository: str = REPO, revision: str = "main") -> list[str]:
    return [commit.commit_id for commit in api.list_repo_commits(repository, revision=revision)]


def test_what_was_pushed_is_pulled_by_its_commit_byte_for_byte(hub: Hub, parcel: Parcel) -> None:
    done = pushed(parcel)
    snapshot = pull_model(f"{REPO}@{done.commit}")
    assert done.is_new
    assert snapshot.commit == done.commit == client(hub).model_info(REPO).sha
    assert {name: (snapshot.folder / name).read_bytes() for name in parcel.files} == {name: path.read_bytes() for name, path in parcel.files.items()}


def test_a_push_is_one_commit(hub: Hub, parcel: Parcel) -> None:
    client(hub).create_repo(REPO)
    before = commits(client(hub))
    done = pushed(parcel)
    assert commits(client(hub)) == [done.commit, *before]


def test_the_second_push_of_the_same_changes_nothing(hub: Hub, parcel: Parcel) -> None:
    first = pushed(parcel, tag="v1.0.0")
    before = commits(client(hub))
    assert pushed(parcel, tag="v1.0.0") == Pushed(first.commit, is_new=False)
    assert commits(client(hub)) == before


def test_what_the_package_no_longer_holds_is_deleted_in_the_same_commit(hub: Hub, package: Path, parcel: Parcel) -> None:
    pushed(parcel)
    (package / "figures" / "other.png").write_bytes(b"\x89PNG")
    pushed(inspect_package(package))
    before = commits(client(hub))
    (package / "figures" / "other.png").unlink()
    done = pushed(inspect_package(package))
    assert commits(client(hub)) == [done.commit, *before]
    there = set(client(hub).list_repo_files(REPO))
    assert "figures/other.png" not in there
    assert there - {".gitattributes"} == set(parcel.files)


def test_only_what_changed_is_in_the_plan(hub: Hub, package: Path, parcel: Parcel) -> None:
    pushed(parcel)
    with (package / "README.md").open("a") as card:
        card.write("\nMore.\n")
    (package / "figures" / "new.png").write_bytes(b"\x89PNG")
    found = plan(connect(), inspect_package(package), Target(REPO)).difference
    assert (found.added, found.changed, found.deleted) == (("figures/new.png",), ("README.md",), ())


def test_the_tag_names_the_commit(hub: Hub, parcel: Parcel) -> None:
    done = pushed(parcel, tag="v1.0.0")
    assert client(hub).model_info(REPO, revision="v1.0.0").sha == done.commit


def test_a_tag_is_made_up_for_if_the_push_before_was_stopped_ahead_of_it(hub: Hub, parcel: Parcel) -> None:
    done = pushed(parcel)
    assert pushed(parcel, tag="v1.0.0") == Pushed(done.commit, is_new=False)
    assert client(hub).model_info(REPO, revision="v1.0.0").sha == done.commit


def test_a_tag_that_names_another_commit_is_refused_before_anything_is_pushed(hub: Hub, package: Path, parcel: Parcel) -> None:
    first = pushed(parcel, tag="v1.0.0")
    (package / "figures" / "new.png").write_bytes(b"\x89PNG")
    changed = inspect_package(package)
    with pytest.raises(HubError, match=rf"Tag v1\.0\.0 of you/mine names another commit.*{first.commit}"):
        pushed(changed, tag="v1.0.0")
    assert client(hub).model_info(REPO).sha == first.commit
    pushed(changed)
    with pytest.raises(HubError, match="names another commit"):
        pushed(changed, tag="v1.0.0")


def test_a_branch_is_made_and_the_main_one_stays(hub: Hub, package: Path, parcel: Parcel) -> None:
    first = pushed(parcel)
    (package / "figures" / "new.png").write_bytes(b"\x89PNG")
    second = pushed(inspect_package(package), branch="next")
    assert client(hub).model_info(REPO).sha == first.commit
    assert client(hub).model_info(REPO, revision="next").sha == second.commit != first.commit
    assert pushed(inspect_package(package), branch="next") == Pushed(second.commit, is_new=False)


def test_a_new_repository_on_a_branch(hub: Hub, parcel: Parcel) -> None:
    done = pushed(parcel, branch="next")
    assert client(hub).model_info(REPO, revision="next").sha == done.commit
    assert "fersys.json" not in client(hub).list_repo_files(REPO)


def test_private_makes_a_private_repository_and_refuses_a_public_one(hub: Hub, parcel: Parcel) -> None:
    pushed(parcel, "you/hidden", private=True)
    assert client(hub).model_info("you/hidden").private
    client(hub).create_repo("you/open")
    with pytest.raises(HubError, match="is public: expected a private repository"):
        pushed(parcel, "you/open", private=True)
    assert "fersys.json" not in client(hub).list_repo_files("you/open")


def test_a_push_that_somebody_forestalled_changes_nothing(hub: Hub, parcel: Parcel, monkeypatch: pytest.MonkeyPatch) -> None:
    client(hub).create_repo(REPO)
    send = HfApi.create_commit

    def forestalled(self: HfApi, *words: object, **settings: object) -> object:
        send(client(hub), REPO, [_addition()], commit_message="theirs")
        return send(self, *words, **settings)  # type: ignore[call-overload]

    monkeypatch.setattr(HfApi, "create_commit", forestalled)
    with pytest.raises(HubError, match=r"somebody else pushed meanwhile.*412"):
        pushed(parcel)
    assert set(client(hub).list_repo_files(REPO)) - {".gitattributes"} == {"theirs.txt"}


def _addition() -> CommitOperationAdd:
    return CommitOperationAdd("theirs.txt", b"theirs")


def test_of_two_who_push_at_once_each_is_whole_or_told(hub: Hub, tmp_path: Path) -> None:
    parcels = [inspect_package(make_pushable(tmp_path / str(seed), seed=seed)) for seed in range(2)]
    client(hub).create_repo(REPO)
    commits_made: list[str] = []
    errors: list[FerSysError] = []
    start = threading.Barrier(2)

    def run(parcel: Parcel) -> None:
        api = connect()
        start.wait()
        try:
            commits_made.append(push(api, parcel, Target(REPO)).commit)
        except FerSysError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(parcel,)) for parcel in parcels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(commits_made) + len(errors) == 2
    assert client(hub).model_info(REPO).sha in commits_made
    assert all("somebody else pushed meanwhile" in str(error) for error in errors)
    assert pull_model(f"{REPO}@main").commit in commits_made  # whole: every file has its hash


def test_looking_asks_for_nothing_to_be_written(hub: Hub, parcel: Parcel) -> None:
    found = plan(connect(), parcel, Target(REPO, tag="v1"))
    assert (found.exists, found.head, set(found.difference.added)) == (False, "", set(parcel.files))
    assert not client(hub).repo_exists(REPO)


def test_without_a_token_one_can_look_and_not_push(hub: Hub, parcel: Parcel, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed(parcel)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")
    assert plan(connect(), parcel, Target(REPO)) == Plan(client(hub).model_info(REPO).sha or "", True, Difference())
    with pytest.raises(HubError, match=r"Nobody is logged in at .*hf auth login"):
        pushed(parcel)


def test_a_token_that_is_not_valid_is_said_and_not_shown(hub: Hub, parcel: Parcel) -> None:
    with pytest.raises(HubError, match=r"the token is not valid there.*401") as caught:
        push(connect(token="hf_mistyped"), parcel, Target(REPO))
    assert "hf_mistyped" not in str(caught.value)


def test_a_token_with_odd_characters_is_said_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="characters that no token has") as caught:
        connect(token="hf_se\ncret")
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("repository", [REPO, "else/theirs", "you/new"])
def test_a_token_that_may_not_write_there_is_said(hub: Hub, parcel: Parcel, repository: str) -> None:
    client(hub).create_repo(REPO)
    token = hub.token if repository == "else/theirs" else hub.read_token
    with pytest.raises(HubError, match=r"your token has no right to write there.*403"):
        push(connect(token), parcel, Target(repository))


@pytest.mark.parametrize("repository", ["mine", "you/mi ne", "you/../mine", "you/mine/more", "", "you/--", "you/mine.git"])
def test_a_name_that_is_none_is_refused(repository: str) -> None:
    with pytest.raises(PackageError, match="owner/name"):
        Target(repository)


@pytest.mark.parametrize("tag", ["-v1", "v 1", "v..1", "v1.lock"])
def test_a_tag_that_is_no_name_is_refused(tag: str) -> None:
    with pytest.raises(PackageError, match=r"Received"):
        Target(REPO, tag=tag)
