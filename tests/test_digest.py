"""The SHA-256 of files."""

from pathlib import Path

import pytest

from fersys.digest import sha256


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),  # FIPS 180-2, appendix B.1
        (b"a" * 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),  # appendix B.3
    ],
    ids=["short", "long"],
)
def test_hashes_are_those_of_the_standard(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == expected
