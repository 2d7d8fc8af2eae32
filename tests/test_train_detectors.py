"""The comparison of face detectors: what they are tried on, how hits are counted, what is reported."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fersys.errors import DataError, ModelError
from tests.made_videos import squares, write
from train import detectors
from train.detectors import MARKS, SIZES, Sample, ask, count, run_detectors, samples, save, shrink, write_report

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
EMPTY = np.zeros((4, 4, 3), np.uint8)
FACE = (50.0, 60.0, 40.0)  # nose and side


def counted(*boxes: list[float], faces: tuple[tuple[float, float, float], ...] = (FACE,)) -> tuple[int, int]:
    row = count({"one": Sample("some", EMPTY, faces)}, {"one": list(boxes)})["some"]
    return row["found"], row["false"]


@pytest.mark.parametrize(
    ("box", "is_found"),
    [
        ([30, 40, 40, 40, 0], True),
        ([30, 40, 40, 40], True),
        ([51, 40, 40, 40, 0], False),  # the nose lies left of it
        ([9, 40, 40, 40, 0], False),
        ([30, 61, 40, 40, 0], False),
        ([30, 19, 40, 40, 0], False),
        ([0, 10, 99, 99, 0], True),
        ([0, 10, 101, 99, 0], False),  # the whole person
        ([42, 52, 17, 17, 0], True),
        ([42, 52, 15, 15, 0], False),  # the nose alone
        ([42, 52, 15, 17, 0], True),
    ],
)
def test_a_face_is_found_if_its_nose_lies_in_a_box_about_as_wide(box: list[float], is_found: bool) -> None:
    assert counted(box) == ((1, 0) if is_found else (0, 1))


def test_a_second_box_on_a_face_is_false() -> None:
    box = [30.0, 40.0, 40.0, 40.0]
    assert counted(box, box, [200.0, 0.0, 40.0, 40.0]) == (1, 2)


def test_two_faces_need_not_lie_in_the_same_box() -> None:
    other = (150.0, 60.0, 40.0)
    assert counted([30.0, 40.0, 40.0, 40.0], faces=(FACE, other)) == (1, 0)
    assert counted([30.0, 40.0, 40.0, 40.0], [130.0, 40.0, 40.0, 40.0], faces=(FACE, other)) == (2, 0)


def test_figures_are_summed_by_group() -> None:
    tried = {"a": Sample("small", EMPTY, (FACE,)), "b": Sample("small", EMPTY, (FACE, FACE)), "c": Sample("no face", EMPTY)}
    found = {"a": [[30.0, 40.0, 40.0, 40.0]], "b": [], "c": [[0.0, 0.0, 9.0, 9.0]] * 3}
    assert count(tried, found) == {
        "small": {"pictures": 2, "faces": 3, "found": 1, "false": 0},
        "no face": {"pictures": 1, "faces": 0, "found": 0, "false": 3},
    }


def with_nose(height: int, width: int, nose: tuple[int, int], side: float) -> Sample:
    """A black picture with a white nose of 20×20 pixels."""
    image = np.zeros((height, width, 3), np.uint8)
    image[nose[1] - 10 : nose[1] + 10, nose[0] - 10 : nose[0] + 10] = 255
    return Sample("as they are", image, ((*nose, side),))


@pytest.mark.parametrize(("height", "width", "side", "size"), [(400, 600, 200, 50), (300, 300, 40, 80), (2000, 400, 300, 115)])
def test_a_shrunk_face_lies_where_it_is_said_to_and_is_as_wide(height: int, width: int, side: float, size: int) -> None:
    small = shrink(with_nose(height, width, (180, 120), side), size)
    assert small.group == f"{size} px"
    assert small.image.shape == (720, 1280, 3)
    ((x, y, given),) = small.faces
    assert given == pytest.approx(size)
    rows, columns = np.nonzero(small.image[..., 0] > 200)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((x, y), abs=1)
    assert np.ptp(rows) + 1 == pytest.approx(20 * size / side, abs=2)
    assert (small.image[[0, -1], [0, -1]] == 128).all()


def test_faces_of_two_sizes_keep_their_ratio() -> None:
    sample = Sample("as they are", np.zeros((100, 200, 3), np.uint8), ((50, 50, 30), (150, 50, 50)))
    assert [side for _, _, side in shrink(sample, 20).faces] == pytest.approx([15, 25])


def test_what_is_larger_than_the_frame_is_cut_at_its_end() -> None:
    small = shrink(with_nose(1000, 1600, (180, 120), 100), 115)
    ((x, y, _),) = small.faces
    assert (x, y) == pytest.approx((180 * 1.15, 120 * 1.15))
    assert small.image[round(y), round(x)].min() == 255


@pytest.fixture
def made_media(astronaut: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture of the astronaut and a film of squares, marked; little bait."""
    folder = tmp_path / "media"
    folder.mkdir()
    cv2.imwrite(str(folder / "one.png"), astronaut[..., ::-1])
    write(folder / "film.mp4", squares(9))
    marks = {"one.png": [[0.44, 0.24, 0.22]], "film.mp4@2": [[0.2, 0.4, 0.3]], "film.mp4@5": [[0.3, 0.4, 0.3]], "film.mp4@8": []}
    (tmp_path / "marks.json").write_text(json.dumps(marks))
    monkeypatch.setattr(detectors, "MARKS", tmp_path / "marks.json")
    monkeypatch.setattr(detectors, "_BAIT", ("skimage/data/chelsea.png", "skimage/data/absent.png", "absent_package/cat.png"))
    monkeypatch.setattr(detectors, "SIZES", (115,))
    monkeypatch.setattr(detectors, "_TIMED", "one.png")
    return folder


