"""Number format of a training (`train.precision`)."""

from pathlib import Path

import pytest

from train.config import RECIPES, FitConfig
from train.precision import precision_of


def facts(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: fpu {flags} sse\nbugs\t\t: amx_bf16_of_the_bugs\n")
    return path


@pytest.mark.parametrize("flag", ["amx_bf16", "avx512_bf16"])
def test_a_processor_with_bfloat16_trains_in_it(tmp_path: Path, flag: str) -> None:
    assert precision_of(FitConfig(), facts(tmp_path, f"avx2 {flag}")) == "mixed_bfloat16"


@pytest.mark.parametrize("flags", ["avx2 fma", "avx512f avx512_vnni", "not_amx_bf16"])
def test_a_processor_without_it_trains_in_float32(tmp_path: Path, flags: str) -> None:
    assert precision_of(FitConfig(), facts(tmp_path, flags)) == "float32"


def test_an_unknown_processor_trains_in_float32(tmp_path: Path) -> None:
    assert precision_of(FitConfig(), tmp_path / "none") == "float32"
    (tmp_path / "empty").touch()
    assert precision_of(FitConfig(), tmp_path / "empty") == "float32"


@pytest.mark.parametrize("wanted", ["float32", "mixed_bfloat16"])
def test_a_chosen_precision_is_kept(tmp_path: Path, wanted: str) -> None:
    for flags in ("avx2", "amx_bf16"):
        assert precision_of(FitConfig(precision=wanted), facts(tmp_path, flags)) == wanted


def test_every_recipe_lets_the_processor_choose() -> None:
    assert {config.precision for config in RECIPES.values()} == {"auto"}
