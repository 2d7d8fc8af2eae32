"""The networks inside the package: all there, unchanged, and one clear error if not."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fersys.errors import ModelError
from fersys.networks import FOLDER, HASHES, open_weights


@pytest.mark.parametrize("name", HASHES)
def test_each_network_opens_and_answers(name: str) -> None:
    session = open_weights(name)
    (entry,) = session.get_inputs()
    answers = session.run(None, {entry.name: np.zeros(entry.shape, np.float32)})
    assert len(answers) == 2
    assert all(np.isfinite(answer).all() for answer in answers)


def test_a_network_takes_one_thread() -> None:
    assert open_weights("blazeface-short").get_session_options().intra_op_num_threads == 1


def test_the_folder_holds_the_known_networks_and_says_where_they_are_from() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*(f"{name}.onnx" for name in HASHES), "README.md"}
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(name in text and digest in text for name, digest in HASHES.items())


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"face-mesh\.onnx: expected SHA-256 [0-9a-f]{64}; install fersys anew\. Received: no such file$"):
        open_weights("face-mesh", tmp_path)


def test_a_changed_network_is_not_opened(tmp_path: Path) -> None:
    path = shutil.copy(FOLDER / "blazeface-short.onnx", tmp_path)
    assert open_weights("blazeface-short", tmp_path)
    content = bytearray(Path(path).read_bytes())
    content[-1] ^= 1
    Path(path).write_bytes(content)
    with pytest.raises(ModelError, match=rf"expected SHA-256 {HASHES['blazeface-short']}; .*Received: (?!{HASHES['blazeface-short']})[0-9a-f]{{64}}$"):
        open_weights("blazeface-short", tmp_path)