def test_pictures_and_marks_come_together(made_media: Path, astronaut: Pixels) -> None:
    tried = samples(made_media, every=2)
    first = tried["one.png"]
    np.testing.assert_array_equal(first.image, astronaut)
    np.testing.assert_allclose(first.faces, [(0.44 * 512, 0.24 * 512, 0.22 * 512)])
    assert {name: sample.group for name, sample in tried.items()} == {
        **dict.fromkeys(("one.png", "film.mp4@2", "film.mp4@5", "astronaut.png", "grace_hopper.jpg"), "as they are"),
        **dict.fromkeys(("one.png-115", "film.mp4@2-115", "astronaut.png-115", "grace_hopper.jpg-115"), "115 px"),
        **dict.fromkeys(("film.mp4@8", "bait-chelsea.png"), "no face"),
    }


def test_the_frame_that_is_named_is_read(made_media: Path) -> None:
    frame = samples(made_media)["film.mp4@5"].image
    assert frame.shape == (96, 160, 3)
    red = np.nonzero(frame[40, :, 0].astype(int) - frame[40, :, 1] > 80)[0]
    assert (red.min(), red.max()) == pytest.approx((20, 59), abs=3)


@pytest.mark.parametrize(("name", "file"), [("none.png", "none.png"), ("none.mp4@3", "none.mp4"), ("film.mp4@99", "film.mp4")])
def test_missing_media_are_named(name: str, file: str, made_media: Path) -> None:
    detectors.MARKS.write_text(json.dumps({name: []}))
    with pytest.raises(DataError, match=rf"Expected .*Received: .*{file}"):
        samples(made_media)


def test_a_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Expected a folder with the trial media\. Received: .*none"):
        samples(tmp_path / "none")


def test_all_marks_lie_inside_their_pictures() -> None:
    marks = json.loads(MARKS.read_text(encoding="utf-8"))
    faces = [face for found in marks.values() for face in found]
    assert len(faces) > 40
    assert all(len(face) == 3 and all(0 < value < 1 for value in face) for face in faces)
    assert detectors._TIMED in marks


