"""What the tests of pulling share: a hub with one pushed package, and the real client pointed at it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from fersys.hub_client import Access
from fersys.snapshots import Snapshot, pull_model
from hub.local.serving import Hub
from tests.local_hub import client, online_hub
from tests.whole_package import make_whole

NAME = "you/tiny"


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Let the client of this process ask the hub at `url`, as HF_ENDPOINT does for a new process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        yield


def nowhere() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@dataclass(frozen=True)
class Pushed:
    """A hub with the package `package` in `NAME`, at `commit`, tagged v1; and an empty cache."""

    hub: Hub
    api: HfApi
    package: Path
    commit: str
    cache: Path

    @property
    def access(self) -> Access:
        return Access(token=self.hub.token, cache=self.cache)

    def pull(self, revision: str = "main", folder: Path | None = None, name: str = NAME) -> Snapshot:
        return pull_model(f"{name}@{revision}", folder, self.access)

    def push(self, package: Path, name: str = NAME) -> str:
        """Push a folder as it is; returns the commit."""
        return str(self.api.upload_folder(repo_id=name, folder_path=package).oid)

    def snapshot(self, commit: str = "") -> Path:
        """Where the client keeps a commit."""
        return self.cache / "models--you--tiny" / "snapshots" / (commit or self.commit)


@contextmanager
def pushed(folder: Path) -> Iterator[Pushed]:
    """Serve a hub that has a package, from `folder`; leave the client pointed at it."""
    package = make_whole(folder / "packages")
    with online_hub(folder / "hub") as hub, pointed_at(hub.url):
        api = client(hub)
        api.create_repo(NAME)
        commit = str(api.upload_folder(repo_id=NAME, folder_path=package).oid)
        api.create_tag(NAME, tag="v1")
        yield Pushed(hub, api, package, commit, folder / "cache")
