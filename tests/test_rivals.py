"""Workers that answer, that fail, and that are no interpreter at all."""

import sys
from pathlib import Path

import pytest

from fersys.errors import ModelError
from train.rivals import ONE_THREAD, flops, opened, peak_flops


def test_a_worker_answers_one_time_after_another_and_ends(tmp_path: Path) -> None:
    with opened("numpy", tmp_path, environment=ONE_THREAD) as rival:
        assert rival.rows == ("matrix product",)
        assert all(rival.milliseconds("matrix product") > 0 for _ in range(2))
    with pytest.raises((ModelError, ValueError)):
        rival.milliseconds("matrix product")


def test_what_the_library_says_last_is_the_reason(tmp_path: Path) -> None:
    settings = {"DEEPFACE_HOME": str(tmp_path), "DEEPFACE_BACKEND_ENGINE": "onnx"}
    with (
        pytest.raises(ModelError, match=r"Received: FileNotFoundError: .*frame\.npy"),
        opened("deepface", tmp_path, environment=settings),
    ):
        pytest.fail("opened")


def test_a_row_that_there_is_not_ends_the_worker_with_a_reason(tmp_path: Path) -> None:
    with opened("numpy", tmp_path) as rival, pytest.raises(ModelError, match="KeyError: 'none'"):
        rival.milliseconds("none")


def test_no_interpreter_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"interpreter to time with\. Received: .*nobody"), opened("numpy", tmp_path, python=str(tmp_path / "nobody")):
        pytest.fail("opened")


def test_a_library_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    try:
        import fer  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError:
        with pytest.raises(ModelError, match="No module named 'fer'"), opened("fer", tmp_path, python=sys.executable):
            pytest.fail("opened")


def test_operations_a_second_are_those_of_the_product() -> None:
    assert flops(1000.0) == 2 * 2048**3
    assert flops(100.0) == pytest.approx(20 * 2048**3)
    assert peak_flops(rounds=1) > 1e8
