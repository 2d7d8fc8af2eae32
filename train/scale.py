"""Shows that `fersys score` takes a bounded memory, and what it keeps of a model's speed: `reports/scale.md`."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fersys.errors import ModelError
from fersys.package import load
from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.base import Recognizer
from fersys.tables import in_parts
from fersys.throughput import measure
from train.atomic import write_json

MOST_FILES = 100_000  # more are tried as a parquet file only: to make and to delete them takes longer than to read them

_JSON = "scale.json"
_GROUP = 1000  # rows of parquet written at once
_LEVELS = 256
# The command, which in the end says the most memory that its process held. What a parent is told of a child may be the parent's own.
_CHILD = """
import sys
from pathlib import Path
from fersys.__main__ import main

code = main(sys.argv[1:])
status = Path("/proc/self/status")
print(*[line for line in status.read_text().splitlines() if line.startswith("VmHWM:")] if status.exists() else ["unknown"])
sys.exit(code)
"""


def write_rows(folder: Path, count: int) -> Path:
    """Write a parquet file of flat gray pictures, 48×48, as the `datasets` library lays it out, and return its path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    contents = _flat_pictures()
    path = folder / "pictures.parquet"
    with pq.ParquetWriter(path, pa.schema([("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))])) as writer:
        for part in in_parts(range(count), _GROUP):
            rows = [{"bytes": contents[number % _LEVELS], "path": None} for number in part]
            writer.write_table(pa.table({"image": pa.array(rows, writer.schema.field("image").type)}))
    return path


def write_files(folder: Path, count: int) -> Path:
    """Write PNG files of flat gray, 48×48, into a folder of folders of a thousand each, and return its path."""
    contents = _flat_pictures()
    root = folder / "pictures"
    for part in in_parts(range(count), _GROUP):
        place = root / f"{part[0]:09d}"
        place.mkdir(parents=True)
        for number in part:
            (place / f"{number:09d}.png").write_bytes(contents[number % _LEVELS])
    return root


def _flat_pictures() -> list[bytes]:
    return [cv2.imencode(".png", np.full((INPUT_SIZE, INPUT_SIZE), level, np.uint8))[1].tobytes() for level in range(_LEVELS)]


SOURCES: dict[str, Callable[[Path, int], Path]] = {"parquet": write_rows, "files": write_files}


def run_scale(package: Path, sizes: Sequence[int], rounds: int = 5) -> dict[str, Any]:
    """Score ever more pictures with the command, each time in a process of its own, and time a model with and without it.

    Args:
        package: the model.
        sizes: numbers of pictures.
        rounds: of the timing.

    Returns:
        the model's part of `scale.json`: {"model", "runs": [{"source", "pictures", "seconds", "peak_mb"}], "speed": {"ready", "scored"}}, the last
        in faces a second; peak_mb is None where the system does not say it.

    Raises:
        ModelError: if the command fails, or leaves a picture out.
    """
    asked = [(source, size) for source in SOURCES for size in sizes if source == "parquet" or size <= MOST_FILES]
    runs = [{"source": source, "pictures": size, **_run(package, source, size)} for source, size in asked]
    model: Recognizer = load(package)
    return {"model": model.name, "runs": runs, "speed": asdict(measure(model, rounds=rounds))}


def _run(package: Path, source: str, size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "out.parquet"
        words = ["score", str(SOURCES[source](folder, size)), "--crops", "--out", str(out), "--model", str(package)]
        begin = time.perf_counter()
        peak = _peak(words)
        seconds = time.perf_counter() - begin
        if (received := _rows_of(out)) != size:
            raise ModelError(f"Expected a table of {size:,} rows. Received: {received:,}")
    return {"seconds": round(seconds, 1), "peak_mb": peak}


def _peak(words: list[str]) -> int | None:
    """Run `fersys` and return the most memory that it held, in MB; None where Linux is not there to say it."""
    done = subprocess.run([sys.executable, "-c", _CHILD, *words], capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise ModelError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    found = re.fullmatch(r"VmHWM:\s+(\d+) kB", done.stdout.splitlines()[-1])
    return round(int(found[1]) * 1024 / 1e6) if found else None


def _rows_of(table: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(table).num_rows)


def write_report(result: dict[str, Any], folder: Path) -> str:
    """Write `scale.json` and `scale.md` into `folder` and return the latter; what other models were measured to do stays in both."""
    folder.mkdir(parents=True, exist_ok=True)
    former = json.loads((folder / _JSON).read_text(encoding="utf-8"))["models"] if (folder / _JSON).exists() else []
    results = sorted([result, *(other for other in former if other["model"] != result["model"])], key=lambda one: str(one["model"]))
    write_json(folder / _JSON, {"models": results})
    text = "\n\n".join([_INTRO, *map(_section, results)]) + "\n"
    (folder / "scale.md").write_text(text, encoding="utf-8")
    return text


def _section(result: dict[str, Any]) -> str:
    ready, scored = result["speed"]["ready"], result["speed"]["scored"]
    lines = [
        f"| {run['source']} | {run['pictures']:,} | {_memory(run)} | {run['seconds']:.1f} | {run['pictures'] / run['seconds']:.0f} |" for run in result["runs"]
    ]
    heads = ["| source | pictures | peak memory, MB | seconds | pictures/s |", "|---|---|---|---|---|"]
    speed = (
        f"In one process, medians of turns: {ready:.0f} faces/s that lie in memory as arrays, and {scored:.0f} faces/s of noise in PNG files with a "
        f"table written: {scored / ready:.2f} of it."
    )
    return "\n".join([f"## {result['model']}", "", *heads, *lines, "", speed])


def _memory(run: dict[str, Any]) -> str:
    return "not known" if run["peak_mb"] is None else str(run["peak_mb"])


_INTRO = """# Scoring many pictures

`fersys score --crops`, each run in a process of its own: the most memory that it held, and its time from start to end. Pictures \
are flat gray PNGs of 48×48 pixels, in one parquet file or as files in folders; they cost less to decode than photos, and a network \
answers them as quickly as any. How many a second it is depends on the model first of all. Made by `python -m train scale`."""
