"""docs/captcha.md says what is so: the tests that it names exist, its numbers are those of the code, its example works."""

import io
import re
import textwrap
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from app.captcha import dummies, verdicts
from app.captcha.settings import Settings
from app.captcha.tokens import MAX_LENGTH
from tests.made_captcha import Desk, make_desk

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "captcha.md").read_text(encoding="utf-8")
_TABLE = PAGE[PAGE.index("| Attack |") :].partition("\n\n")[0]
ROWS = [line.strip("|").split(" | ") for line in _TABLE.splitlines()[2:]]
NAMED = sorted(set(re.findall(r"`(tests/\w+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip()[:40])
def test_each_threat_names_what_holds_it(row: list[str]) -> None:
    assert len(row) == 3
    assert re.search(r"`tests/\w+\.py::\w+`|`make [a-z-]+`", row[2])


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_named_test_is_there(file: str, name: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(def {name}\(|{name} = )", text, re.MULTILINE), f"{file} has no {name}"


def test_each_file_of_threats_is_named() -> None:
    files = {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_threats_*.py")}
    assert files - {file for file, _ in NAMED} == {"tests/test_threats_table.py"}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z-]+)`", PAGE))))
def test_each_named_command_is_there(target: str) -> None:
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_contract_s_numbers_are_those_of_the_code() -> None:
    settings = Settings(Path("unused"))
    (life,) = re.findall(r"\| token life .*\| (\d+) s from the pass; before it (\d+) s for the faces, (\d+) s for the puzzle \|", PAGE)
    assert life == (f"{settings.token_life}", f"{settings.solve_life}", f"{settings.work_life}")
    assert f"answered alike for {settings.retry_life} s" in PAGE
    assert PAGE.count(f"≤ {MAX_LENGTH}") == 2
    assert (settings.failures, settings.failure_window, settings.retention_days) == (5, 180, 30)


def test_every_error_code_and_dummy_is_explained() -> None:
    for word in (*verdicts.ERROR_CODES, *dummies.SITE_KEYS):
        assert f"`{word}`" in PAGE


def test_every_field_of_an_answer_is_named() -> None:
    (answer,) = re.findall(r"\| answer \|.*\| ([^|]+) \|", PAGE)
    assert re.findall(r"`([\w-]+)`", answer) == list(verdicts.unverified())


def test_the_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (ROOT / "docs" / link).exists(), link


def test_the_example_of_a_backend_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk(tmp_path)
    names = _example(desk, monkeypatch)
    token = desk.solve(action="login")["token"]
    assert [names["is_human"](token) for _ in range(2)] == [True, False]
    assert not names["is_human"](desk.solve(action="signup")["token"])
    assert not names["is_human"]("nonsense")


def _example(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's Python defines, with its requests led to our desk."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    def urlopen(url: str, body: bytes, timeout: float) -> io.BytesIO:
        path = "/" + url.split("/", 3)[3]
        return io.BytesIO(desk.client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"}).content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    names: dict[str, Any] = {"SECRET": desk.secret}
    exec(compile(textwrap.dedent(code).replace("shop.example", "example.org"), "docs/captcha.md", "exec"), names)
    return names
