"""Pulls a model package from a hub: one commit of it, into the client's own cache, and only if every file is what it should be.

    snapshot = pull_model("you/name@v1.0.0")
    snapshot.commit, snapshot.folder

The cache may hold anything: half of a pull that was killed, a flipped byte, a single file that another program
fetched. So nothing in it is believed; `fersys.integrity` says what is compared with what.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from fersys.atomic import replacing
from fersys.config import CONFIG_FILE, ModelConfig, read_config
from fersys.copies import copy_package
from fersys.errors import HubError, PackageError
from fersys.hub_client import PATIENCE, THIS_MACHINE, Access, bars_on_terminals_only, endpoint, explain, failures, hub_api, is_away
from fersys.integrity import damaged, describes, is_whole
from fersys.package import check_package, model_files
from fersys.reference import Reference, is_commit, parse_reference

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Snapshot:
    """A package of a hub on this machine; every file of it was checked.

    Attributes:
        folder: where it lies.
        commit: which one it is, 40 hex digits.
        note: why it may not be the newest, for people; empty if it is what the hub has now.
    """

    folder: Path
    commit: str
    note: str = ""


@dataclass(frozen=True)
class _Source:
    """A repository as one pull sees it."""

    reference: Reference
    access: Access
    hub: "HfApi"

    def error(self, expected: str, received: str) -> HubError:
        return HubError(f"{self.reference} cannot be pulled from {endpoint()}: expected {expected}. Received: {received}")

    def folder(self, commit: str) -> Path:
        """Where the client keeps a commit, or would."""
        return self.storage / "snapshots" / commit

    @property
    def storage(self) -> Path:
        return self.access.folder / f"models--{self.reference.repository.replace('/', '--')}"


def pull_model(reference: str | Reference, folder: Path | None = None, access: Access = THIS_MACHINE) -> Snapshot:
    """Fetch a package and check it; what lies in the cache whole is not fetched again.

    A commit that is there needs no request. If the hub does not answer, a branch or tag is what it was at the last pull.

    Args:
        reference: "owner/name", or "owner/name@revision" with a branch, a tag or a commit.
        folder: also copy it there; None: it stays in the cache.
        access: how the hub is asked.

    Raises:
        HubError: if it can neither be had from the hub nor from the cache.
        PackageError: if the reference is none, the repository holds no package or a damaged one, or `folder` holds
            something else.
    """
    wanted = parse_reference(reference) if isinstance(reference, str) else reference
    with bars_on_terminals_only():
        snapshot = _pull(_Source(wanted, access, hub_api(access)))
    if folder is None:
        return snapshot
    copy_package(snapshot.folder, folder.expanduser())
    return Snapshot(folder.expanduser(), snapshot.commit, snapshot.note)


def _pull(source: _Source) -> Snapshot:
    wanted = source.reference
    if wanted.is_commit and is_whole(source.folder(wanted.revision)) and not source.access.anew:
        return Snapshot(source.folder(wanted.revision), wanted.revision)
    try:
        commit, names = _ask(source)
    except failures() as error:
        if is_away(error):
            return _remembered(source, explain(error))
        raise source.error("a model that may be read, or a folder of this name here", explain(error)) from error
    if source.access.anew or not is_whole(source.folder(commit)):
        _fetch(source, commit, names)
    _remember(source, commit)
    return Snapshot(source.folder(commit), commit)


def _ask(source: _Source) -> tuple[str, list[str]]:
    """Ask which commit the revision is now, and which files it has: one request, without the client's patient retries."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if source.access.offline:
        raise OfflineModeIsEnabled
    info = source.hub.model_info(source.reference.repository, revision=source.reference.revision, timeout=PATIENCE)
    commit = info.sha or ""
    if not is_commit(commit):
        raise TypeError(f"no commit: {commit!r}")
    return commit, [file.rfilename for file in info.siblings or ()]


def _remembered(source: _Source, reason: str) -> Snapshot:
    """What the revision was at the last pull.

    Raises:
        HubError: if it was never pulled, or does not lie in the cache whole.
    """
    wanted = source.reference
    commit = wanted.revision if wanted.is_commit else _read_ref(source)
    if commit and is_whole(source.folder(commit)):
        return Snapshot(source.folder(commit), commit, f"{endpoint()} gave {reason}. {wanted} is commit {commit} here, as it was last pulled")
    whole = [path.name for path in sorted((source.storage / "snapshots").glob("*")) if is_whole(path)]
    others = f"; in the cache lies {' and '.join(f'{wanted.repository}@{name}' for name in whole)}" if whole else ""
    raise source.error("an answer, or that it was pulled before", reason + others)


