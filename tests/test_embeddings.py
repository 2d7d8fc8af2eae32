"""Each image is embedded once, whatever happens to the process that does it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fersys.errors import DataError, ModelError, PackageError
from fersys.package import load
from fersys.recognizers.deepface_head import DeepFaceHead
from tests.made_data import noise
from tests.made_run import made_data
from tests.tiny_package import make_package
from tests.tiny_recogniser import make_head_package
from train.embeddings import StoredEmbeddings, absence, open_recognizer

ROOT = Path(__file__).parent.parent

Pixels = npt.NDArray[np.uint8]


class Counting:
    """Stands for a recogniser: three numbers a picture, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        self.asked += len(crops)
        return np.array([[crop.mean(), crop[0, 0, 0], crop[-1, -1, 2]] for crop in crops], np.float32)


def expected(images: Pixels) -> npt.NDArray[np.float32]:
    return Counting()(crops(images))


def crops(images: Pixels) -> list[Pixels]:
    return list(np.repeat(images[..., None], 3, axis=3))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def store(images: Pixels, embed: Counting | None = None) -> tuple[StoredEmbeddings, Counting]:
    counting = embed or Counting()
    return StoredEmbeddings(Path("deep/kept.npy"), images, counting), counting


def test_every_image_is_embedded_once_and_kept_for_the_next_process() -> None:
    images = noise(100)
    stored, counting = store(images)
    np.testing.assert_array_equal(stored.of(images[:70]), expected(images[:70]))
    np.testing.assert_array_equal(stored.of(images[40:]), expected(images[40:]))
    again, unasked = store(images)
    np.testing.assert_array_equal(again.of(images[::-1]), expected(images[::-1]))
    assert (counting.asked, unasked.asked) == (100, 0)


def test_twins_share_a_row_and_the_order_of_the_data_does_not_matter() -> None:
    images = np.concatenate([noise(20), noise(20)])
    stored, counting = store(images)
    assert stored.fill(images) == counting.asked == 20
    assert np.load("deep/kept.npy").shape == (20, 3)
    shuffled, unasked = store(images[np.random.default_rng(0).permutation(40)])
    np.testing.assert_array_equal(shuffled.of(images), expected(images))
    assert unasked.asked == 0


def test_crops_of_the_data_are_looked_up_and_others_embedded_without_being_kept() -> None:
    images = noise(10)
    stored, counting = store(images)
    stored.fill(images)
    np.testing.assert_array_equal(stored(crops(images[3:6])), expected(images[3:6]))
    assert counting.asked == 10
    foreign = [*crops(noise(2, seed=9)), np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)]
    np.testing.assert_array_equal(stored(foreign), Counting()(foreign))
    np.testing.assert_array_equal(stored([*foreign, *crops(images[:1])])[-1:], expected(images[:1]))
    assert np.load("deep/kept.npy").shape == (10, 3)
    coloured = crops(images[:1])[0].copy()
    coloured[5, 5, 2] ^= 255
    before = counting.asked
    stored([coloured])
    assert counting.asked == before + 1
    assert stored([]).shape[0] == 0


def test_row_that_was_written_half_is_embedded_again_and_no_other() -> None:
    images = noise(30)
    stored, _ = store(images)
    stored.fill(images)
    kept = np.load("deep/kept.npy", mmap_mode="r+")
    kept[7, 2] = np.nan
    kept.flush()
    again, counting = store(images)
    np.testing.assert_array_equal(again.of(images), expected(images))
    assert counting.asked == 1


_SLOW = """
import sys, time
from pathlib import Path
from tests.made_data import noise
from tests.test_embeddings import Counting
from train.embeddings import StoredEmbeddings

class Slow(Counting):
    def __call__(self, crops):
        time.sleep(0.3)
        return super().__call__(crops)

images = noise(320)
StoredEmbeddings(Path("deep/kept.npy"), images, Slow()).fill(images)
"""


def known() -> int:
    return int(np.isfinite(np.load("deep/kept.npy")).all(axis=1).sum()) if Path("deep/kept.npy").is_file() else 0


def test_killed_process_is_gone_on_with(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", _SLOW], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        give_up = time.monotonic() + 120
        while known() < 64 and process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        said = process.communicate()[1]
    done = known()
    assert 64 <= done < 320, said
    assert "faces" in said
    images = noise(320)
    stored, counting = store(images)
    np.testing.assert_array_equal(stored.of(images), expected(images))
    assert counting.asked == 320 - done


def test_progress_says_how_many_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    stored, _ = store(noise(40))
    stored.fill(noise(40)[:35])
    said = capsys.readouterr().err
    assert "35 of 35 faces" in said
    assert "<" in said
    stored.fill(noise(40)[:35])
    assert capsys.readouterr().err == ""


def test_embeddings_that_are_no_numbers_are_refused_and_not_kept() -> None:
    images = noise(5)
    broken = StoredEmbeddings(Path("deep/kept.npy"), images, lambda crops: np.full((len(crops), 3), np.inf, np.float32))
    with pytest.raises(ModelError, match=r"expected finite embeddings\. Received: "):
        broken.fill(images)
    assert not Path("deep/kept.npy").exists()


def test_images_of_another_data_set_and_damaged_files_are_refused() -> None:
    stored, _ = store(noise(10))
    with pytest.raises(DataError, match=r"expected images of the data set.*Received: 3 others"):
        stored.of(noise(3, seed=8))
    Path("deep").mkdir()
    Path("deep/kept.npy").write_bytes(b"half a file")
    with pytest.raises(DataError, match=r"kept\.npy is damaged, remove it"):
        stored.fill(noise(10))
    np.save("deep/kept.npy", np.zeros((4, 3), np.float32))
    with pytest.raises(DataError, match=r"expected float32 \(10, d\)\. Received: float32 \(4, 3\)"):
        stored.fill(noise(10))


def test_measured_head_embeds_the_images_of_its_splits_once(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data, package = made_data(tmp_path_factory), make_head_package(tmp_path, "tiny")
    images = data.split("validation").images
    head = open_recognizer(package, data, ["validation"])
    (kept,) = Path("runs/embeddings").iterdir()
    assert kept.name.startswith("OpenFace-")
    assert data.fingerprint[:16] in kept.name
    assert np.isfinite(np.load(kept)).all(axis=1).sum() == len(images)
    assert isinstance(head, DeepFaceHead)
    np.testing.assert_allclose(head.predict(crops(images)), load(package).predict(crops(images)), atol=1e-6)
    open_recognizer(package, data, ["validation", "test"])
    assert np.isfinite(np.load(kept)).all(axis=1).sum() == len(images) + len(data.split("test").images)


def test_other_weights_have_a_file_of_their_own(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = made_data(tmp_path_factory)
    for seed in (1, 2):
        open_recognizer(make_head_package(tmp_path, f"head-{seed}", seed), data, ["validation"])
    assert len(list(Path("runs/embeddings").iterdir())) == 2


def test_network_of_another_kind_is_opened_as_ever(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert open_recognizer(make_package(tmp_path, "cnn"), made_data(tmp_path_factory), ["validation"]).name == "cnn"
    assert not Path("runs").exists()


def test_absence_of_a_recogniser_is_told_of_heads_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))
    head = make_head_package(tmp_path, "head")
    assert absence(make_package(tmp_path, "cnn")) == absence(head) == ""
    (head / "openface_weights.onnx").unlink()
    assert "openface_weights.onnx" in absence(head)
    (head / "model.onnx").write_bytes(b"changed")
    with pytest.raises(PackageError):
        absence(head)
