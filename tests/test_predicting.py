"""`fersys predict`: what is said of pictures, for people and for programs."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from fersys.errors import ConfigError
from fersys.images import read_image
from fersys.labels import EMOTIONS
from fersys.predicting import FORMATS, Drawings, Question, bar, predict

Pixels = npt.NDArray[np.uint8]
SCORES = np.array([0.05, 0.03, 0.02, 0.6, 0.1, 0.15, 0.05], np.float32)


class Says:
    """Says the same of every face."""

    def __init__(self, name: str = "says", certainty: float = 0.5, title: str = "") -> None:
        self.name, self.certainty, self.title = name, certainty, title or name

    def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        return np.tile(SCORES, (len(crops), 1))


@pytest.fixture
def photo(tmp_path: Path, astronaut: Pixels) -> Path:
    PIL.Image.fromarray(astronaut).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    PIL.Image.new("RGB", (40, 30)).save(tmp_path / "blank.png")
    return tmp_path / "blank.png"


def test_people_read_label_share_and_runners_up(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict([str(photo)], Question([Says(), Says("shy", 0.9)]), FORMATS["text"]) == 0
    head, face, sure, shy = capsys.readouterr().out.splitlines()
    assert head == f"{photo}: one face"
    assert face.startswith("  face 1 at ")
    assert sure == f"    says  {bar(0.6)} happy 60%  (surprise 15%, sad 10%)"
    assert shy == f"    shy   {bar(0.6)} not sure, maybe happy 60%  (surprise 15%, sad 10%)"


def test_people_read_titles_and_programs_names(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = Question([Says("a", title="Model A, by us"), Says("b")])
    predict([str(photo)], question, FORMATS["text"])
    assert [line[4:20] for line in capsys.readouterr().out.splitlines()[2:]] == ["Model A, by us  ", "b               "]
    for form in ("json", "csv"):
        predict([str(photo)], question, FORMATS[form])
        assert "Model A" not in capsys.readouterr().out


def test_programs_read_one_json_document(photo: Path, blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict([str(photo), str(blank), "missing.jpg"], Question([Says()]), FORMATS["json"]) == 1
    first, second, third = json.loads(capsys.readouterr().out)
    assert (first["path"], first["width"], first["height"]) == (str(photo), 512, 512)
    (face,) = first["faces"]
    assert len(face["box"]) == 4
    assert face["predictions"]["says"]["label"] == "happy"
    assert face["predictions"]["says"]["scores"] == pytest.approx(dict(zip(EMOTIONS, SCORES.tolist(), strict=True)))
    assert (second["faces"], third["path"]) == ([], "missing.jpg")
    assert "No such picture" in third["error"]


def test_tables_have_a_row_a_face_and_model(photo: Path, blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict([str(photo), str(blank)], Question([Says("a"), Says("b")]), FORMATS["csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["path"], row["face"], row["model"], row["label"], row["certain"], row["happy"]) for row in rows] == [
        (str(photo), "1", "a", "happy", "true", "0.6"), (str(photo), "1", "b", "happy", "true", "0.6"),
    ]  # fmt: skip


def paths_in_csv(names: Sequence[str], photo: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a reader of the table finds, whatever the file system allows."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr("fersys.predicting.read_image", lambda *_, **__: read_image(photo))
    out = io.StringIO(newline="")
    monkeypatch.setattr("sys.stdout", out)
    predict(names, Question([Says()]), FORMATS["csv"])
    assert out.getvalue().endswith(",0.05\n")
    return [row["path"] for row in csv.DictReader(io.StringIO(out.getvalue(), newline=""))]


def test_a_name_that_a_spreadsheet_would_run_stands_as_text_in_csv(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["=cmd|' C'!A0.png", "+1.png", "-1.png", "@SUM(A1).png", "\ta.png", "\ra.png"]
    assert paths_in_csv(names, photo, monkeypatch) == [f"'{name}" for name in names]


def test_other_names_stand_in_csv_as_they_are(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["-", "a=1.png", "'=1.png", "./-1.png", "é.png", "a\r=1.png", "a\n=1.png", 'a",=1.png']
    assert paths_in_csv(names, photo, monkeypatch) == names


def test_json_has_every_name_as_it_is(photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("fersys.predicting.read_image", lambda *_, **__: read_image(photo))
    predict(["=1.png"], Question([Says()]), FORMATS["json"])
    assert json.loads(capsys.readouterr().out)[0]["path"] == "=1.png"


def test_a_bad_picture_is_named_and_the_others_go_on(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    assert predict([str(tmp_path / "bad.jpg"), str(photo)], Question([Says()]), FORMATS["text"]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "bad.jpg" in said.err
    assert f"{photo}: one face" in said.out


def test_no_face_in_any_picture_has_a_code_of_its_own(photo: Path, blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict([str(blank)], Question([Says()]), FORMATS["text"]) == 3
    assert capsys.readouterr().out == f"{blank}: no face found\n"
    assert predict([str(blank), str(photo)], Question([Says()]), FORMATS["text"]) == 0


def test_a_picture_that_is_a_face_already_is_taken_whole(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict([str(blank)], Question([Says()], crops=True), FORMATS["json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["faces"][0]["box"] == [0, 0, 40, 30]


def test_a_picture_comes_from_standard_input_too(photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(photo.read_bytes())))
    assert predict(["-"], Question([Says()]), FORMATS["text"]) == 0
    assert capsys.readouterr().out.startswith("-: one face")


def test_what_is_wrong_with_standard_input_is_said_of_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no picture")))
    assert predict(["-"], Question([Says()]), FORMATS["text"]) == 1
    assert capsys.readouterr().err.endswith("Received: standard input\n")


@pytest.mark.parametrize("name", ["é😀.png", "a\udce9.png"])
def test_json_is_whole_in_any_encoding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(file, encoding="cp1252", errors="backslashreplace"))
    predict([name], Question([Says()]), FORMATS["json"])
    sys.stdout.flush()
    assert json.loads(file.getvalue())[0]["path"] == name


def drawn(photos: list[Path], target: Path) -> None:
    predict([str(path) for path in photos], Question([Says()], drawings=Drawings(target, [str(path) for path in photos])), FORMATS["json"])


def test_one_picture_is_drawn_into_a_file(photo: Path, tmp_path: Path, astronaut: Pixels) -> None:
    drawn([photo], tmp_path / "new" / "faces.png")
    with PIL.Image.open(tmp_path / "new" / "faces.png") as picture:
        assert 0.001 < (np.asarray(picture) != astronaut).any(axis=2).mean() < 0.2


def test_several_pictures_are_drawn_into_a_folder_again_and_again(photo: Path, blank: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / photo.name
    other.write_bytes(photo.read_bytes())
    for _ in range(2):
        drawn([photo, blank, other], tmp_path / "drawn")
        assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"photo-faces.png", "blank-faces.png", "photo-faces-2.png"}


def refused(photos: list[Path], target: Path) -> str:
    before = {path: path.read_bytes() for path in photos[0].parent.rglob("*.png")}
    with pytest.raises(ConfigError, match=r"another file than the pictures.*Received: ") as caught:
        drawn(photos, target)
    assert {path: path.read_bytes() for path in photos[0].parent.rglob("*.png")} == before
    return str(caught.value)


def test_no_drawing_takes_the_place_of_its_picture(photo: Path) -> None:
    assert str(photo) in refused([photo], photo)
    assert str(photo) in refused([photo], photo.parent / "." / photo.name)
    drawn([photo], photo.parent)


def test_no_drawing_takes_the_place_of_another_picture_of_the_run(photo: Path, blank: Path) -> None:
    before = photo.read_bytes()
    drawing = photo.with_name("blank-faces.png")
    assert str(drawing) in refused([blank, drawing], photo.parent)  # not there yet: it would be read as a photo
    drawing.write_bytes(before)
    assert str(drawing) in refused([blank, drawing], photo.parent)
    assert str(drawing) in refused([drawing, blank], photo.parent)
    drawing.rename(photo.with_name("blank-faces-2.png"))
    refused([blank, blank, photo.with_name("blank-faces-2.png")], photo.parent)


def test_no_drawing_takes_the_place_of_a_picture_by_another_name_of_it(photo: Path) -> None:
    other = photo.with_name("link.png")
    other.hardlink_to(photo)
    assert str(other) in refused([photo], other)


def test_names_that_no_file_can_have_are_bad_pictures_not_a_crash(blank: Path, tmp_path: Path) -> None:
    drawn([tmp_path / ("a" * 400), blank], tmp_path / "drawn")
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["blank-faces.png"]


def test_a_drawing_of_an_unknown_kind_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.png, \.jpg.*Received: a\.txt"):
        Drawings(Path("a.txt"), ["a.jpg"])
    (tmp_path / "there").write_text("")
    for file in (tmp_path / "there", tmp_path / "out.png", tmp_path / "out.JPG"):
        with pytest.raises(ConfigError, match=f"a folder for several.*{file.name}"):
            Drawings(file, ["a.jpg", "b.jpg"])
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_folder_may_be_named_like_a_picture(photo: Path, blank: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn.png").mkdir()
    drawn([photo, blank], tmp_path / "drawn.png")
    assert len(list((tmp_path / "drawn.png").iterdir())) == 2


@pytest.mark.parametrize(("share", "full"), [(0, 0), (0.5, 10), (1, 20)])
def test_a_bar_is_as_full_as_the_share(share: float, full: int) -> None:
    assert bar(share) == "█" * full + "·" * (20 - full)
