"""The sample site: nobody writes without a good token, whichever service it asks."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.captcha.dummies import TOKEN
from tests.made_captcha import solution_of
from tests.made_site import ACTION, Town, answering, built, load_example

SITE = load_example()
WORDS = {"name": "Ada", "words": "Hello"}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with built(tmp_path) as town:
        yield town


def write(book: Any, **fields: str) -> tuple[int, str]:
    """Send the form in: the status, and the page if it was refused."""
    answer = TestClient(SITE.build_app(book)).post("/", data=WORDS | fields, follow_redirects=False)
    return answer.status_code, answer.text


def token_of(town: Town, **fields: str) -> str:
    asked = {"sitekey": town.book.settings.site_key, "hostname": "localhost", "action": ACTION, **fields}
    offered = town.desk.client.post("/captcha/v1/work", json=asked).json()
    answer = town.desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered))
    return str(answer.json()["token"])


def test_with_a_token_an_entry_is_written_and_with_the_same_one_none(town: Town) -> None:
    token = token_of(town)
    assert write(town.book, **{"fersys-captcha-response": token})[0] == 303
    status, page = write(town.book, **{"fersys-captcha-response": token})
    assert (status, "used before" in page) == (403, True)
    assert town.entries == [("Ada", "Hello")]


@pytest.mark.parametrize("fields", [{}, {"fersys-captcha-response": ""}, {"fersys-captcha-response": "made up"}, {"cf-turnstile-response": "other"}])
def test_without_a_good_token_nothing_is_written(town: Town, fields: dict[str, str]) -> None:
    assert write(town.book, **fields)[0] == 403
    assert town.entries == []


def test_a_token_that_is_too_old_is_not_taken(town: Town) -> None:
    token = token_of(town)
    town.desk.clock.advance(120)
    assert write(town.book, **{"fersys-captcha-response": token})[0] == 403
    assert town.entries == []


@pytest.mark.parametrize(("secret", "status"), [("fs-dummy-pass.secret", 303), ("fs-dummy-fail.secret", 403), ("fs-dummy-spent.secret", 403)])
def test_our_dummy_keys(tmp_path: Path, secret: str, status: int) -> None:
    with built(tmp_path, keys=(secret.partition(".")[0], secret)) as town:
        assert write(town.book, **{"fersys-captcha-response": TOKEN})[0] == status
        assert len(town.entries) == (status == 303)
        assert write(town.book)[0] == 403


Verdict = dict[str, Any]
GOOD: Verdict = {"success": True, "challenge_ts": "2026-11-26T00:00:00.000Z", "hostname": "localhost", "error-codes": [], "action": ACTION, "cdata": ""}
BAD: Verdict = {"success": False, "error-codes": ["timeout-or-duplicate"]}


def turnstile(answer: Callable[[dict[str, str]], JSONResponse]) -> Starlette:
    """A stand-in that has Turnstile's path, fields and answers."""

    async def verify(request: Request) -> JSONResponse:
        form = await request.form()
        return answer({name: str(value) for name, value in form.items()})

    return Starlette(routes=[Route("/turnstile/v0/siteverify", verify, methods=["POST"])])


def book_at(port: int, **variables: str) -> Any:
    environment = {"VERIFY_URL": f"http://localhost:{port}/turnstile/v0/siteverify", "SITE_KEY": "0x4key", "SECRET_KEY": "0x4secret", **variables}
    return SITE.GuestBook(SITE.read_settings(environment))


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (GOOD, 303),
        (BAD, 403),
        (GOOD | {"hostname": "elsewhere.example"}, 403),
        (GOOD | {"action": "another"}, 403),
        (GOOD | {"success": "true"}, 403),
        ({}, 403),
    ],
)
def test_turnstile_takes_our_place_by_a_url_and_two_keys(verdict: Verdict, status: int) -> None:
    heard: list[dict[str, str]] = []

    def answer(fields: dict[str, str]) -> JSONResponse:
        heard.append(fields)
        return JSONResponse(verdict)

    with answering(turnstile(answer)) as port:
        book = book_at(port)
        assert write(book, **{"cf-turnstile-response": "their token"})[0] == status
        page = TestClient(SITE.build_app(book)).get("/").text
    (fields,) = heard
    assert (fields["secret"], fields["response"]) == ("0x4secret", "their token")
    assert '<div class="cf-turnstile" data-sitekey="0x4key"' in page
    assert f'<script src="http://localhost:{port}/turnstile/v0/api.js"' in page
    assert len(book.entries) == (status == 303)


