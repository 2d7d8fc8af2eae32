"""What is wrong with a package that was fetched: all of it, where `check_package` names the first file.

Files are compared with the SHA-256 in `fersys.json`, and those that are not listed there (`fersys.json` itself, the
card, its figures) with the hash that the hub knows them by.
"""

import hashlib
import re
from pathlib import Path

from fersys.config import CONFIG_FILE, ModelConfig, read_config
from fersys.errors import PackageError
from fersys.package import CARD_FILE, model_files

_DESCRIBING = re.compile(rf"{re.escape(CARD_FILE)}|LICENSE(?:\.\w+)?|figures/[\w-]+\.(?:png|svg|jpg|json)", re.ASCII)


def is_whole(folder: Path) -> bool:
    """Say whether a folder holds a package of which nothing is missing or damaged."""
    return folder.is_dir() and not damaged(folder)


def damaged(folder: Path) -> list[str]:
    """Return the names of the files that are missing or not what they should be; `fersys.json` alone if it cannot be read."""
    try:
        config = read_config(folder)
    except PackageError:
        return [CONFIG_FILE]
    describing = [path for path in (folder / CONFIG_FILE, *describing_files(folder)) if not _is_intact(path)]
    listed = dict.fromkeys((*model_files(config), *config.files))
    return [*(path.relative_to(folder).as_posix() for path in describing), *(name for name in listed if not _is_vouched_for(folder, config, name))]


def describes(name: str) -> bool:
    """Say whether a file of this name only describes a package: it is fetched with it, and nothing that it says is loaded."""
    return bool(_DESCRIBING.fullmatch(name))


def describing_files(folder: Path) -> list[Path]:
    """Return the files of a package that only describe it."""
    return sorted(path for path in folder.rglob("*") if describes(path.relative_to(folder).as_posix()))


def _is_vouched_for(folder: Path, config: ModelConfig, name: str) -> bool:
    path = folder / name
    return path.is_file() and config.files.get(name) == _digest("sha256", path)


def _is_intact(path: Path) -> bool:
    """Compare a file with the name of its blob, which is its hash: of git, or SHA-256 if it is a large file.

    Where the file system has no links there is no such name, and nothing to compare.
    """
    if not path.is_file():
        return False
    name = path.readlink().name if path.is_symlink() else ""  # one link: a blob may be a link itself, to a store that all repositories share
    if re.fullmatch(r"[0-9a-f]{40}", name):
        return name == _digest("sha1", path, b"blob %d\0" % path.stat().st_size)
    return not re.fullmatch(r"[0-9a-f]{64}", name) or name == _digest("sha256", path)


def _digest(kind: str, path: Path, prefix: bytes = b"") -> str:
    digest = hashlib.new(kind, prefix, usedforsecurity=kind != "sha1")
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
