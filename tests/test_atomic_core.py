"""Files that are there whole or not at all; more in tests/test_atomic.py."""

from pathlib import Path

import pytest

from fersys.atomic import replacing


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_after_an_error_nothing_half_is_left(tmp_path: Path, kind: type[BaseException]) -> None:
    with pytest.raises(kind), replacing(tmp_path / "a.txt") as unfinished:  # noqa: PT012
        unfinished.write_text("half")
        raise kind
    assert list(tmp_path.iterdir()) == []
