"""Streams of pictures from whatever the user names."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fersys.errors import DataError
from fersys.pictures import NO_ROW, Picture, count, find_files, stream
from tests.made_data import ALPHABETICAL
from tests.made_pictures import fill, pictures, write_parquet

NOWHERE = Path("nowhere.csv")


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


def test_a_row_without_a_picture_is_a_problem(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [None, *pictures(1)])
    first, second = streamed(path)
    assert "no picture in this row" in first.problem
    assert not second.problem


def test_a_picture_beside_its_parquet_file_is_found(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [{"bytes": None, "path": "a.png"}]}), tmp_path / "a.parquet")
    assert streamed(tmp_path / "a.parquet")[0].content == tmp_path / "a.png"


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


def test_the_results_are_no_source(tmp_path: Path) -> None:
    fill(tmp_path, pictures(1))
    out = write_parquet(tmp_path / "results.parquet", pictures(2))
    assert len(streamed(tmp_path, out=out)) == count([tmp_path], out) == 1


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

    assert find_files([str(tmp_path), str(path)], refuse) == [tmp_path, path]
    assert find_files(["you/fer2013@v1"], pull) == [path, path]
    assert asked == ["you/fer2013@v1"]


@pytest.mark.parametrize("name", ["missing", "photos/missing.jpg", "data/missing.parquet", "a/b/c", ""])
def test_what_is_not_there_and_no_id_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match="Nothing there"):
        find_files([name] if name else ["~nobody/x y"], refuse)
