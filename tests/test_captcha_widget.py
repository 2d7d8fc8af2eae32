"""What browsers load: the widget's script, the frame's page and its files."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import gate
from app.captcha.refusals import StoreError
from app.captcha.sites import make_site
from app.captcha.widget import ASSETS, FRAME, SCRIPT, read_assets
from tests.made_captcha import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = make_desk(tmp_path)
    desk.client = TestClient(Starlette(routes=gate.routes(desk.service)), client=("127.0.0.1", 50_000))
    return desk


def test_the_widget_is_one_small_script_that_every_page_may_load_and_keep(desk: Desk) -> None:
    answer = desk.client.get(SCRIPT)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert len(answer.content) <= 6 * 1024
    assert "import " not in answer.text


@pytest.mark.parametrize("name", sorted(set(read_assets()) - {"widget.js"}))
def test_the_frame_s_files_are_asked_for_anew_and_sent_again_only_if_they_changed(desk: Desk, name: str) -> None:
    first = desk.client.get(f"{ASSETS}/{name}")
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    again = desk.client.get(f"{ASSETS}/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert desk.client.get(f"{ASSETS}/{name}", headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize("path", [f"{ASSETS}/widget.js", f"{ASSETS}/../routes.py", f"{ASSETS}/none.js", f"{ASSETS}/"])
def test_no_other_file_is_served(desk: Desk, path: str) -> None:
    assert desk.client.get(path).status_code == 404


def test_no_file_loads_anything_from_elsewhere() -> None:
    for name, asset in read_assets().items():
        assert b"http://" not in asset.content, name
        assert b"https://" not in asset.content, name


def test_only_the_site_s_own_hosts_may_show_the_frame(desk: Desk) -> None:
    site, _ = make_site("a site", ["example.org", "*.example.net"], [], desk.clock())
    desk.service.store.put_site(site)
    answer = desk.client.get(FRAME, params={"sitekey": site.key})
    rules = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert answer.status_code == 200
    assert rules["frame-ancestors"] == "https://example.org:* https://*.example.net:*"
    assert (rules["default-src"], rules["script-src"], rules["style-src"], rules["form-action"]) == ("'none'", "'self'", "'self'", "'none'")
    assert answer.headers["cache-control"] == "no-store"


def test_a_site_key_that_is_not_known_is_said_where_its_owner_sees_it(desk: Desk) -> None:
    answer = desk.client.get(FRAME, params={"sitekey": "fs-unknown"})
    assert answer.status_code == 400
    assert "&quot;problem&quot;: &quot;invalid-sitekey&quot;" in answer.text


@pytest.mark.parametrize("asked", [{}, {"sitekey": ""}])
def test_a_site_key_that_was_forgotten_is_not_called_unknown(desk: Desk, asked: dict[str, str]) -> None:
    answer = desk.client.get(FRAME, params=asked)
    assert answer.status_code == 400
    assert "&quot;problem&quot;: &quot;missing-sitekey&quot;" in answer.text


def test_without_the_store_nobody_gets_further(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(desk.service.store, "get_site", fail)
    answer = desk.client.get(FRAME, params={"sitekey": desk.site.key})
    assert answer.status_code == 503
    assert "&quot;problem&quot;: &quot;internal-error&quot;" in answer.text


@pytest.mark.parametrize("sitekey", ["fs-dummy-pass", "fs-dummy-fail"])
def test_a_dummy_key_works_on_every_host(desk: Desk, sitekey: str) -> None:
    answer = desk.client.get(FRAME, params={"sitekey": sitekey})
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].endswith("frame-ancestors *")


def test_what_stands_in_the_address_cannot_become_part_of_the_page(desk: Desk) -> None:
    wish = {"sitekey": "'><script>alert(1)</script>", "theme": '"><b>', "language": "<i"}
    answer = desk.client.get(FRAME, params=wish)
    assert answer.status_code == 400
    assert answer.text.count("<script") == 1
    assert '><b>"' not in answer.text
    assert 'lang="en" data-theme="auto"' in answer.text


@pytest.mark.parametrize(
    ("asked", "accepted", "spoken"), [("", "de-AT,en;q=0.5", "de"), ("en", "de", "en"), ("de-CH", "en", "de"), ("fr", "de", "de"), ("", "fr", "en")]
)
def test_it_speaks_the_language_of_the_site_else_of_the_visitor(desk: Desk, asked: str, accepted: str, spoken: str) -> None:
    answer = desk.client.get(FRAME, params={"sitekey": desk.site.key, "language": asked}, headers={"Accept-Language": accepted})
    assert f'<html lang="{spoken}"' in answer.text
