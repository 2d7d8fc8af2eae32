"""DeepFace with its own weights: a stand-in lies where they are looked for, and no test fetches them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

import fersys
from fersys.digest import sha256
from fersys.errors import ModelError
from fersys.labels import EMOTIONS
from fersys.package import fingerprint
from fersys.recognizers import deepface_stock
from fersys.recognizers.deepface_library import EMOTION_FILE, RELEASE
from fersys.recognizers.deepface_stock import StockRecognizer, missing
from tests.tiny_deepface import as_deepface_sees, make_deepface_package, probe, random_network, weights_in
from tests.tiny_package import make_package

ROOT = Path(__file__).parent.parent
Pixels = npt.NDArray[np.uint8]
# A proxy that is not there: whatever is to be fetched fails at once.
OFFLINE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)


def noise(*shape: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(48, 48), (200, 200), (90, 60)])
@pytest.mark.parametrize("pixels", [[(0, 0), (0, 47), (47, 0), (47, 47), (24, 23), (10, 30)], [(0, 20), (47, 20), (20, 0), (20, 47), (3, 40), (33, 5)]])
def test_the_network_in_the_weights_folder_sees_the_pixels_that_were_computed_anew(
    shape: tuple[int, int], pixels: list[tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights_in(tmp_path, monkeypatch, probe(pixels))
    crop = noise(*shape)
    (row,) = fersys.load("deepface").predict([crop])
    seen = as_deepface_sees(crop)
    np.testing.assert_allclose(7 * row[:6], [seen[place] for place in pixels], atol=2e-5)
    assert row.sum() == pytest.approx(1)


def test_it_is_named_as_what_it_is_and_says_which_file_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch, random_network(0))
    stock = fersys.load(Path("deepface"))
    assert isinstance(stock, StockRecognizer)
    assert (stock.name, stock.title, stock.certainty) == ("deepface", "DeepFace", 0.0)
    assert (stock.weights, stock.sha256) == (path, sha256(path))
    assert fingerprint("deepface") == sha256(path)


def test_it_answers_beside_a_package_of_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_in(tmp_path, monkeypatch, random_network(0))
    stock, ours = fersys.load("deepface"), fersys.load(make_deepface_package(tmp_path, "ours", seed=1))
    same = fersys.load(make_deepface_package(tmp_path, "same", seed=0))
    crops = [noise(48, 48), noise(100, 100)]
    np.testing.assert_allclose(stock.predict(crops), same.predict(crops), atol=1e-6)
    assert np.abs(stock.predict(crops) - ours.predict(crops)).max() > 0.1


def test_a_package_in_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_package(tmp_path, "deepface")
    monkeypatch.chdir(tmp_path)
    assert not isinstance(fersys.load("deepface"), StockRecognizer)
    assert fingerprint("deepface") == sha256(package / "fersys.json")


def test_missing_weights_without_a_network_are_one_line_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch)
    with pytest.raises(ModelError) as caught:
        fersys.load("deepface")
    said = str(caught.value)
    assert "\n" not in said
    for needed in (
        f"expected {EMOTION_FILE} in {path.parent}",
        "DEEPFACE_HOME",
        f"{RELEASE}/{EMOTION_FILE}",
        "Received: no such file, and a download failed: ",
    ):
        assert needed in said
    assert said.endswith("ProxyError")
    assert list(path.parent.iterdir()) == []


def test_whether_it_is_there_is_said_without_fetching_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepface_stock, "_download", None)
    path = weights_in(tmp_path, monkeypatch)
    assert f"expected {EMOTION_FILE} in {path.parent}" in missing()
    assert not (tmp_path / ".deepface").exists()
    weights_in(tmp_path, monkeypatch, b"anything")
    assert missing() == ""
    monkeypatch.setitem(sys.modules, "deepface", None)
    assert missing() == "Expected the packages of requirements-app.txt. Received: no deepface"


def fetching(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Let the library's downloader find a server, the file behind it being what is given."""
    served = Path(os.environ["DEEPFACE_HOME"], "served")
    served.write_bytes(content)
    replaced = "import shutil, gdown, requests\nfrom deepface.commons import weight_utils\nweight_utils.ensure_source_is_reachable = print\n"
    replaced += f"gdown.download = lambda url, target, quiet: shutil.copy({str(served)!r}, target)\n"
    monkeypatch.setattr(deepface_stock, "_DOWNLOAD", replaced + deepface_stock._DOWNLOAD)


