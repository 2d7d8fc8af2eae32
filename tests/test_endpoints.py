"""What programs ask: `/classify` and `/compare`, as functions, through `gradio_client` and through `curl`."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import numpy.typing as npt
import pytest

from app.endpoints import classify, compare
from app.models import Arms, Model
from fersys import EMOTIONS
from tests.fixed import Fixed, png, uploaded
from tests.served import Served, serve

Image = npt.NDArray[np.uint8]
ARMS = Arms((Model(Fixed("glad", "happy", 0.9)), Model(Fixed("other", "sad"))), (Model(Fixed("gloomy", "sad", 0.95)),))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


def test_classification_names_box_label_and_all_scores(tmp_path: Path, astronaut: Image) -> None:
    said = classify(uploaded(tmp_path, png(astronaut)), None, ARMS)
    assert (said["width"], said["height"], said["model"]) == (512, 512, "glad")
    (face,) = said["faces"]
    x, y, width, height = face["box"]
    assert 0 <= x < x + width <= 512
    assert 0 <= y < y + height <= 512
    assert (face["label"], face["certain"]) == ("happy", True)
    assert list(face["scores"]) == list(EMOTIONS)
    assert sum(face["scores"].values()) == pytest.approx(1)
    assert face["score"] == face["scores"]["happy"]
    assert said["seconds"]["detect"] > 0 < said["seconds"]["models"]["glad"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "label", "certain"), [("other", "sad", True), ("gloomy", "sad", False)])
def test_a_model_of_either_side_can_be_named(tmp_path: Path, astronaut: Image, name: str, label: str, certain: bool) -> None:
    said = classify(uploaded(tmp_path, png(astronaut)), name, ARMS)
    assert (said["model"], said["faces"][0]["label"], said["faces"][0]["certain"]) == (name, label, certain)


@pytest.mark.parametrize(("cnn", "agree"), [(None, False), ("other", True)])
def test_comparison_says_what_each_side_finds_and_whether_they_agree(tmp_path: Path, astronaut: Image, cnn: str | None, agree: bool) -> None:
    said = compare(uploaded(tmp_path, png(astronaut)), cnn, None, ARMS)
    assert said["models"] == {"cnn": cnn or "glad", "deepface": "gloomy"}
    (face,) = said["faces"]
    assert (face["agree"], face["certain"]) == (agree, False)  # DeepFace is not
    assert face["deepface"]["label"] == "sad"
    assert set(said["seconds"]["models"]) == {cnn or "glad", "gloomy"}


def test_comparison_without_deepface_says_so(tmp_path: Path, astronaut: Image) -> None:
    said = compare(uploaded(tmp_path, png(astronaut)), None, "", Arms(ARMS.cnn))
    assert said["models"]["deepface"] is None
    assert (said["faces"][0]["deepface"], said["faces"][0]["agree"], said["faces"][0]["certain"]) == (None, None, True)


def test_a_model_of_the_wrong_side_or_none_is_an_error_for_the_client(tmp_path: Path, astronaut: Image) -> None:
    with pytest.raises(gr.Error, match="expected glad, other, gloomy"):
        classify(uploaded(tmp_path, png(astronaut)), "nobody", ARMS)
    with pytest.raises(gr.Error, match=r"expected glad, other\. Received: 'gloomy'"):
        compare(uploaded(tmp_path, png(astronaut)), "gloomy", None, ARMS)


@pytest.mark.parametrize("content", [None, b"nothing"])
def test_no_picture_is_an_error_for_the_client(tmp_path: Path, content: bytes | None) -> None:
    with pytest.raises(gr.Error):
        classify(None if content is None else uploaded(tmp_path, content), None, ARMS)


def test_endpoint_answers_and_leaves_no_file(served: Served, astronaut: Image) -> None:
    ended, (said,) = served.classify(served.upload("face.png", png(astronaut)))
    assert (ended, said["model"], len(said["faces"])) == ("complete", "first", 1)
    assert served.files() == []


def test_endpoint_says_why_it_cannot_read_a_file(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    ended, data = served.classify(served.upload("holiday.jpg", b"\xff\xd8\xff nothing more"))
    assert ended == "error"
    assert "expected JPEG, PNG, WebP" in str(data)
    output = capfd.readouterr()
    assert "holiday" not in output.out + output.err
    assert "Traceback" not in output.out + output.err
    assert served.files() == []


def test_gradio_s_client_asks_both_endpoints(served: Served, astronaut: Image, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file  # type: ignore[import-untyped]

    (tmp_path / "face.png").write_bytes(png(astronaut))
    client = Client(served.url, verbose=False, analytics_enabled=False, httpx_kwargs={"trust_env": False}, download_files=False)
    assert client.predict(handle_file(tmp_path / "face.png"), api_name="/classify")["model"] == "first"
    assert client.predict(handle_file(tmp_path / "face.png"), "second", api_name="/classify")["model"] == "second"
    both = client.predict(handle_file(tmp_path / "face.png"), api_name="/compare")
    assert both["models"] == {"cnn": "first", "deepface": "second"}
    assert both["faces"][0]["agree"] in {True, False}
    assert served.files() == []


def test_curl_asks_in_three_lines(served: Served, astronaut: Image, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "face.png").write_bytes(png(astronaut))

    def curl(*words: str) -> str:
        return subprocess.run(["curl", "-sN", "--noproxy", "*", *words], capture_output=True, text=True, check=True).stdout

    (path,) = json.loads(curl("-F", f"files=@{tmp_path / 'face.png'}", f"{served.url}/gradio_api/upload"))
    asked = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, None]})
    event = json.loads(curl("-H", "Content-Type: application/json", "-d", asked, f"{served.url}/gradio_api/call/classify"))["event_id"]
    assert '"label"' in curl(f"{served.url}/gradio_api/call/classify/{event}")
