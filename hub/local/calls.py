"""One request: who asks, for which repository, with what."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from hub.local.accounts import Account, check_write, find_account, hidden
from hub.local.refusals import RefusalError
from hub.local.store import MAIN, Commit, Repository, Store


@dataclass(frozen=True)
class Call:
    """A request with its whole body."""

    request: Request
    body: bytes

    @property
    def store(self) -> Store:
        """All repositories."""
        store: Store = self.request.app.state.store
        return store

    @cached_property
    def account(self) -> Account | None:
        """Who asks; None without a token. Raises RefusalError (401)."""
        return find_account(self.request.headers.get("authorization"))

    def part(self, name: str, default: str = "") -> str:
        """A part of the address, with %2F and the like read."""
        return unquote(self.request.path_params.get(name, default))

    def flag(self, name: str) -> bool:
        """Whether the query switches something on."""
        return self.request.query_params.get(name, "").lower() in {"1", "true"}

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The JSON object of the body. Raises RefusalError (400)."""
        try:
            fields = json.loads(self.body or b"{}")
        except ValueError as error:
            raise RefusalError(400, f"Expected JSON. Received: {error}") from error
        if not isinstance(fields, dict):
            raise RefusalError(400, "Expected a JSON object")
        return fields

    @property
    def base(self) -> str:
        """The address of the hub as this client sees it, proxies included."""
        return str(self.request.base_url).rstrip("/")

    def page(self, repository: Repository) -> str:
        """The address of a repository."""
        prefix = "" if repository.kind == "models" else f"/{repository.kind}"
        return f"{self.base}{prefix}/{repository.name}"

    @cached_property
    def repository(self) -> Repository:
        """The one that the address names. Raises RefusalError (401, 404) if this user must not see it, or it is not there."""
        return self.visible(self.part("kind", "models"), f"{self.part('owner')}/{self.part('name')}")

    def visible(self, kind: str, name: str) -> Repository:
        """A repository by name, if this user may know of it. Raises RefusalError (401, 404)."""
        found = self.store.find(kind, name)
        owner = self.account is not None and found is not None and self.account.name == found.owner
        if found is None or (found.settings.private and not owner):
            raise hidden(self.account)
        return found

    @cached_property
    def writable(self) -> Repository:
        """The repository of the address, which this user may change. Raises RefusalError (401, 403, 404)."""
        check_write(self.account, self.repository.owner)
        return self.repository

    @property
    def revision(self) -> str:
        """Branch, tag or commit in the address."""
        return self.part("revision", MAIN)

    def commit(self) -> Commit:
        """The commit that the address names. Raises RefusalError (404)."""
        return self.repository.commit(self.revision)

    def check_gate(self) -> None:
        """Raises RefusalError (401, 403) if the files of the repository are for chosen users only."""
        repository = self.repository
        if repository.settings.gated and (self.account is None or self.account.name != repository.owner):
            said = f"Access to {repository.kind[:-1]} {repository.name} is restricted"
            raise RefusalError(401 if self.account is None else 403, f"{said}. Visit {self.page(repository)} to ask for access.", "GatedRepo")


Answer = Callable[[Call], Response]
