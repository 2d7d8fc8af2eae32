"""Models in the convention of the hub's library: `from_pretrained`, `save_pretrained`, `push_to_hub`.

    from fersys.pretrained import ExpressionModel

    model = ExpressionModel.from_pretrained("you/name", revision="v1.0.0")
    model.predict([crop])
    model.save_pretrained("models/name")
    model.push_to_hub("me/name", private=True)

`fersys.load("you/name@v1.0.0")` is the same without the convention. `python -m hub push` says more, tags, and deletes
what is gone from the package.

Of `ModelHubMixin` the push is used. Its own loading and saving are not: they fetch a `config.json` that nobody checked
and write one; in our packages a file of that name is Keras' own. They would also make a card that says nothing.
Importing this module imports `huggingface_hub`; `import fersys` does not.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from huggingface_hub import ModelHubMixin

from fersys.copies import copy_package
from fersys.errors import HubError
from fersys.hub_client import Access, endpoint, explain, failures
from fersys.package import check_package, load
from fersys.recognizers.base import Probabilities
from fersys.reference import Reference, read_reference
from fersys.results import Image
from fersys.snapshots import pull_model


class ExpressionModel(ModelHubMixin):
    """A recogniser and the package that it comes from; keeps the promises of `fersys.recognizers.base.Recognizer`.

    Args:
        folder: a package, all of it.

    Raises:
        PackageError: if the folder is no package, or one of its files is missing or changed.
        ModelError: if it cannot be run here.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        check_package(self.folder)
        self._recognizer = load(self.folder)

    @property
    def name(self) -> str:
        """The model's name, by which programs and tables tell its answers."""
        return self._recognizer.name

    @property
    def title(self) -> str:
        """What people are shown beside its answers."""
        return self._recognizer.title

    @property
    def certainty(self) -> float:
        """The top probability, 0–1, below which an answer is "not sure"; 0: never."""
        return self._recognizer.certainty

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        """Return float32 (n, 7), columns in the order of `EMOTIONS`, of n crops: RGB uint8 (H, W, 3) each."""
        return self._recognizer.predict(crops)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, *, revision: str | None = None, **settings: Any) -> Self:
        """Load a package of a folder, or of a hub.

        Args:
            pretrained_model_name_or_path: a folder, or "owner/name" (or "owner/name@revision").
            revision: branch, tag or commit; of a folder it says nothing.
            settings: `token`, `cache_dir`, `local_files_only` and `force_download`, as the library has them.

        Raises:
            HubError: if the hub does not give it, and it was not pulled before.
            PackageError: if it is no package, or a damaged one.
            ModelError: if it cannot be run here.
        """
        place = read_reference(pretrained_model_name_or_path)
        if isinstance(place, Path):
            return cls(place)
        return cls(pull_model(Reference(place.repository, revision or place.revision), access=_access(**settings)).folder)

    def save_pretrained(self, save_directory: str | Path, *, repo_id: str | None = None, push_to_hub: bool = False, **settings: Any) -> str | None:
        """Copy the package to a folder, which is there whole or not at all; and push it, if that is wished.

        Args:
            save_directory: a new folder, an empty one, or one that holds this very package.
            repo_id: where to push it; None: the folder's name.
            push_to_hub: whether to push it.
            settings: as `push_to_hub` takes them.

        Returns:
            the address of the commit, if it was pushed.

        Raises:
            PackageError: if the folder holds something else, or the package was changed since it was loaded.
            HubError: if the hub refuses.
        """
        target = Path(save_directory).expanduser()
        copy_package(self.folder, target)
        return self.push_to_hub(repo_id or target.name, **settings) if push_to_hub else None

    def push_to_hub(self, repo_id: str, **settings: Any) -> str:
        """Make the repository if it is not there, and put the package into it in one commit, its own card with it.

        Args:
            repo_id: "owner/name".
            settings: `private`, `token`, `branch`, `commit_message` and so on, as `ModelHubMixin.push_to_hub` has them.

        Returns:
            the address of the commit.

        Raises:
            PackageError: if the package was changed since it was loaded; nothing was sent then.
            HubError: if the hub refuses.
        """
        check_package(self.folder)
        try:
            return str(super().push_to_hub(repo_id, **settings))
        except failures() as error:
            raise HubError(f"{repo_id} cannot be pushed to {endpoint()}: expected a place that may be written to. Received: {explain(error)}") from error


def _access(token: str | bool | None = None, cache_dir: str | Path | None = None, local_files_only: bool = False, force_download: bool = False) -> Access:
    return Access(token, Path(cache_dir) if cache_dir else None, local_files_only, force_download)