def test_turnstile_s_dummy_secret_is_taken_although_its_answer_names_another_host() -> None:
    with answering(turnstile(lambda _: JSONResponse(GOOD | {"hostname": "example.com", "action": "test"}))) as port:
        book = book_at(port, SITE_KEY="1x00000000000000000000AA", SECRET_KEY="1x0000000000000000000000000000000AA")
        assert write(book, **{"cf-turnstile-response": "XXXX.DUMMY.TOKEN.XXXX"})[0] == 303


def test_an_answer_that_failed_is_asked_for_once_more_under_the_same_key() -> None:
    keys: list[str] = []

    def answer(fields: dict[str, str]) -> JSONResponse:
        keys.append(fields["idempotency_key"])
        return JSONResponse(GOOD, 200 if len(keys) == 2 else 503)

    with answering(turnstile(answer)) as port:
        assert write(book_at(port), **{"cf-turnstile-response": "x"})[0] == 303
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert str(uuid.UUID(keys[0], version=4)) == keys[0]


def test_if_the_service_does_not_answer_nobody_writes() -> None:
    with answering(turnstile(lambda _: JSONResponse({}, 500))) as port:
        book = book_at(port)
        assert write(book, **{"cf-turnstile-response": "x"})[0] == 503
    assert write(book, **{"cf-turnstile-response": "x"})[0] == 503  # nobody is there any more
    assert book.entries == []


def test_an_answer_that_breaks_off_does_not_call_a_token_used() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"500")]})
        await send({"type": "http.response.body", "body": b'{"success": true', "more_body": True})

    with answering(broken) as port:
        book = book_at(port)
        said, page = write(book, **{"cf-turnstile-response": "x"})
    assert (said, book.entries) == (503, [])
    assert "wait and try again" in page


@pytest.mark.parametrize("status", [429, 503, 200])
def test_a_service_that_had_no_time_does_not_call_a_token_used(status: int) -> None:
    verdict = {"success": False, "error-codes": ["internal-error"]}
    with answering(turnstile(lambda _: JSONResponse(verdict if status == 200 else BAD, status))) as port:
        book = book_at(port)
        said, page = write(book, **{"cf-turnstile-response": "x"})
    assert (said, book.entries) == (503, [])
    assert "wait and try again" in page
    assert "used before" not in page


def test_who_asks_us_too_fast_is_told_to_wait(tmp_path: Path) -> None:
    with built(tmp_path, verify_rate="1 per 1 minute") as town:
        tokens = [token_of(town) for _ in range(2)]
        assert write(town.book, **{"fersys-captcha-response": tokens[0]})[0] == 303
        status, page = write(town.book, **{"fersys-captcha-response": tokens[1]})
        assert (status, "wait and try again" in page) == (503, True)
        town.desk.clock.advance(60)
        assert write(town.book, **{"fersys-captcha-response": tokens[1]})[0] == 303  # it was not spent


SECRET, TOKEN_SENT = "0x4secret", "their-token"


@pytest.mark.parametrize(
    ("codes", "status", "said"),
    [
        (["invalid-input-secret"], 500, "tell its owner"),
        (["missing-input-secret"], 500, "tell its owner"),
        (["bad-request"], 500, "tell its owner"),
        (["timeout-or-duplicate"], 403, "used before, or is too old"),
        (["invalid-input-response"], 403, "not valid for this site"),
        (["a-code-of-tomorrow"], 403, "not valid for this site"),
        (["internal-error"], 503, "wait and try again"),
    ],
)
def test_each_refusal_has_words_of_its_own_and_is_written_to_the_log(capsys: pytest.CaptureFixture[str], codes: list[str], status: int, said: str) -> None:
    with answering(turnstile(lambda _: JSONResponse({"success": False, "error-codes": codes}))) as port:
        answered, page = write(book_at(port), **{"cf-turnstile-response": TOKEN_SENT})
    assert (answered, said in page) == (status, True)
    log = capsys.readouterr().err
    assert f"CAPTCHA refused ({status})" in log
    assert codes[0] in log or status == 503
    assert SECRET not in log
    assert TOKEN_SENT not in log


@pytest.mark.parametrize("codes", [[TOKEN_SENT + " 1"], ["line\nbreak"], [7], "text", 7, None, {"a": 1}])
def test_what_is_no_error_code_is_not_written_to_the_log(capsys: pytest.CaptureFixture[str], codes: Any) -> None:
    with answering(turnstile(lambda _: JSONResponse({"success": False, "error-codes": codes}))) as port:
        assert write(book_at(port), **{"cf-turnstile-response": TOKEN_SENT})[0] == 403
    assert capsys.readouterr().err == "CAPTCHA refused (403): the answer names no error code\n"


