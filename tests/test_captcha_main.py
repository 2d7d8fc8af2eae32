import json
import re
from pathlib import Path

import pytest

from app.captcha.__main__ import main
from app.captcha.audit import Audit
from app.captcha.clock import server_time
from app.captcha.keys import KeyFile
from app.captcha.refusals import StoreError
from app.captcha.service import make_service
from app.captcha.sites import Site
from app.captcha.sql_store import SqlStore, open_file


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
    assert capsys.readouterr().out == "No site yet: `python -m app sites add NAME --host example.org` makes one.\n"


CHANGES = [["sites", "add", "other", "--host", "example.org"], ["sites", "rotate", "KEY"], ["sites", "remove", "KEY"], ["keys", "rotate"]]


@pytest.fixture
def key(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> str:
    """That of a site, in a service that has signed something."""
    make_service(environment).close()
    main(["sites", "add", "shop", "--host", "example.org"], environment)
    return printed(capsys)[0]


def kept(folder: Path) -> tuple[list[Site], str, int]:
    """Whatever those commands change: sites, keys, and how many lines there are."""
    return open_file(folder / "captcha.db").list_sites(), (folder / "captcha-keys.json").read_text(), Audit(folder / "captcha-audit.jsonl").verify().count


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said of an error, which is all that was said."""
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    return said.err


@pytest.mark.parametrize("words", [*CHANGES, ["keys", "rotate", "--now"]], ids=" ".join)
@pytest.mark.parametrize("lost", ["captcha-audit.jsonl", "captcha-audit.chain.json"])
def test_what_cannot_be_written_down_is_not_done(
    environment: dict[str, str], key: str, capsys: pytest.CaptureFixture[str], words: list[str], lost: str
) -> None:
    folder = Path(environment["FERSYS_CAPTCHA_DB"]).parent
    before, file = kept(folder), folder / lost
    file.rename(folder / "aside")
    assert main([word.replace("KEY", key) for word in words], environment) == 1
    assert lost in refused(capsys)
    assert not file.exists()
    (folder / "aside").rename(file)
    assert kept(folder) == before


@pytest.mark.parametrize("words", CHANGES, ids=" ".join)
def test_what_cannot_be_done_is_not_written_down(
    environment: dict[str, str], key: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("down")

    folder = Path(environment["FERSYS_CAPTCHA_DB"]).parent
    before = kept(folder)
    with monkeypatch.context() as broken:
        for target, name in ((SqlStore, "put_site"), (SqlStore, "remove_site"), (KeyFile, "rotate")):
            broken.setattr(target, name, fail)
        assert main([word.replace("KEY", key) for word in words], environment) == 1
    assert refused(capsys) == "error: down\n"
    assert kept(folder) == before
    assert main(["keys", "rotate"], environment) == 0
    assert kept(folder)[2] == before[2] + 1


def test_the_key_that_is_written_down_is_the_one_that_signs(environment: dict[str, str], tmp_path: Path) -> None:
    for words in (["keys", "rotate"], ["keys", "rotate", "--now"]):
        assert main(words, environment) == 0
        line = json.loads((tmp_path / "captcha-audit.jsonl").read_text().splitlines()[-1])
        assert line["key"] == KeyFile(tmp_path / "captcha-keys.json", server_time).signing().kid


def test_a_damaged_key_file_is_named_with_a_way_out_that_works(
    environment: dict[str, str], key: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "captcha-keys.json").write_text("no key")
    assert main(["keys", "rotate"], environment) == 1
    said = refused(capsys)
    assert str(tmp_path / "captcha-keys.json") in said
    assert "keys rotate --now" in said
    assert main(["keys", "rotate", "--now"], environment) == 0
    assert KeyFile(tmp_path / "captcha-keys.json", server_time).signing()


def test_a_damaged_database_is_named_with_the_next_step(environment: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "captcha.db").write_bytes(b"no database" * 500)
    assert main(["sites", "list"], environment) == 1
    said = refused(capsys)
    assert str(tmp_path / "captcha.db") in said
    assert "move it aside" in said


@pytest.mark.parametrize("prog", ["python -m app", "python -m app.captcha"])
def test_usage_shows_how_it_was_called(environment: dict[str, str], capsys: pytest.CaptureFixture[str], prog: str) -> None:
    with pytest.raises(SystemExit):
        main(["sites", "add"], environment, prog)
    assert capsys.readouterr().err.startswith(f"usage: {prog} sites add ")


@pytest.mark.parametrize("days", ["-1", "nan", "inf"])
def test_days_that_are_none_are_refused_and_nothing_is_forgotten(
    environment: dict[str, str], key: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, days: str
) -> None:
    before = kept(tmp_path)
    assert main(["purge", f"--days={days}"], environment) == 1
    assert "expected 0 or more" in refused(capsys)
    assert kept(tmp_path) == before


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


@pytest.mark.parametrize(("words", "where"), [([], "in front of the old, or in the place of all others if"), (["--now"], "in the place of all others")])
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
