"""What repositories, branches, tags and files may be called: the rules of git and of the real hub."""

import re

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id

from hub.local.refusals import RefusalError

KINDS = ("models", "datasets", "spaces")
COMMIT = re.compile(r"[0-9a-f]{40}")
_REFERENCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,254}")
_LONGEST_PATH = 1024


def check_repository(name: str) -> str:
    """Return "owner/name". Raises RefusalError (400) for any other form."""
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise RefusalError(400, f"Invalid repository name: {error}") from error
    if name.count("/") != 1:
        raise RefusalError(400, f"Invalid repository name: expected owner/name. Received: {name!r}")
    return name


def is_repository(name: str) -> bool:
    """Whether a repository may have this name."""
    try:
        check_repository(name)
    except RefusalError:
        return False
    return True


def check_reference(name: str) -> str:
    """Return the name of a branch or tag. Raises RefusalError (400) for what git does not allow, and for what looks like a commit."""
    broken = ".." in name or "//" in name or "/." in name or name.endswith((".", "/", ".lock")) or name.startswith("refs/")
    if broken or not _REFERENCE.fullmatch(name) or COMMIT.fullmatch(name):
        raise RefusalError(400, f"Invalid reference for a branch or tag. Received: {name!r}")
    return name


def check_path(path: str) -> str:
    """Return the path of a file in a repository. Raises RefusalError (400) for one that could lead out of it."""
    parts = path.split("/")
    odd = any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts)
    if odd or len(path) > _LONGEST_PATH or "\\" in path or not path.isprintable():
        raise RefusalError(400, f"Invalid path: expected names joined by /, without . or .. or .git. Received: {path!r}")
    return path