@pytest.mark.parametrize("status", [429, 503])
def test_why_the_service_gave_no_answer_is_written_to_the_log(capsys: pytest.CaptureFixture[str], status: int) -> None:
    with answering(turnstile(lambda _: JSONResponse({}, status))) as port:
        write(book_at(port), **{"cf-turnstile-response": TOKEN_SENT})
    assert f"HTTP Error {status}" in capsys.readouterr().err
    write(book_at(port), **{"cf-turnstile-response": TOKEN_SENT})  # nobody is there any more
    assert "refused" in capsys.readouterr().err.partition("does not answer")[2]


def test_a_token_of_another_host_is_named_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(turnstile(lambda _: JSONResponse(GOOD | {"hostname": "elsewhere.example"}))) as port:
        assert "not valid for this site" in write(book_at(port), **{"cf-turnstile-response": TOKEN_SENT})[1]
    assert "elsewhere.example" in capsys.readouterr().err


@pytest.mark.parametrize("verdict", [None, BAD, {"success": False, "error-codes": ["invalid-input-secret"]}, {"error-codes": ["internal-error"]}])
def test_whatever_is_refused_stays_in_the_form(verdict: Verdict | None) -> None:
    words = "</textarea><script>x</script> {{ entries }}"
    with answering(turnstile(lambda _: JSONResponse(verdict))) as port:
        token = {"cf-turnstile-response": TOKEN_SENT} if verdict else {}
        _, page = write(book_at(port), **token, name='"><b>Ada', words=words)
    assert 'value="&quot;&gt;&lt;b&gt;Ada"' in page
    assert ">\n&lt;/textarea&gt;&lt;script&gt;x&lt;/script&gt; {{ entries }}</textarea>" in page


def test_without_javascript_or_without_the_script_the_page_says_what_to_do(town: Town) -> None:
    page = TestClient(SITE.build_app(town.book)).get("/").text
    inside = page.partition(f'data-action="{ACTION}">')[2].partition("</div>")[0]
    assert "needs JavaScript" in inside.partition("<noscript>")[2].partition("</noscript>")[0]
    assert "did not load" in inside.partition("</noscript>")[2]


@pytest.mark.parametrize("port", ["abc", "", "-1", "0", "65536", "655350", "9" * 5000, "٣"])
def test_a_port_that_is_none_is_refused_in_one_line(port: str) -> None:
    with pytest.raises(SystemExit, match="PORT: expected a whole number") as refused:
        SITE.read_settings({"PORT": port})
    assert "\n" not in str(refused.value)
    assert SITE.read_settings({"PORT": "7901"}).port == 7901


def test_what_people_write_is_shown_as_text(town: Town) -> None:
    town.book.entries = [("<b>Ada</b>", "{{ script }}")]
    page = TestClient(SITE.build_app(town.book)).get("/").text
    assert "<li><b>&lt;b&gt;Ada&lt;/b&gt;</b> {{ script }}</li>" in page


def test_its_page_allows_the_captcha_s_origin_and_nothing_else() -> None:
    settings = SITE.read_settings({"VERIFY_URL": "https://captcha.example.org/siteverify"})
    answer = TestClient(SITE.build_app(SITE.GuestBook(settings))).get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src https://captcha.example.org; frame-src https://captcha.example.org;" in policy
    assert 'src="https://captcha.example.org/captcha/widget.js"' in answer.text


def test_a_url_of_no_such_service_is_refused() -> None:
    with pytest.raises(SystemExit, match="VERIFY_URL: expected"):
        SITE.read_settings({"VERIFY_URL": "https://captcha.example.org/verify"})


@pytest.mark.parametrize("keys", [{"SITE_KEY": "fs-real"}, {"SECRET_KEY": "fs-real.secret"}, {"SITE_KEY": "fs-real", "SECRET_KEY": "fs-dummy-pass.secret"}])
def test_keys_of_which_one_was_forgotten_are_refused_and_let_nobody_in(keys: dict[str, str]) -> None:
    with pytest.raises(SystemExit, match="SITE_KEY and SECRET_KEY"):
        SITE.read_settings(keys)


def test_the_secret_is_not_shown_with_the_settings() -> None:
    assert "0x4secret" not in repr(book_at(1).settings)


@pytest.mark.parametrize("name", ["VERIFY_URL", "SITE_KEY", "SECRET_KEY", "WIDGET_URL", "HOSTS", "PORT"])
def test_its_readme_names_every_variable(name: str) -> None:
    text = (Path(SITE.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text
