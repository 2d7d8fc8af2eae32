"""Copies of packages: there whole or not at all."""

import shutil
import uuid
from pathlib import Path

from fersys.config import CONFIG_FILE, read_config
from fersys.errors import PackageError
from fersys.hub_client import first_line
from fersys.integrity import describing_files
from fersys.package import check_package


def copy_package(package: Path, target: Path) -> None:
    """Copy what was checked to a folder, which is there whole or not at all.

    Raises:
        PackageError: if something else is there, or it cannot be written.
    """
    if _is_same(package, target):
        return
    _check_free(target)
    unfinished = target.with_name(f"unfinished-{target.name}-{uuid.uuid4().hex[:8]}")
    try:
        _copy_files(package, unfinished)
        if target.is_dir():
            target.rmdir()  # empty: elsewhere than on Linux nothing may lie where something is moved to
        unfinished.rename(target)
    except OSError as error:
        if not _is_same(package, target):  # or else another pull was faster
            raise PackageError(f"{target} cannot be written: expected a folder that may be made there. Received: {first_line(error)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _check_free(target: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise PackageError(f"{target} is taken: expected a new folder, an empty one, or one with this very package, undamaged. Received: something else")


def _copy_files(package: Path, target: Path) -> None:
    names = [CONFIG_FILE, *read_config(package).files, *(path.relative_to(package).as_posix() for path in describing_files(package))]
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / name, target / name)
    check_package(target)


def _is_same(package: Path, target: Path) -> bool:
    try:
        check_package(target)
        return (package / CONFIG_FILE).read_bytes() == (target / CONFIG_FILE).read_bytes()
    except (PackageError, OSError):
        return False
