"""The packages of hubs that lie in the client's cache on this machine."""

from dataclasses import dataclass
from pathlib import Path

from fersys.config import CONFIG_FILE
from fersys.hub_client import THIS_MACHINE, Access


@dataclass(frozen=True)
class Cached:
    """A package in the cache.

    Attributes:
        reference: "owner/name@commit".
        names: branches and tags that were this commit when they were pulled.
        folder: where it lies.
    """

    reference: str
    names: tuple[str, ...]
    folder: Path


def cached_models(access: Access = THIS_MACHINE) -> list[Cached]:
    """Return the packages that lie in the cache, by name; whether they are whole is not checked."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir(access.folder).repos
    except (CacheNotFound, ValueError):  # ValueError: a file is where the folder should be
        return []
    found = [
        Cached(f"{repository.repo_id}@{revision.commit_hash}", tuple(sorted(revision.refs)), revision.snapshot_path)
        for repository in repositories
        if repository.repo_type == "model"
        for revision in repository.revisions
        if (revision.snapshot_path / CONFIG_FILE).is_file()
    ]
    return sorted(found, key=lambda cached: cached.reference)
