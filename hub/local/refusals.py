"""How the hub says no: a status, a code that clients branch on, and a sentence for people."""

from collections.abc import Mapping

from fersys.errors import FerSysError


class RefusalError(FerSysError):
    """A request that is answered with an error.

    Args:
        status: of HTTP, 400 to 499.
        message: what a person reads.
        code: RepoNotFound, RevisionNotFound, EntryNotFound or GatedRepo, by which clients choose their exception.
        details: what else the JSON body holds.
        commit: that the error holds for, if the repository was found.
    """

    def __init__(self, status: int, message: str, code: str = "", details: Mapping[str, str] | None = None, commit: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.details, self.commit = status, message, code, dict(details or {}), commit

    def headers(self) -> dict[str, str]:
        """The hub's error headers, without those that have nothing to say."""
        said = " ".join(self.message.encode("ascii", "replace").decode().split())  # a header is one line of ASCII
        headers = {"X-Error-Message": said, "X-Error-Code": self.code, "X-Repo-Commit": self.commit}
        return {name: value for name, value in headers.items() if value}