def _read_ref(source: _Source) -> str:
    """The commit that the client's cache keeps for a branch or tag; empty if it keeps none."""
    try:
        commit = (source.storage / "refs" / source.reference.revision).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return commit if is_commit(commit) else ""


def _remember(source: _Source, commit: str) -> None:
    """Keep what the revision is, where the client does; only now, so that it never names a commit that is not there whole."""
    if source.reference.is_commit or _read_ref(source) == commit:
        return
    path = source.storage / "refs" / source.reference.revision
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as unfinished:
            unfinished.write_text(commit, encoding="ascii")
    except OSError:
        return  # a cache that cannot be written to: it is asked for again next time


def _fetch(source: _Source, commit: str, names: Iterable[str]) -> None:
    """Fetch what is not there, check all, and fetch once more what is damaged.

    Raises:
        HubError: if the hub stops answering.
        PackageError: naming the first file that is not what it should be, though it was fetched anew.
    """
    if CONFIG_FILE not in names:
        raise PackageError(f"{source.reference} is no model package: expected {CONFIG_FILE} in it. Received: {', '.join(sorted(names)[:5]) or 'no file'}")
    try:
        _fetch_all(source, commit, list(names))
        if damaged(source.folder(commit)):
            _mend(source, commit)
    except failures() as error:
        raise source.error("all files of the package", explain(error)) from error


def _fetch_all(source: _Source, commit: str, names: list[str]) -> None:
    repository, cache, anew = source.reference.repository, source.access.folder, source.access.anew
    source.hub.hf_hub_download(repository, CONFIG_FILE, revision=commit, cache_dir=cache, force_download=anew)
    listed = _listed(source, _read_config(source, commit), names)
    # What describes comes first: if the weights are there, so are the card and its figures.
    for files in filter(None, ([name for name in names if describes(name)], listed)):
        patterns = [escape(name) for name in files]
        source.hub.snapshot_download(repository, revision=commit, cache_dir=cache, force_download=anew, allow_patterns=patterns)


def _read_config(source: _Source, commit: str) -> ModelConfig:
    if CONFIG_FILE in damaged(source.folder(commit)):
        _fetch_anew(source, commit, CONFIG_FILE)
    try:
        return read_config(source.folder(commit))
    except PackageError as error:
        raise PackageError(f"{source.reference} at commit {commit} is refused. {error}") from error


def _listed(source: _Source, config: ModelConfig, names: Iterable[str]) -> list[str]:
    """The files that the package vouches for; all of them must be in the repository."""
    listed = [*dict.fromkeys((*model_files(config), *config.files))]
    missing = [name for name in listed if name not in names]
    if missing:
        raise PackageError(f"{source.reference} is incomplete on {endpoint()}: expected {missing[0]}. Received: no such file")
    return listed


def _mend(source: _Source, commit: str) -> None:
    """Fetch anew what is damaged; `fersys.json` first, for it says what the others should be."""
    folder = source.folder(commit)
    _fetch_anew(source, commit, CONFIG_FILE)
    for name in damaged(folder):
        _fetch_anew(source, commit, name)
    still = damaged(folder)
    if still:
        raise PackageError(_refusal(source, commit, still))


def _fetch_anew(source: _Source, commit: str, name: str) -> None:
    path = source.folder(commit) / name
    if not path.is_symlink():  # where links are not allowed the client would keep this copy
        path.unlink(missing_ok=True)
    source.hub.hf_hub_download(source.reference.repository, name, revision=commit, cache_dir=source.access.folder, force_download=True)


def _refusal(source: _Source, commit: str, names: list[str]) -> str:
    try:
        check_package(source.folder(commit))
        reason = f"{names[0]} has another hash than the hub says"
    except PackageError as error:
        reason = str(error)
    return (
        f"{source.reference} at commit {commit} is refused: {', '.join(names)} was damaged or tampered with on {endpoint()} (fetched twice). {reason}. "
        f"Take another commit, or tell {source.reference.repository.partition('/')[0]}; delete {source.storage} to try once more"
    )
