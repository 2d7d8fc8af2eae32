"""Repositories and users of the local hub, through the real client."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_session
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from hub.local.serving import Hub
from tests.local_hub import client, online_hub

KINDS = ["model", "dataset", "space"]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as hub:
        yield hub


def guest(hub: Hub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.guest_token)


def nobody(hub: Hub) -> HfApi:
    return HfApi(endpoint=hub.url, token=False)


def status(error: "pytest.ExceptionInfo[HfHubHTTPError]") -> int:
    return int(error.value.response.status_code)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_repository_has_its_address_and_a_first_commit(hub: Hub, kind: str) -> None:
    api = client(hub)
    url = api.create_repo("you/first", repo_type=kind, space_sdk="gradio" if kind == "space" else None)
    assert (url.repo_id, url.repo_type) == ("you/first", kind)
    info = api.repo_info("you/first", repo_type=kind)
    assert len(info.sha or "") == 40
    assert api.list_repo_files("you/first", repo_type=kind) == [".gitattributes"]


def test_a_name_without_an_owner_is_the_user_s_own(hub: Hub) -> None:
    assert client(hub).create_repo("first").repo_id == "you/first"


def test_a_repository_is_created_once(hub: Hub) -> None:
    api = client(hub)
    api.create_repo("you/first")
    with pytest.raises(HfHubHTTPError, match="already created") as error:
        api.create_repo("you/first")
    assert status(error) == 409
    assert api.create_repo("you/first", exist_ok=True).repo_id == "you/first"


def test_kinds_do_not_share_names(hub: Hub) -> None:
    client(hub).create_repo("you/first")
    assert not client(hub).repo_exists("you/first", repo_type="dataset")


def test_a_space_keeps_its_sdk(hub: Hub) -> None:
    client(hub).create_repo("you/demo", repo_type="space", space_sdk="docker")
    assert client(hub).space_info("you/demo").sdk == "docker"


def test_a_deleted_repository_is_gone(hub: Hub, tmp_path: Path) -> None:
    api = client(hub)
    api.create_repo("you/first")
    api.delete_repo("you/first")
    assert not api.repo_exists("you/first")
    assert not [path for path in (tmp_path / "hub").rglob("*") if path.is_file()]
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo("you/first")
    api.create_repo("you/first")  # the name is free again


def test_a_token_says_who_one_is(hub: Hub) -> None:
    assert client(hub).whoami()["name"] == "you"
    assert client(hub).whoami(token=hub.read_token)["auth"]["accessToken"]["role"] == "read"
    with pytest.raises(HfHubHTTPError, match="Invalid user token") as error:
        client(hub).whoami(token="hf_of_nobody")
    assert status(error) == 401


def test_an_unknown_token_is_told_so_and_not_that_the_repository_is_missing(hub: Hub) -> None:
    client(hub).create_repo("you/first")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials") as error:
        HfApi(endpoint=hub.url, token="hf_of_nobody").model_info("you/first")
    assert status(error) == 401
    assert not isinstance(error.value, RepositoryNotFoundError)


def test_a_private_repository_looks_like_none_to_others(hub: Hub) -> None:
    client(hub).create_repo("you/secret", private=True)
    assert client(hub).model_info("you/secret").private
    for api, expected in ((guest(hub), 404), (nobody(hub), 401)):
        for name in ("you/secret", "you/missing"):
            with pytest.raises(RepositoryNotFoundError) as error:
                api.model_info(name)
            assert status(error) == expected
    assert client(hub).model_info("you/secret", token=hub.read_token).id == "you/secret"


def test_a_repository_can_become_public(hub: Hub) -> None:
    client(hub).create_repo("you/secret", private=True)
    client(hub).update_repo_settings("you/secret", private=False)
    assert nobody(hub).model_info("you/secret").id == "you/secret"


def test_only_the_owner_with_a_write_token_changes_anything(hub: Hub) -> None:
    client(hub).create_repo("you/first")
    reader = HfApi(endpoint=hub.url, token=hub.read_token)
    changes: list[Callable[[HfApi], object]] = [
        lambda api: api.create_tag("you/first", tag="v1"),
        lambda api: api.delete_repo("you/first"),
        lambda api: api.create_repo("you/second"),
        lambda api: api.update_repo_settings("you/first", private=True),
        lambda api: api.upload_file(repo_id="you/first", path_in_repo="a", path_or_fileobj=b"a"),
    ]
    for api, expected in ((guest(hub), 403), (reader, 403), (nobody(hub), 401)):
        for change in changes:
            with pytest.raises(HfHubHTTPError) as error:
                change(api)
            assert status(error) == expected
    assert [file.rfilename for file in client(hub).model_info("you/first").siblings or []] == [".gitattributes"]


def test_files_behind_a_gate_are_refused_but_the_repository_is_shown(hub: Hub, tmp_path: Path) -> None:
    client(hub).create_repo("you/gated")
    client(hub).update_repo_settings("you/gated", gated="auto")
    assert guest(hub).model_info("you/gated").gated == "auto"
    for api, expected in ((guest(hub), 403), (nobody(hub), 401)):
        with pytest.raises(GatedRepoError) as error:
            api.hf_hub_download("you/gated", ".gitattributes", cache_dir=tmp_path / str(expected))
        assert status(error) == expected
        with pytest.raises(GatedRepoError):
            api.auth_check("you/gated")
    assert client(hub).hf_hub_download("you/gated", ".gitattributes", cache_dir=tmp_path / "mine")


def test_access_can_be_asked_for_beforehand(hub: Hub) -> None:
    client(hub).create_repo("you/first")
    client(hub).auth_check("you/first", write=True)
    with pytest.raises(HfHubHTTPError) as error:
        guest(hub).auth_check("you/first", write=True)
    assert status(error) == 403


def test_repositories_are_listed_to_those_who_may_see_them(hub: Hub) -> None:
    client(hub).create_repo("you/open")
    client(hub).create_repo("you/secret", private=True)
    assert [model.id for model in client(hub).list_models(author="you")] == ["you/open", "you/secret"]
    assert [model.id for model in guest(hub).list_models()] == ["you/open"]
    assert [model.id for model in client(hub).list_models(search="SEC")] == ["you/secret"]
    assert not list(client(hub).list_models(author="guest"))


@pytest.mark.parametrize("name", ["..", "a..b", "a--b", "-a", "a.git", "a b", "", "a/b"])
def test_a_name_that_the_real_hub_would_not_take_is_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    answer = get_session().post(f"{hub.url}/api/repos/create", json={"name": name}, headers={"Authorization": f"Bearer {hub.token}"})
    assert answer.status_code == 400
    assert "Invalid repository name" in answer.headers["X-Error-Message"]
    assert not list((tmp_path / "hub").iterdir())


@pytest.mark.parametrize("address", ["/api/models/gpt2", "/api/models/gpt2/tree/main", "/api/models/..%2F..%2Fx/y", "/gpt2/resolve/main/config.json"])
def test_an_id_that_cannot_be_is_a_repository_that_is_not_there(hub: Hub, address: str) -> None:
    answer = get_session().get(hub.url + address)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (401, "RepoNotFound")


def test_what_is_no_repository_is_plainly_not_found(hub: Hub) -> None:
    for address in ("/api/agent-harnesses", "/nothing"):
        answer = get_session().get(hub.url + address)
        assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


def test_a_description_can_be_short(hub: Hub) -> None:
    client(hub).create_repo("you/first")
    info = client(hub).model_info("you/first", expand=["sha"])
    assert (info.id, info.siblings) == ("you/first", None)
    assert info.sha


@pytest.mark.parametrize(
    "fields", [{}, {"name": 7.5, "type": "kernel"}, {"name": "demo", "type": "space"}, {"name": "demo", "type": "space", "sdk": ["x"]}, {"name": None}]
)
def test_a_repository_that_is_not_fully_described_is_refused(hub: Hub, fields: dict[str, object]) -> None:
    answer = get_session().post(f"{hub.url}/api/repos/create", json=fields, headers={"Authorization": f"Bearer {hub.token}"})
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"[1]", b"{", b"7", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(hub: Hub, body: bytes) -> None:
    answer = get_session().post(f"{hub.url}/api/repos/create", content=body, headers={"Authorization": f"Bearer {hub.token}"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Expected")
