"""Cookies, proxies, bodies, the description, metrics."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from app.addresses import parse_networks
from app.captcha import verdicts
from app.captcha.refusals import StoreError
from app.captcha.routes import build_routes
from tests.made_captcha import HOST, Desk, encode, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def client_of(desk: Desk, address: str, base: str = "http://testserver") -> TestClient:
    return TestClient(Starlette(routes=build_routes(desk.service)), base_url=base, client=(address, 1234))


def begin(client: TestClient, desk: Desk, **headers: str) -> Any:
    return client.post("/captcha/v1/challenges", json={"sitekey": desk.site.key, "hostname": HOST}, headers=headers)


def test_on_http_the_cookie_is_lax_and_for_its_challenge_alone(desk: Desk) -> None:
    answer = begin(desk.client, desk)
    parts = answer.headers["set-cookie"].split("; ")
    assert parts[1:] == [f"Path=/captcha/v1/challenges/{answer.json()['id']}", "Max-Age=180", "HttpOnly", "SameSite=Lax"]


def test_on_https_the_cookie_works_inside_another_site_s_page(desk: Desk) -> None:
    answer = begin(client_of(desk, "203.0.113.9", "https://testserver"), desk)
    assert answer.headers["set-cookie"].endswith("HttpOnly; SameSite=None; Secure; Partitioned")


@pytest.mark.parametrize(("address", "kind"), [("10.0.0.1", "Partitioned"), ("203.0.113.9", "Lax")])
def test_https_in_front_of_a_proxy_counts_if_the_proxy_is_trusted(tmp_path: Path, address: str, kind: str) -> None:
    desk = make_desk(tmp_path, trusted_proxies=parse_networks("10.0.0.0/8"))
    answer = begin(client_of(desk, address), desk, **{"X-Forwarded-Proto": "https"})
    assert answer.headers["set-cookie"].endswith(kind)


def test_the_cookie_s_secret_is_not_in_the_body_nor_the_other_in_the_cookie(desk: Desk) -> None:
    answer = begin(desk.client, desk)
    value = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert len(value) == 32
    assert value not in answer.text
    assert answer.json()["secret"] not in answer.headers["set-cookie"]


def test_challenges_side_by_side_keep_their_cookies(desk: Desk) -> None:
    first, second = desk.begin(), desk.begin()
    assert desk.look(first).status_code == desk.look(second).status_code == 200


def test_a_stranger_s_forwarded_address_does_not_escape_a_pause(desk: Desk) -> None:
    for number in range(5):
        begin(desk.client, desk, **{"X-Forwarded-For": f"1.2.3.{number}"})
    assert begin(desk.client, desk, **{"X-Forwarded-For": "1.2.3.99"}).status_code == 429


def test_people_behind_a_trusted_proxy_are_told_apart(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, trusted_proxies=parse_networks("127.0.0.1"))
    for _ in range(5):
        begin(desk.client, desk, **{"X-Forwarded-For": "1.2.3.4"})
    assert begin(desk.client, desk, **{"X-Forwarded-For": "9.9.9.9, 1.2.3.4"}).status_code == 429
    assert begin(desk.client, desk, **{"X-Forwarded-For": "1.2.3.5"}).status_code == 201


def test_the_host_is_the_origin_s_if_none_is_named(desk: Desk) -> None:
    for host, status in ((HOST, 201), (f"{HOST}:8443", 201), ("evil.com", 403)):
        answer = client_of(desk, "203.0.113.9", f"https://{host}").post(
            "/captcha/v1/challenges", json={"sitekey": desk.site.key}, headers={"Origin": f"https://{host}"}
        )
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/captcha/v1/challenges", "/captcha/v1/work"])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://testserver", 201),
        ("HTTP://TestServer", 201),
        (f"https://{HOST}", 403),
        ("http://testserver:8080", 403),
        ("http://testserver.evil.com", 403),
        ("null", 403),
        ("", 403),
        ("http://[bad", 403),
    ],
)
def test_where_a_browser_says_the_origin_alone_it_must_be_ours(desk: Desk, path: str, origin: str, status: int) -> None:
    answer = desk.client.post(path, json={"sitekey": desk.site.key, "hostname": HOST}, headers={"Origin": origin})
    assert answer.status_code == status
    assert status == 201 or answer.json()["error"] == "cross-origin"


def test_a_proxy_that_changes_our_name_shuts_nobody_out_over_https(desk: Desk) -> None:
    headers = {"Origin": "https://captcha.example", "Sec-Fetch-Site": "same-origin"}
    assert begin(desk.client, desk, **headers).status_code == 201


@pytest.mark.parametrize("path", ["/captcha/v1/challenges", "/captcha/v1/work", "/captcha/v1/work/x"])
@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"{}", "text/plain", (415, "unsupported-media-type")),
        (b"sitekey=x", "application/x-www-form-urlencoded", (415, "unsupported-media-type")),
        (b"", "application/json", (400, "bad-request")),
        (b"[]", "application/json", (400, "bad-request")),
        (b'{"a":', "application/json", (400, "bad-request")),
        (b" " * 20_000, "application/json", (413, "too-large")),
    ],
)
def test_other_bodies_are_refused(desk: Desk, path: str, content: bytes, kind: str, expected: tuple[int, str]) -> None:
    answer = desk.client.post(path, content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]) == expected


def test_a_field_that_is_no_text_is_refused(desk: Desk) -> None:
    answer = desk.client.post("/captcha/v1/challenges", json={"sitekey": [desk.site.key], "hostname": HOST})
    assert answer.json()["error"] == "bad-request"


def test_a_body_without_a_length_is_cut_off_at_its_bound(desk: Desk) -> None:
    answer = desk.client.post("/siteverify", content=iter([b"a" * 10_000] * 3), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "\u0661", "9" * 30])
def test_a_length_that_is_none_is_refused(desk: Desk, length: str) -> None:
    messages = _send(desk, [{"type": "http.request", "body": b"{}", "more_body": False}], length)
    assert messages[0]["status"] == 400


def _send(desk: Desk, parts: list[dict[str, Any]], length: str = "2") -> list[dict[str, Any]]:
    """Ask `/siteverify` as a server would; after `parts` nothing more comes."""
    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    scope = {"type": "http", "method": "POST", "path": "/siteverify", "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1)}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not parts:
            await anyio.sleep_forever()
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(Starlette(routes=build_routes(desk.service)), scope, receive, send)
    return sent


def test_a_body_that_does_not_arrive_in_time_is_given_up(tmp_path: Path) -> None:
    messages = _send(make_desk(tmp_path, body_patience=0.05), [{"type": "http.request", "body": b"{", "more_body": True}])
    assert messages[0]["status"] == 408


def test_a_client_that_leaves_costs_nothing(desk: Desk) -> None:
    assert _send(desk, [{"type": "http.disconnect"}])[0]["status"] == 400


@pytest.mark.parametrize("path", ["/captcha/docs", "/captcha/openapi.json", "/healthz"])
def test_answers_are_neither_stored_nor_guessed_at(desk: Desk, path: str) -> None:
    answer = desk.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_description_is_that_of_the_routes(desk: Desk) -> None:
    described = {(path, method.upper()) for path, item in desk.client.get("/captcha/openapi.json").json()["paths"].items() for method in item}
    routes = [route for route in build_routes(desk.service) if isinstance(route, Route)]
    assert described == {(route.path, method) for route in routes for method in (route.methods or set()) - {"HEAD"}}


def test_what_is_described_of_a_challenge_is_what_comes(desk: Desk) -> None:
    schemas = desk.client.get("/captcha/openapi.json").json()["components"]["schemas"]
    begun = desk.begin()
    assert set(begun) == set(schemas["Begun"]["required"])
    assert set(desk.look(begun).json()) == set(schemas["View"]["required"])
    assert set(desk.offer()) == set(schemas["Work"]["required"])
    assert set(desk.verify("x")) == set(schemas["Verdict"]["required"])
    assert set(desk.ask(action="é").json()) == set(schemas["Error"]["required"])


def test_the_page_of_the_description_loads_nothing(desk: Desk) -> None:
    answer = desk.client.get("/captcha/docs")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not any(mark in answer.text for mark in ("<script", "src=", "http://", "https://", "@import"))
    for path in json.loads(desk.client.get("/captcha/openapi.json").text)["paths"]:
        assert path in answer.text


def test_metrics_are_for_allowed_addresses(desk: Desk) -> None:
    desk.verify(desk.solve()["token"])
    desk.verify("x")
    text = desk.client.get("/metrics").text
    assert 'fersys_captcha_attempts_total{method="face",outcome="passed"} 1.0' in text
    assert 'fersys_captcha_verifications_total{result="success"} 1.0' in text
    assert 'fersys_captcha_verifications_total{result="invalid-input-response"} 1.0' in text
    assert 'fersys_captcha_frames_total{outcome="accepted"} 4.0' in text
    assert desk.site.key not in text
    assert client_of(desk, "203.0.113.9").get("/metrics").status_code == 403


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
@pytest.mark.parametrize("value", ["203.0.113.9", "127.0.0.1", "unknown", ""])
def test_through_a_proxy_that_nobody_named_the_metrics_are_for_nobody(desk: Desk, name: str, value: str) -> None:
    assert desk.client.get("/metrics").status_code == 200
    assert desk.client.get("/metrics", headers={name: value}).status_code == 403


@pytest.mark.parametrize(("visitor", "status"), [("203.0.113.9", 403), ("10.1.2.3", 200)])
def test_through_a_named_proxy_the_metrics_are_for_allowed_addresses(tmp_path: Path, visitor: str, status: int) -> None:
    desk = make_desk(tmp_path, trusted_proxies=parse_networks("127.0.0.1"), metrics_from=parse_networks("10.1.2.3"))
    assert desk.client.get("/metrics", headers={"X-Forwarded-For": visitor}).status_code == status


@pytest.mark.parametrize(
    "said",
    [
        {"X-Forwarded-For": "203.0.113.9:4711"},
        {"X-Forwarded-For": "[2001:db8::1]:443"},
        {"X-Forwarded-For": "unknown"},
        {"X-Real-IP": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
    ],
)
def test_through_a_named_proxy_that_does_not_say_for_whom_nobody_reads_the_metrics(tmp_path: Path, said: dict[str, str]) -> None:
    desk = make_desk(tmp_path, trusted_proxies=parse_networks("127.0.0.1"))
    assert desk.client.get("/metrics").status_code == 200
    assert desk.client.get("/metrics", headers=said).status_code == 403


def test_two_services_have_meters_of_their_own(desk: Desk, tmp_path: Path) -> None:
    desk.solve()
    assert "passed" not in make_desk(tmp_path / "other").client.get("/metrics").text


def test_health_is_the_store_s(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.client.get("/healthz").json() == {"status": "ok"}

    def fail() -> None:
        raise StoreError("down")

    monkeypatch.setattr(desk.service.store, "check", fail)
    assert desk.client.get("/healthz").status_code == 503


def _delete(path: Path) -> None:
    path.unlink()


def _spoil(path: Path) -> None:
    path.write_text("no such thing")


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("captcha-audit.jsonl", _delete),
        ("captcha-audit.chain.json", _delete),
        ("captcha-audit.chain.json", _spoil),
        ("captcha-keys.json", _delete),
        ("captcha-keys.json", _spoil),
        ("captcha.db", _delete),
    ],
)
def test_where_nothing_can_pass_health_says_so_and_names_no_path(desk: Desk, tmp_path: Path, name: str, spoil: Callable[[Path], None]) -> None:
    desk.solve()
    assert desk.client.get("/healthz").status_code == 200
    spoil(tmp_path / name)
    answer = desk.client.get("/healthz")
    assert (answer.status_code, answer.json()["error"]) == (503, "internal-error")
    assert str(tmp_path) not in answer.text


def test_the_log_says_what_is_wrong_with_the_audit_log_and_clients_are_not_told(desk: Desk, tmp_path: Path) -> None:
    token = desk.solve()["token"]
    (tmp_path / "captcha-audit.jsonl").unlink()
    view = desk.begin()
    answers = [desk.client.post("/siteverify", data={"secret": desk.secret, "response": token}), desk.client.get("/healthz")]
    while view["state"] == "open" and (answer := desk.send(view, encode(view["prompt"]["expression"], view["prompt"]["turn"]))).status_code == 200:
        view = {**view, **answer.json()}
    answers.append(answer)
    assert {answer.status_code for answer in answers} == {503}
    assert "missing" not in "".join(answer.text for answer in answers)
    lines = [json.loads(line) for line in desk.log.getvalue().splitlines()]
    faults = [line for line in lines if line.get("code") == "AuditError"]
    assert [line["event"] for line in faults] == ["unverified", "internal-error", "internal-error"]
    assert all(line["reason"].startswith("The audit log is missing: expected ") for line in faults)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_verification_by_another_method_is_refused_in_the_form_that_backends_read(desk: Desk, method: str) -> None:
    answer = desk.client.request(method, "/siteverify")
    assert (answer.status_code, answer.headers["allow"], answer.json()) == (405, "POST", verdicts.unverified("bad-request"))
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_of_the_description_begins_with_verification_and_lists_its_fields(desk: Desk) -> None:
    page = desk.client.get("/captcha/docs").text
    part = page.partition("<h2>")[2].partition("<h2>")[0]
    assert part.startswith("<code>POST /siteverify</code>")
    for name in ("secret", "response", "remoteip", "idempotency_key", "success", "challenge_ts", "hostname", "action", "cdata", "method", "error-codes"):
        assert f"<li><code>{name}</code>" in part
    assert "<code>secret</code> (optional)" not in part
    assert "<code>idempotency_key</code> (optional)" in part
    assert "timeout-or-duplicate" in part


def test_the_page_of_the_description_is_dark_where_it_should_be_and_breaks_long_words(desk: Desk) -> None:
    page = desk.client.get("/captcha/docs").text
    assert ":root{color-scheme:light dark}" in page
    assert "overflow-wrap:anywhere" in page


@pytest.mark.parametrize("path", ["/siteverify", "/captcha/v1/challenges", "/captcha/v1/work"])
@pytest.mark.parametrize("fields", ['{"secret": "\\ud800.x", "response": "a"}', '{"sitekey": "\\ud800"}', '{"\\ud800": "x"}', '{"\\ud800": 1}'])
def test_half_a_character_is_refused(desk: Desk, path: str, fields: str) -> None:
    """Such text can be neither stored nor sent."""
    assert desk.client.post(path, content=fields, headers={"content-type": "application/json"}).status_code == 400


def test_half_a_character_in_a_form_of_an_odd_character_set_is_refused(desk: Desk) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="secret"\r\n\r\n\\ud800.x\r\n--x--\r\n'
    answer = desk.client.post("/siteverify", content=body, headers={"content-type": "multipart/form-data; boundary=x; charset=unicode_escape"})
    assert answer.json()["error-codes"] == ["bad-request"]
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/captcha/v1/challenges", "/captcha/v1/work"])
@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 201), ("none", 201), (None, 201)])
def test_another_site_s_script_cannot_ask_past_the_frame(desk: Desk, path: str, site: str | None, status: int) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    answer = desk.client.post(path, json={"sitekey": desk.site.key, "hostname": HOST}, headers=headers)
    assert answer.status_code == status
    assert status == 201 or answer.json()["error"] == "cross-origin"
