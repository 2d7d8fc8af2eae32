"""Release files are the same whoever makes them, and can be checked with the system's own tool."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from fersys.package import check_package
from hub.archives import SUMS_FILE, write_release
from hub.inspection import inspect_package
from hub.parcel import Parcel
from tests.made_pushable import make_pushable


@pytest.fixture
def parcels(tmp_path: Path) -> list[Parcel]:
    return [inspect_package(make_pushable(tmp_path, name, seed=seed)) for seed, name in enumerate(["first", "second"])]


def test_an_archive_holds_the_package_whole(parcels: list[Parcel], tmp_path: Path) -> None:
    names = [path.name for path in write_release(parcels, tmp_path / "dist", "1.2.3")]
    assert names == ["first-1.2.3.tar.gz", "second-1.2.3.tar.gz", SUMS_FILE]
    with tarfile.open(tmp_path / "dist" / names[0]) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert check_package(tmp_path / "unpacked" / "first").name == "first"
    unpacked = tmp_path / "unpacked" / "first"
    assert {name: (unpacked / name).read_bytes() for name in parcels[0].files} == {name: path.read_bytes() for name, path in parcels[0].files.items()}


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(parcels: list[Parcel], tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_release(parcels, tmp_path / "a", "1")]
    for parcel in parcels:
        for path in parcel.files.values():
            os.utime(path, (1_000_000_000, 1_000_000_000))
            path.chmod(0o600)
    turned = [Parcel(parcel.name, dict(reversed(parcel.files.items()))) for parcel in parcels]
    assert [path.read_bytes() for path in write_release(turned, tmp_path / "b", "1")] == first


def test_an_archive_tells_nothing_of_the_machine(parcels: list[Parcel], tmp_path: Path) -> None:
    path = write_release(parcels, tmp_path / "dist", "1")[0]
    with tarfile.open(path) as archive:
        about = {(entry.uid, entry.gid, entry.uname, entry.gname, entry.mode, entry.mtime) for entry in archive}
    assert about == {(0, 0, "", "", 0o644, 315_532_800)}
    assert path.read_bytes()[4:8] == b"\0\0\0\0"  # gzip's own time


def test_the_sums_are_those_of_the_files(parcels: list[Parcel], tmp_path: Path) -> None:
    *archives, sums = write_release(parcels, tmp_path / "dist", "1")
    expected = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in archives]
    assert sums.read_text().splitlines() == expected


def test_sha256sum_checks_the_sums_and_notices_a_flipped_byte(parcels: list[Parcel], tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum on this machine")
    first, *_ = write_release(parcels, tmp_path / "dist", "1")
    command = ["sha256sum", "-c", SUMS_FILE]
    assert subprocess.run(command, cwd=tmp_path / "dist", capture_output=True, check=False).returncode == 0
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(content)
    assert subprocess.run(command, cwd=tmp_path / "dist", capture_output=True, check=False).returncode == 1
