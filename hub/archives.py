"""Release files: an archive a package, and a list of their hashes that `sha256sum -c SHA256SUMS` checks.

The same files give the same archive, byte for byte, whoever makes it and whenever (with the same zlib).
"""

import gzip
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fersys.atomic import replacing
from fersys.digest import sha256
from hub.parcel import Parcel

SUMS_FILE = "SHA256SUMS"
_EPOCH = 315_532_800  # 1980-01-01: the earliest time that every archive format can hold


def write_release(parcels: Sequence[Parcel], folder: Path, version: str) -> list[Path]:
    """Write `<name>-<version>.tar.gz` of each parcel, and `SHA256SUMS`.

    Returns:
        the files written; each is there whole or not at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archives = [_write_archive(parcel, folder, f"{parcel.name}-{version}") for parcel in parcels]
    sums = folder / SUMS_FILE
    with replacing(sums) as unfinished:
        unfinished.write_text("".join(f"{sha256(path)}  {path.name}\n" for path in archives), encoding="utf-8", newline="\n")
    return [*archives, sums]


def _write_archive(parcel: Parcel, folder: Path, stem: str) -> Path:
    path = folder / f"{stem}.tar.gz"
    with replacing(path) as unfinished, _opened(unfinished) as tar:
        for name, source in sorted(parcel.files.items()):
            _add(tar, f"{parcel.name}/{name}", source)
    return path


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """An archive whose head names neither file nor time."""
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield tar


def _add(tar: tarfile.TarFile, name: str, source: Path) -> None:
    entry = tarfile.TarInfo(name)  # no owner, no rights and no time of this machine
    entry.size, entry.mtime, entry.mode = source.stat().st_size, _EPOCH, 0o644
    with source.open("rb") as content:
        tar.addfile(entry, content)
