"""Fetches data sets from a hub. (Models: `fersys.snapshots`.)"""

from pathlib import Path
from typing import TYPE_CHECKING

from fersys.errors import DataError
from fersys.hub_client import PATIENCE, endpoint, explain, failures, hub_api

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_CONVERTED = "refs/convert/parquet"  # where the hub keeps data sets of other formats as parquet files


def pull_dataset(name: str) -> list[Path]:
    """Fetch the parquet files of a data set into the hub's cache on this machine, unless they are there.

    Args:
        name: "owner/name", or "owner/name@revision" with a branch, a tag or a commit.

    Returns:
        their paths, by name; all of one commit.

    Raises:
        DataError: if the hub cannot be reached, has no such data set, or it has no parquet files.
    """
    repository, _, revision = name.partition("@")
    hub = hub_api()
    try:
        files, commit = _find(hub, repository, revision or None)
        return [Path(hub.hf_hub_download(repository, file, repo_type="dataset", revision=commit)) for file in files]
    except failures() as error:
        raise DataError(f"Expected a data set that can be fetched from {endpoint()}. Received: {name!r} ({explain(error)})") from error


def _find(hub: "HfApi", repository: str, revision: str | None) -> tuple[list[str], str | None]:
    """The parquet files of a data set and the commit that holds them; of the hub's own conversion if it has none itself."""
    for place in (revision,) if revision else (None, _CONVERTED):
        info = hub.dataset_info(repository, revision=place, timeout=PATIENCE)
        files = sorted(file.rfilename for file in info.siblings or () if file.rfilename.endswith(".parquet"))
        if files:
            return files, info.sha
    raise ValueError("it has no parquet files")
