import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.captcha.audit import Audit
from app.captcha.refusals import AuditError


def made(folder: Path, count: int = 5) -> tuple[Audit, Path]:
    path = folder / "audit.jsonl"
    audit = Audit(path)
    for number in range(count):
        audit.record(1000.0 + number, "passed", method="face", site=f"fs-{number}")
    return audit, path


def test_a_log_as_it_was_written_is_whole(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    lines = path.read_text().splitlines()
    chain = audit.verify()
    assert chain.count == len(lines) == 5
    assert chain.end == json.loads(lines[-1])["hash"]


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    assert Audit(tmp_path / "audit.jsonl").verify().count == 0


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("edit", ["change", "remove", "twice", "swap", "blank", "rehash"])
def test_every_edit_of_a_line_is_noticed(tmp_path: Path, number: int, edit: str) -> None:
    audit, path = made(tmp_path)
    lines = path.read_text().splitlines()
    other = (number + 1) % 5
    if edit == "change":
        lines[number] = lines[number].replace("face", "pow ")
    elif edit == "remove":
        del lines[number]
    elif edit == "twice":
        lines.insert(number, lines[number])
    elif edit == "swap":
        lines[number], lines[other] = lines[other], lines[number]
    elif edit == "blank":
        lines[number] += " "
    else:
        lines[number] = _resealed(lines[number])
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(AuditError):
        audit.verify()


def _resealed(line: str) -> str:
    """A changed line whose own hash is right again."""
    from app.captcha import audit

    fields = json.loads(line)
    del fields["hash"]
    return audit._seal({**fields, "site": "another"})


@pytest.mark.parametrize("text", ["", "[]\n", "null\n", "no JSON\n", '{"n": 1}\n', "\udc80\n"])
def test_a_file_that_is_no_log_is_noticed(tmp_path: Path, text: str) -> None:
    audit, path = made(tmp_path)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(AuditError):
        audit.verify()


def test_without_its_second_file_it_is_neither_whole_nor_written_on(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    path.with_suffix(".chain.json").unlink()
    for call in (audit.verify, lambda: audit.record(1.0, "passed")):
        with pytest.raises(AuditError, match="second file"):
            call()


def test_many_writers_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: Audit(path).record(float(number), "passed"), range(40)))
    assert Audit(path).verify().count == 40


def test_old_lines_are_forgotten_and_the_rest_is_still_whole(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    assert audit.purge(1002.0) == 2
    assert len(path.read_text().splitlines()) == 3
    audit.record(1010.0, "passed")
    assert audit.verify().count == 6
    assert audit.purge(9999.0) == 4
    audit.record(1011.0, "passed")
    assert audit.verify().count == 7


def test_a_changed_log_is_not_forgotten(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    path.write_text(path.read_text().replace("face", "pow "))
    with pytest.raises(AuditError):
        audit.purge(9999.0)
    assert path.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such modes")
def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    audit, _ = made(tmp_path)
    audit.purge(1002.0)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_log_that_cannot_be_written_raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditError, match="cannot be read or written"):
        Audit(tmp_path / "file" / "audit.jsonl").record(1.0, "passed")
