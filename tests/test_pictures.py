"""Streams of pictures from whatever the user names."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fersys.atomic import replacing
from fersys.errors import DataError
from fersys.pictures import NO_ROW, Picture, count, find_files, stream
from tests.made_data import ALPHABETICAL
from tests.made_pictures import fill, pictures, write_parquet

NOWHERE = Path("nowhere.csv")
needs_links = pytest.mark.skipif(os.name == "nt", reason="links want a privilege on Windows, and it has no pipes in folders")


def refuse(name: str) -> Sequence[Path]:
    raise AssertionError(f"asked the hub for {name}")


def streamed(*files: Path, out: Path = NOWHERE) -> list[Picture]:
    return sorted(stream(files, out), key=lambda picture: (picture.path, picture.row))


def test_a_folder_gives_the_pictures_in_it_and_in_its_folders(tmp_path: Path) -> None:
    paths = fill(tmp_path / "a", pictures(2)) + fill(tmp_path / "a" / "b" / "c", pictures(1))
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    (tmp_path / "a" / ".hidden.png").write_bytes(b"")
    assert [(p.path, p.row, p.content) for p in streamed(tmp_path / "a")] == sorted((str(path), NO_ROW, path) for path in paths)
    assert count([tmp_path / "a"], NOWHERE) == 3


@needs_links
def test_links_that_form_a_ring_end(tmp_path: Path) -> None:
    fill(tmp_path / "a", pictures(1))
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a", target_is_directory=True)
    assert len(streamed(tmp_path / "a")) == 1


def test_rows_of_a_parquet_file_come_with_their_labels_by_name(tmp_path: Path) -> None:
    contents = pictures(3)
    path = write_parquet(tmp_path / "a.parquet", contents, ["surprise", "angry", "sad"], ALPHABETICAL)
    assert streamed(path) == [Picture(str(path), row, contents[row], label) for row, label in enumerate(("surprise", "angry", "sad"))]
    assert count([path], NOWHERE) == 3


def test_parquet_is_read_over_the_borders_of_its_groups(tmp_path: Path) -> None:
    contents = pictures(7)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"picture": contents, "label": ["Happiness"] * 7}), path, row_group_size=3)
    assert streamed(path) == [Picture(str(path), row, contents[row], "happy") for row in range(7)]


def test_labels_without_names_or_of_other_expressions_are_not_guessed(tmp_path: Path) -> None:
    numbered, other = tmp_path / "numbered.parquet", tmp_path / "other.parquet"
    pq.write_table(pa.table({"image": pictures(1), "label": [3]}), numbered)
    pq.write_table(pa.table({"image": pictures(1), "label": ["contempt"]}), other)
    assert [picture.truth for picture in streamed(numbered, other)] == [None, None]


def test_labels_that_are_categories_are_taken(tmp_path: Path) -> None:
    labels = pa.array(["sad", "Happiness", "sad"]).dictionary_encode()
    pq.write_table(pa.table({"image": pictures(3), "label": labels}), tmp_path / "a.parquet")
    assert [picture.truth for picture in streamed(tmp_path / "a.parquet")] == ["sad", "happy", "sad"]


def test_a_large_group_of_rows_is_not_held_at_once(tmp_path: Path) -> None:
    rows = [np.random.default_rng(number).bytes(100_000) for number in range(400)]
    pq.write_table(pa.table({"image": rows}), tmp_path / "a.parquet", compression="none", row_group_size=len(rows), use_dictionary=False, write_batch_size=8)
    assert (tmp_path / "a.parquet").stat().st_size > 40_000_000
    del rows
    before, held = pa.total_allocated_bytes(), 0
    for number, picture in enumerate(stream([tmp_path / "a.parquet"], NOWHERE)):
        held = max(held, pa.total_allocated_bytes() - before)
        assert picture.content == np.random.default_rng(number).bytes(100_000)
    assert number == 399
    assert held < 20_000_000  # 64 rows and what is read ahead; not 40 MB


def test_a_row_without_a_picture_is_a_problem(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [None, *pictures(1)])
    first, second = streamed(path)
    assert "no picture in this row" in first.problem
    assert not second.problem


def naming(folder: Path, *names: Any) -> Path:
    """A parquet file whose rows only name their pictures."""
    pq.write_table(pa.table({"image": [{"bytes": None, "path": name} for name in names]}), folder / "a.parquet")
    return folder / "a.parquet"


def test_a_picture_beside_its_parquet_file_is_found(tmp_path: Path) -> None:
    fill(tmp_path / "in", pictures(1))
    paths = [picture.content for picture in streamed(naming(tmp_path, "in/0000.png", "./in/../in/0000.png"))]
    assert paths == [tmp_path / "in" / "0000.png", tmp_path / "in/../in/0000.png"]


@needs_links
@pytest.mark.parametrize("name", ["{}/0000.png", "../other/0000.png", "link.png", "folder/0000.png", "pipe.png", "missing.png", "ring.png", "a\0b", "."])
def test_a_parquet_file_makes_nobody_read_what_lies_outside_its_folder(tmp_path: Path, name: str) -> None:
    (secret,) = fill(tmp_path / "other", pictures(1))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.png").symlink_to(secret)
    (tmp_path / "in" / "ring.png").symlink_to("ring.png")
    (tmp_path / "in" / "folder").symlink_to(secret.parent, target_is_directory=True)
    os.mkfifo(tmp_path / "in" / "pipe.png")
    (picture,) = streamed(naming(tmp_path / "in", name.format(secret.parent)))
    assert (picture.content, picture.truth) == (b"", None)
    assert picture.problem.startswith("Expected the name of a picture that lies in the folder of the parquet file. Received: ")


def test_bytes_that_are_text_are_no_picture(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [{"bytes": "text", "path": "a.png"}]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="Received: image"):
        streamed(tmp_path / "a.parquet")
    assert [bool(picture.problem) for picture in streamed(naming(tmp_path, None, ""))] == [True, True]


@needs_links
def test_what_may_never_end_is_not_read_and_a_link_to_nowhere_is_a_bad_picture(tmp_path: Path) -> None:
    fill(tmp_path, pictures(1))
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "linked.png").symlink_to("pipe.png")
    (tmp_path / "folder.png").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "nowhere.png").symlink_to("missing.png")
    (tmp_path / "again.png").symlink_to("0000.png")
    assert [Path(picture.path).name for picture in streamed(tmp_path)] == ["0000.png", "again.png", "nowhere.png"]


def test_a_broken_parquet_file_is_an_error_if_named_and_a_problem_in_a_folder(tmp_path: Path) -> None:
    fill(tmp_path, pictures(1))
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"broken\.parquet is not a parquet file"):
        streamed(path)
    with pytest.raises(DataError, match=r"broken\.parquet is not a parquet file"):
        count([path], NOWHERE)
    assert [bool(picture.problem) for picture in streamed(tmp_path)] == [False, True]
    assert count([tmp_path], NOWHERE) == 2


def test_a_parquet_file_without_pictures_is_an_error_that_names_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="Received: age"):
        streamed(tmp_path / "a.parquet")


def test_the_results_are_no_source_nor_what_a_killed_run_left_of_them(tmp_path: Path) -> None:
    fill(tmp_path, pictures(1))
    out = write_parquet(tmp_path / "results.parquet", pictures(2))
    with suppress(KeyboardInterrupt), replacing(out) as unfinished:
        write_parquet(unfinished, pictures(2))
        assert len(streamed(tmp_path, out=out)) == count([tmp_path], out) == 1
        raise KeyboardInterrupt
    fill(tmp_path / "inner", pictures(1))[0].rename(tmp_path / "inner" / "unfinished-results.parquet")
    assert count([tmp_path], out) == 2  # of that name elsewhere


def test_a_name_that_is_no_text_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / b"\xff.png".decode("utf-8", "surrogateescape")
    try:
        path.write_bytes(pictures(1)[0])
    except OSError:
        pytest.skip("this file system takes no such name")
    (picture,) = streamed(tmp_path)
    assert picture.path.encode("utf-8").endswith(rb"\udcff.png")
    assert Path(str(picture.content)).read_bytes()


def test_what_is_there_is_taken_and_an_id_is_asked_of_the_hub(tmp_path: Path) -> None:
    (path,) = fill(tmp_path, pictures(1))
    asked: list[str] = []

    def pull(name: str) -> Sequence[Path]:
        asked.append(name)
        return [path, path]

    assert find_files([str(path)], refuse) == [path]
    assert find_files(["you/fer2013@v1"], pull) == [path]
    assert asked == ["you/fer2013@v1"]


@needs_links
def test_a_picture_that_is_named_twice_has_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "a" / "b", pictures(2))
    (tmp_path / "link").symlink_to("a", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    first, again, second = "a/b/0000.png", str(tmp_path / "link/b/../b/0000.png"), "./a/b/0001.png"
    assert find_files([first, again, second], refuse) == [Path(first), Path(second)]
    assert find_files([again, first], refuse) == [Path(again)]
    assert find_files([first, "a/b", "link", str(tmp_path / "a"), again], refuse) == [Path("link")]
    assert count(find_files([first, "a"], refuse), NOWHERE) == 2


@needs_links
def test_what_a_walk_through_a_folder_leaves_out_is_read_if_it_is_named(tmp_path: Path) -> None:
    hidden, within = fill(tmp_path, pictures(1))[0].rename(tmp_path / ".a.png"), fill(tmp_path / ".b", pictures(1))[0]
    odd = fill(tmp_path / "c", pictures(1))[0].rename(tmp_path / "c" / "picture")
    (tmp_path / "link.png").symlink_to(odd)  # a name of its own
    assert find_files(list(map(str, (tmp_path, hidden, within, odd))), refuse) == [tmp_path, hidden, within, odd]
    assert count([tmp_path, hidden, within, odd], NOWHERE) == 4
    assert find_files([str(tmp_path / ".b"), str(within)], refuse) == [tmp_path / ".b"]


@pytest.mark.parametrize("name", ["missing", "photos/missing.jpg", "data/missing.parquet", "a/b/c", ""])
def test_what_is_not_there_and_no_id_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match="Nothing there"):
        find_files([name] if name else ["~nobody/x y"], refuse)
