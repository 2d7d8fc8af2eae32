"""What a user at the command line sees of an error."""

import pytest

from fersys.command import run_command
from fersys.errors import ImageError


def _fail() -> int:
    raise ImageError("Expected a picture. Received: nothing")


def _interrupt() -> int:
    raise KeyboardInterrupt


def test_the_command_s_own_exit_code_is_returned(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(lambda: 3, debug=False) == 3
    assert capsys.readouterr() == ("", "")


def test_an_error_of_ours_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(_fail, debug=False) == 1
    assert capsys.readouterr() == ("", "error: Expected a picture. Received: nothing\n")


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(ImageError):
        run_command(_fail, debug=True)


def test_another_error_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0, debug=False)


@pytest.mark.parametrize(("word", "line"), [("stopped", "stopped\n"), ("", "")])
def test_ctrl_c_says_a_word_and_gives_the_shell_s_code(word: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(_interrupt, debug=False, stopped=word) == 130
    assert capsys.readouterr().err == line
