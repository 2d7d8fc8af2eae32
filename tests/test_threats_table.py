"""docs/captcha.md says what is so: the tests that it names exist, its numbers are those of the code, its example works."""

import io
import re
import textwrap
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from app.captcha import dummies, verdicts
from app.captcha.settings import Settings
from app.captcha.tokens import MAX_LENGTH
from tests.made_captcha import HOST, Desk, make_desk

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


def test_the_example_works_with_the_key_for_trying_out_as_its_comment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = _example(make_desk(tmp_path), monkeypatch)
    names["SECRET"] = "fs-dummy-pass.secret"
    assert not names["is_human"]("any token")
    host, action = re.findall(r'# for the key fs-dummy-pass: "(.*)" and "(.*)"', PAGE)[0]
    names |= {"HOST": host, "ACTION": action}
    assert names["is_human"]("any token")


@pytest.mark.parametrize("fault", [TimeoutError("slow"), urllib.error.URLError("down"), urllib.error.HTTPError("", 503, "", Message(), None), None])
def test_the_example_lets_nobody_in_if_the_service_has_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: Exception | None
) -> None:
    names = _example(make_desk(tmp_path), monkeypatch)

    def urlopen(*_: object, **__: object) -> io.BytesIO:
        if fault is None:
            return io.BytesIO(b"no JSON")
        raise fault

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    assert names["is_human"]("a token") is False
    assert "has no answer" in capsys.readouterr().err


def test_each_code_stands_beside_the_status_that_it_comes_with(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, verify_rate="7 per 1 minute")
    rows: dict[str, set[str]] = {}
    for line in PAGE[PAGE.index("| code | HTTP status |") :].partition("\n\n")[0].splitlines()[2:]:
        codes, statuses, _ = line.strip("|").split(" | ")
        rows |= {code: set(re.findall(r"\d{3}", statuses)) for code in re.findall(r"`([\w-]+)`", codes)}
    spent, form = desk.solve()["token"], {"secret": desk.secret}
    assert desk.verify(spent)["success"]
    bodies = [
        {"x": "y"},
        {"secret": "x", "response": "x"},
        form | {"response": "x"},
        form | {"response": spent},
        form | {"response": "x", "idempotency_key": "short"},
    ]
    answers = [*(desk.client.post("/siteverify", data=body) for body in bodies), desk.client.get("/siteverify")]
    answers += [desk.client.post("/siteverify", content=b"x"), desk.client.post("/siteverify")]
    assert {code for answer in answers for code in answer.json()["error-codes"]} == set(rows) == set(verdicts.ERROR_CODES)
    for answer in answers:
        assert all(str(answer.status_code) in rows[code] for code in answer.json()["error-codes"])


def _example(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's Python defines, with its requests led to our desk."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    def urlopen(url: str, body: bytes, timeout: float) -> io.BytesIO:
        path = "/" + url.split("/", 3)[3]
        return io.BytesIO(desk.client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"}).content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setenv("CAPTCHA_SECRET", desk.secret)
    names: dict[str, Any] = {}
    exec(compile(textwrap.dedent(code).replace('"localhost"', f'"{HOST}"'), "docs/captcha.md", "exec"), names)
    return names
