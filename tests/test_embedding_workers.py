"""Faces are embedded in several processes, in order, and none of them outlives its maker."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fersys.errors import ModelError
from fersys.recognizers.deepface_head import Base, open_embedder
from tests.made_data import noise
from tests.tiny_recogniser import write_recogniser
from train.embedding_workers import workers
from train.embeddings import StoredEmbeddings

ROOT = Path(__file__).parent.parent


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Base:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    return write_recogniser(tmp_path / ".deepface" / "weights")


def test_two_processes_give_what_one_gives_in_order(tmp_path: Path, base: Base) -> None:
    images = noise(150)
    stored = StoredEmbeddings(tmp_path / "two.npy", images, open_embedder(base))
    with workers(base, 2) as spread:
        stored.fill(images, spread)
    alone = StoredEmbeddings(tmp_path / "one.npy", images, open_embedder(base))
    np.testing.assert_allclose(stored.of(images), alone.of(images), atol=1e-6)


def test_process_that_cannot_open_the_recogniser_is_one_clear_error(base: Base) -> None:
    wrong = Base(base.recogniser, base.file, "0" * 64, base.crop)
    with workers(wrong, 2) as spread, pytest.raises(ModelError, match=r"expected SHA-256 0{64}.*Received: "):
        list(spread([list(np.repeat(noise(2)[..., None], 3, axis=3))] * 3))


def test_process_that_was_killed_is_one_clear_error(base: Base) -> None:
    batch = list(np.repeat(noise(2)[..., None], 3, axis=3))
    with workers(base, 1) as spread:
        answers = spread([batch] * 3)
        assert next(answers).shape == (2, 128)
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        with pytest.raises(ModelError, match=r"A process that embeds faces ended.*Received: none"):
            list(answers)


_MAKER = """
import multiprocessing, sys, time
from fersys.recognizers.deepface_head import Base
from train.embedding_workers import workers

if __name__ == "__main__":
    with workers(Base(*sys.argv[1:]), 2) as spread:
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        time.sleep(60)
"""


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]


def test_processes_end_when_their_maker_is_killed(tmp_path: Path, base: Base) -> None:
    if not Path("/proc/self/stat").is_file():
        pytest.skip("no /proc here to look for processes in")
    script = tmp_path / "maker.py"
    script.write_text(_MAKER)
    command = [sys.executable, str(script), base.recogniser, base.file, base.sha256, base.crop]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        children = [int(number) for number in maker.stdout.readline().split()]
        maker.send_signal(signal.SIGKILL)
    assert len(children) == 2
    give_up = time.monotonic() + 60
    while any(map(alive, children)) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert not any(map(alive, children))
