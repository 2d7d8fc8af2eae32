"""Opening networks for serving."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fersys.config import read_config
from fersys.errors import ModelError
from fersys.package import SERVING_FILE, find_packages
from fersys.runtime import open_network
from tests.tiny_package import make_package

ROOT = Path(__file__).parent.parent
SHIPPED = find_packages(ROOT / "hub/models")


def network(folder: Path) -> Path:
    return make_package(folder, "tiny") / SERVING_FILE


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_a_call_may_use_as_many_threads_as_asked_for(threads: int, tmp_path: Path) -> None:
    assert open_network(network(tmp_path), threads).get_session_options().intra_op_num_threads == threads


def test_threads_that_wait_do_not_burn_a_core(tmp_path: Path) -> None:
    assert open_network(network(tmp_path)).get_session_options().get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("content", [b"", b"no network", bytes(1000)])
def test_a_file_that_is_no_network_is_one_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"Expected a network that ONNX Runtime can load\. Received: .*model\.onnx"):
        open_network(tmp_path / "model.onnx")


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx"):
        open_network(tmp_path / "none.onnx")


@pytest.mark.parametrize("given", [None, "0"])
def test_the_runtime_does_not_report_to_its_maker_unless_the_user_says_so(given: str | None, tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from fersys.runtime import open_network\n"
    code += "open_network(Path(sys.argv[1])); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | ({"ORT_DISABLE_TELEMETRY": given} if given else {})
    done = subprocess.run([sys.executable, "-c", code, str(network(tmp_path))], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (given or "1")


@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("package", SHIPPED, ids=lambda folder: folder.name)
def test_eight_threads_on_one_network_get_bit_by_bit_what_one_gets(package: Path, threads: int) -> None:
    session = open_network(package / read_config(package).serving_file, threads)
    name, shape = session.get_inputs()[0].name, session.get_inputs()[0].shape[1:]
    inputs = np.random.default_rng(0).integers(0, 256, (24, 1, *shape)).astype(np.float32)

    def ask(one: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bytes:
        return bytes(session.run(None, {name: one})[0].tobytes())

    alone = [ask(one) for one in inputs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, inputs)) == alone