def test_what_the_library_s_downloader_brings_is_put_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch)
    fetching(monkeypatch, random_network(4))
    (row,) = fersys.load("deepface").predict([noise(48, 48)])
    assert row.shape == (len(EMOTIONS),)
    assert path.read_bytes() == random_network(4)
    assert list(path.parent.iterdir()) == [path]


def test_a_page_of_a_captive_network_is_not_kept_as_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch)
    fetching(monkeypatch, b"<html>Please log in</html>")
    with pytest.raises(ModelError, match="download failed: Expected a network that ONNX Runtime can load"):
        fersys.load("deepface")
    assert list(path.parent.iterdir()) == []


def test_a_server_that_says_nothing_more_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_in(tmp_path, monkeypatch)
    monkeypatch.setattr(deepface_stock, "_DOWNLOAD", "import time; time.sleep(20)")
    monkeypatch.setattr(deepface_stock, "_PATIENCE", 0.2)
    with pytest.raises(ModelError, match=r"a download failed: not done after 0\.2 seconds$"):
        fersys.load("deepface")


def test_a_home_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    weights_in(tmp_path / "file", monkeypatch)
    with pytest.raises(ModelError, match=f"expected {EMOTION_FILE} in .*Received: no such file, and a download failed: "):
        fersys.load("deepface")


def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch, b"half a network")
    with pytest.raises(ModelError, match=str(path)):
        fersys.load("deepface")


def command(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **OFFLINE, "PYTHONPATH": str(ROOT), "DEEPFACE_HOME": str(home)}
    return subprocess.run([sys.executable, "-m", "fersys", *map(str, words)], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def photo(tmp_path: Path, astronaut: Pixels) -> Path:
    PIL.Image.fromarray(astronaut).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_command_says_one_clear_line_without_the_weights(tmp_path: Path, photo: Path) -> None:
    done = command(tmp_path, "predict", "--model", "deepface", photo)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: DeepFace's own weights are missing: ")


def test_the_command_asks_it_by_its_name_beside_a_package(tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_in(tmp_path, monkeypatch, random_network(0))
    models = ("--model", "deepface", "--model", make_deepface_package(tmp_path, "ours", seed=1))
    done = command(tmp_path, "predict", *models, photo, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (answer,) = json.loads(done.stdout)
    assert list(answer["faces"][0]["predictions"]) == ["deepface", "ours"]
    shown = command(tmp_path, "predict", *models, photo).stdout.splitlines()
    assert [line.split("  ")[2] for line in shown[2:]] == ["DeepFace", "Somebody's weights"]


def test_a_table_of_its_answers_is_not_gone_on_with_by_other_weights(tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch, random_network(0))
    before = fingerprint("deepface")
    assert command(tmp_path, "score", photo, "--out", tmp_path / "faces.csv", "--model", "deepface").returncode == 0
    assert ",deepface," in (tmp_path / "faces.csv").read_text()
    path.write_bytes(random_network(1))
    assert fingerprint("deepface") != before


def test_the_list_of_models_says_where_it_is_and_what_its_hash_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch)
    assert f"deepface  not here: DeepFace's own weights are missing: expected {EMOTION_FILE}" in command(tmp_path, "models").stdout
    weights_in(tmp_path, monkeypatch, random_network(0))
    assert f"{path}, SHA-256 {sha256(path)}" in command(tmp_path, "models").stdout
