import re
from pathlib import Path

import pytest

from app.captcha.__main__ import main
from app.captcha.clock import server_time
from app.captcha.keys import KeyFile
from app.captcha.service import make_service
from app.captcha.sql_store import open_file


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"FERSYS_CAPTCHA_DB": str(tmp_path / "captcha.db")}


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Site key and secret, as the command printed them."""
    text = capsys.readouterr().out
    found = re.search(r"site key  (\S+)\nsecret    (\S+)\n", text)
    assert found, text
    return found[1], found[2]


def test_a_site_is_added_listed_rotated_and_removed(environment: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["sites", "add", "shop", "--host", "example.org", "*.example.net", "--action", "login"], environment) == 0
    key, first = printed(capsys)
    assert main(["sites", "rotate", key], environment) == 0
    assert printed(capsys)[1] != first
    site = open_file(tmp_path / "captcha.db").get_site(key)
    assert site is not None
    assert (site.name, site.hosts, site.actions, len(site.secrets)) == ("shop", ("example.org", "*.example.net"), ("login",), 2)
    assert main(["sites", "list"], environment) == 0
    listed = capsys.readouterr().out
    assert listed == f"{key}  shop  example.org *.example.net  login  2 secret(s)\n"
    assert main(["sites", "remove", key], environment) == 0
    capsys.readouterr()
    assert main(["sites", "list"], environment) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [["sites", "rotate", "unknown"], ["sites", "remove", "unknown"], ["sites", "add", "x", "--host", "https://x"]])
def test_a_mistake_is_one_line(environment: dict[str, str], capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words, environment) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_keys_rotate(environment: dict[str, str], tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "captcha-keys.json", server_time)
    old = keys.signing()
    assert main(["keys", "rotate"], environment) == 0
    assert keys.signing() != old


def test_a_key_that_leaked_ends_now(environment: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "captcha-keys.json", server_time)
    old = keys.signing()
    assert main(["keys", "rotate"], environment) == 0
    assert keys.verifying(old.kid) is not None
    assert main(["keys", "rotate", "--now"], environment) == 0
    assert keys.verifying(old.kid) is None
    assert "no other verifies" in capsys.readouterr().out
    assert [event in (tmp_path / "captcha-audit.jsonl").read_text() for event in ("key-rotated", "key-replaced")] == [True, True]


@pytest.mark.parametrize(("words", "where"), [([], "in front of the old"), (["--now"], "in the place of all others")])
def test_keys_of_the_environment_are_not_rotated_here(environment: dict[str, str], capsys: pytest.CaptureFixture[str], words: list[str], where: str) -> None:
    assert main(["keys", "rotate", *words], {**environment, "FERSYS_CAPTCHA_KEYS": "a:b"}) == 1
    said = capsys.readouterr().err
    assert "FERSYS_CAPTCHA_KEYS" in said
    assert where in said


def test_the_audit_log_holds_what_was_changed_and_an_edit_is_noticed(environment: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["sites", "add", "shop", "--host", "example.org"], environment)
    key, secret = printed(capsys)
    log = tmp_path / "captcha-audit.jsonl"
    assert key in log.read_text()
    assert secret not in log.read_text()
    assert main(["audit", "verify"], environment) == 0
    assert "1 lines" in capsys.readouterr().out
    log.write_text(log.read_text().replace("site-added", "site-edited"))
    assert main(["audit", "verify"], environment) == 1
    assert "changed" in capsys.readouterr().err


def test_purge_forgets_old_lines(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys", "rotate"], environment)
    capsys.readouterr()
    assert main(["purge"], environment) == 0
    assert "0 lines" in capsys.readouterr().out
    assert main(["purge", "--days", "0"], environment) == 0
    assert "1 lines" in capsys.readouterr().out
    assert main(["audit", "verify"], environment) == 0


def test_a_running_service_knows_a_new_site_at_once(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    service = make_service(environment)
    main(["sites", "add", "shop", "--host", "example.org"], environment)
    assert service.site(printed(capsys)[0]).name == "shop"
    service.close()


def test_help_needs_no_store(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"], {})
    assert stopped.value.code == 0
    assert "sites" in capsys.readouterr().out
