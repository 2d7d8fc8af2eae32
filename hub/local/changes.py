"""Makes commits: all of a proposal or nothing, one after the other."""

from hub.local import cards
from hub.local.refusals import RefusalError
from hub.local.store import Commit, Entry, Note, Repository
from hub.local.wire import Operation, Point, Proposal, Put, Remove

Files = dict[str, Entry]


def commit(repository: Repository, branch: str, proposal: Proposal, author: str) -> str:
    """Commit a proposal on top of a branch; the new commit's SHA.

    Raises:
        RefusalError: 404 if the branch, or a file to delete, is not there; 412 if the proposal was made on another commit
            than the newest; 400 if a large file was not uploaded or the result is no tree of files.
    """
    with repository.locked():
        references = repository.references()
        head = references["branches"].get(branch)
        if head is None:
            raise RefusalError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        if proposal.parent not in {None, head}:
            raise RefusalError(412, "A commit has happened since. Please refresh and try again.")
        files = _apply(repository, repository.commit(head).files, proposal.operations)
        sha = repository.add_commit(Commit(Note(proposal.title, proposal.message, author), head, files))
        references["branches"][branch] = sha
        repository.set_references(references)
        return sha


def _apply(repository: Repository, before: Files, operations: tuple[Operation, ...]) -> Files:
    files = dict(before)
    for operation in operations:
        if isinstance(operation, Remove):
            files = _without(files, operation)
        elif isinstance(operation, Point):
            files[operation.path] = _uploaded(repository, operation)
        else:
            files[operation.path] = _added(repository, operation)
    _check_tree(files)
    return files


def _without(files: Files, removed: Remove) -> Files:
    gone = {path for path in files if (path.startswith(f"{removed.path}/") if removed.is_folder else path == removed.path)}
    if not gone:
        raise RefusalError(404, f"A {'folder' if removed.is_folder else 'file'} with this name doesn't exist: {removed.path}", "EntryNotFound")
    return {path: entry for path, entry in files.items() if path not in gone}


def _uploaded(repository: Repository, point: Point) -> Entry:
    stored = repository.large_file(point.oid)
    if stored is None or point.size not in {None, stored.size}:
        raise RefusalError(400, f"Your push was rejected because an LFS pointer pointed to a file that does not exist: {point.path}")
    return stored


def _added(repository: Repository, put: Put) -> Entry:
    if put.path == "README.md":
        cards.front_matter(put.content.decode(errors="replace"))
    return repository.add_object(put.content)


def _check_tree(files: Files) -> None:
    """Raises RefusalError (400) if a file has the name of a folder."""
    folders = {path[:end] for path in files for end, letter in enumerate(path) if letter == "/"}
    if both := folders & files.keys():
        raise RefusalError(400, f"Expected each path to be a file or a folder. Received both: {sorted(both)}")
