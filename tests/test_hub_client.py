"""What the hub's client is told, and what is said of its errors."""

import logging
import subprocess
import sys
from json import JSONDecodeError
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import are_progress_bars_disabled  # type: ignore[attr-defined]

from fersys.hub_client import Access, bars_on_terminals_only, explain, first_line, hub_api, is_away, quiet

TOKEN = "hf_abcDEF123456"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(constants, "ENDPOINT", "http://hub.example")
    return "http://hub.example"


def test_the_client_asks_where_the_environment_says_with_the_token_that_is_given(elsewhere: str) -> None:
    hub = hub_api(Access(token=TOKEN))
    assert (hub.endpoint, hub.token) == (elsewhere, TOKEN)


def test_the_cache_is_that_of_this_machine_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "~/cache")
    assert Access().folder == Path("~/cache").expanduser()
    assert Access(cache=Path("mine")).folder == Path("mine")


@pytest.mark.parametrize("text", [f"Illegal header value b'Bearer {TOKEN}'", f"the token {TOKEN} is odd\nmore", "Bearer secret!value"])
def test_no_token_is_said(text: str) -> None:
    for said in (first_line(ValueError(text)), explain(OSError(text)), explain(ValueError(text))):
        assert TOKEN not in said
        assert "secret" not in said
        assert "\n" not in said


def test_an_error_without_words_is_named_by_its_kind() -> None:
    assert first_line(ConnectionResetError()) == "ConnectionResetError"


def test_what_answers_for_a_hub_counts_as_no_answer_and_a_full_disk_does_not() -> None:
    assert is_away(JSONDecodeError("Expecting value", "<html>", 0))
    assert is_away(ConnectionResetError())
    assert not is_away(OSError("No space left on device"))
    assert explain(OSError("No space left on device")) == "No space left on device"


def test_the_client_is_quiet_for_a_while() -> None:
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    with quiet():
        assert not logging.getLogger("huggingface_hub.file_download").isEnabledFor(logging.WARNING)
    assert logger.level == before


def test_progress_bars_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", None)
    for terminal in (True, False):
        monkeypatch.setattr(sys.stderr, "isatty", lambda answer=terminal: answer)
        with bars_on_terminals_only():
            assert are_progress_bars_disabled() == (not terminal)
        assert not are_progress_bars_disabled()


def test_importing_the_core_and_its_command_does_not_import_the_client() -> None:
    code = "import sys, fersys, fersys.__main__, fersys.snapshots, fersys.cached, fersys.pull; print('huggingface_hub' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
