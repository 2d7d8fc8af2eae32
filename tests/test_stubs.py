"""The shorter import of Gradio (`app.stubs`)."""

import subprocess
import sys

import pytest

_PRINT_WRITER = "import sys; {before}; import gradio.component_meta as meta; print(meta.create_or_modify_pyi.__module__); print(len(sys.meta_path))"


def printed(before: str) -> list[str]:
    code = _PRINT_WRITER.format(before=before)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_gradio_still_has_what_is_taken_out() -> None:
    assert printed("pass")[0] == "gradio.component_meta"


@pytest.mark.parametrize("calls", [1, 2])
def test_nothing_is_written_after_the_call(calls: int) -> None:
    untouched = int(printed("pass")[1])
    writer, finders = printed(f"from app import stubs; {'; '.join(['stubs.skip()'] * calls)}")
    assert writer == "app.stubs"
    assert int(finders) == untouched + 1


def test_components_keep_their_events() -> None:
    code = "from app import stubs; stubs.skip(); import gradio as gr; print(callable(gr.Image.upload), callable(gr.Button.click))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["True", "True"]
