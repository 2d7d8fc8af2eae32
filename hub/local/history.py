"""What the hub answers about commits, branches and tags."""

from starlette.responses import JSONResponse, PlainTextResponse, Response

from hub.local import changes, described
from hub.local.accounts import need_account
from hub.local.calls import Call
from hub.local.names import check_reference
from hub.local.refusals import RefusalError
from hub.local.store import MAIN
from hub.local.wire import read_proposal


def log(call: Call) -> Response:
    """The commits of a branch, newest first."""
    sha: str | None = call.commit().sha
    lines = []
    while sha is not None:
        commit = call.repository.commit(sha)
        lines.append(described.log_line(commit))
        sha = commit.parent
    return JSONResponse(lines)


def references(call: Call) -> Response:
    """Branches and tags."""
    return JSONResponse(described.references(call.repository.references()))


def commit(call: Call) -> Response:
    """A new commit on a branch."""
    if call.flag("create_pr"):
        raise RefusalError(400, "This hub has no pull requests")
    repository = call.writable
    sha = changes.commit(repository, call.revision, read_proposal(call.body), need_account(call.account).name)
    return JSONResponse({"success": True, "commitOid": sha, "commitUrl": f"{call.page(repository)}/commit/{sha}", "hookOutput": ""})


def tag(call: Call) -> Response:
    """Give a commit a name that stays."""
    return _point(call, "tags", str(call.fields.get("tag", "")), call.revision)


def untag(call: Call) -> Response:
    """Take the name away again."""
    return _forget(call, "tags", call.revision)


def branch(call: Call) -> Response:
    """A new branch."""
    return _point(call, "branches", call.revision, str(call.fields.get("startingPoint", MAIN)))


def unbranch(call: Call) -> Response:
    """Delete a branch."""
    if call.revision == MAIN:
        raise RefusalError(403, f"Cannot delete the branch {MAIN}")
    return _forget(call, "branches", call.revision)


def _point(call: Call, kind: str, name: str, revision: str) -> Response:
    repository = call.writable
    with repository.locked():
        references, sha = repository.references(), repository.resolve(revision)
        if check_reference(name) in references[kind]:
            raise RefusalError(409, f"Reference already exists: {name}")
        references[kind][name] = sha
        repository.set_references(references)
    return PlainTextResponse("OK")


def _forget(call: Call, kind: str, name: str) -> Response:
    repository = call.writable
    with repository.locked():
        references = repository.references()
        if references[kind].pop(name, None) is None:
            raise RefusalError(404, f"Reference does not exist: {name}", "RevisionNotFound")
        repository.set_references(references)
    return PlainTextResponse("OK")