def test_every_portrait_and_bait_that_is_named_is_installed() -> None:
    missing = [file for file in (*detectors._PORTRAITS, *detectors._BAIT) if detectors._of_package(file) is None]
    assert not missing


def test_the_shared_media_hold_all_that_is_marked(media: Path) -> None:
    tried = samples(media)
    groups = {sample.group for sample in tried.values()}
    assert groups == {"as they are", "no face", *(f"{size} px" for size in SIZES)}
    for sample in tried.values():
        height, width = sample.image.shape[:2]
        assert all(0 < x < width and 0 < y < height for x, y, _ in sample.faces)
    assert tried[detectors._TIMED].image.shape == (360, 640, 3)


def test_haar_is_run_on_everything_and_its_row_counted(made_media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "_ROUNDS", 1)
    haar, absent = run_detectors(made_media, names=("haar", "cake"))
    assert absent == {"detector": "cake", "error": "KeyError: 'cake'"}
    assert haar["detector"] == "haar"
    assert haar["ms"] > 0
    assert haar["install_mb"] == 0
    assert haar["groups"]["as they are"]["faces"] == 5
    assert haar["groups"]["as they are"]["found"] == 3  # the squares are no faces
    assert haar["groups"]["no face"] == {"pictures": 2, "faces": 0, "found": 0, "false": 0}


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Expected an interpreter to run haar with. Received: .*none"):
        ask({"detector": "haar"}, str(tmp_path / "none"))


def test_an_interpreter_that_dies_without_a_word_is_an_error(tmp_path: Path) -> None:
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\nexit 3\n")
    mute.chmod(0o755)
    with pytest.raises(ModelError, match="no word"):
        ask({"detector": "haar"}, str(mute))


def test_the_worker_is_told_to_keep_to_one_thread_and_may_chat_before_it_answers(tmp_path: Path) -> None:
    fake = tmp_path / "fake"
    fake.write_text('#!/bin/sh\necho hello\necho "{\\"threads\\": \\"$OMP_NUM_THREADS$TF_NUM_INTRAOP_THREADS$DLIB_NUM_THREADS\\"}"\n')
    fake.chmod(0o755)
    assert ask({"detector": "haar"}, str(fake)) == {"threads": "111"}


def test_images_are_saved_for_the_worker(tmp_path: Path) -> None:
    save({"a@1": EMPTY}, tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "a@1.npy"), EMPTY)


GROUPS = {
    "as they are": {"pictures": 4, "faces": 5, "found": 3, "false": 1},
    "no face": {"pictures": 7, "faces": 0, "found": 0, "false": 6},
    "57 px": {"pictures": 4, "faces": 5, "found": 2, "false": 1},
}
ROWS: list[dict[str, Any]] = [{"detector": "cook", "error": "No module named 'cook'"}, {"detector": "haar", "groups": GROUPS, "ms": 12.34, "install_mb": 3.46}]


def test_table_and_figures_are_written(tmp_path: Path) -> None:
    table = write_report(ROWS, tmp_path / "made")
    assert json.loads((tmp_path / "made/detectors.json").read_text()) == {"rows": ROWS}
    assert table in (tmp_path / "made/detectors.md").read_text()
    head, _, first, second = table.splitlines()
    heads, cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in (head, second))
    assert dict(zip(heads, cells, strict=True)) == {
        "detector": "haar",
        "as they are: of 5": "3",
        "57 px: of 5": "2",
        "false boxes, 7 pictures without a face": "6",
        "false boxes beside faces": "2",
        "ms at 640×360": "12.3",
        "installed beside, MB": "3.5",
    }
    assert first.startswith("| cook | not measured: No module named 'cook' |")
    assert first.count("|") == head.count("|")


def test_a_report_without_any_detector_is_still_written(tmp_path: Path) -> None:
    assert "not measured" in write_report(ROWS[:1], tmp_path)
