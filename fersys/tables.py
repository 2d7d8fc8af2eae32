"""Answers as rows of a table, one a face and model, and the files that hold such tables.

To write a fourth kind of file, write a function like `_write_csv` and add it to `WRITERS`.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from fersys.analysis import FaceResult
from fersys.errors import ConfigError
from fersys.labels import EMOTIONS

BOX = ("x", "y", "width", "height")
COLUMNS: tuple[str, ...] = ("path", "row", "face", *BOX, "model", "label", "certain", *EMOTIONS, "truth")
NO_FACE = 0  # faces count from 1
Row = tuple[Any, ...]  # values in the order of `COLUMNS`; None where there is nothing to say

_T = TypeVar("_T")
_FORMULA = re.compile(r"[=+@\t\r-].", re.DOTALL)  # how a spreadsheet tells one; a sign alone is none, such as "-" for standard input
_PART = 10_000  # rows of parquet written at once: bounds memory


def to_rows(results: Sequence[FaceResult], models: Sequence[str]) -> list[Row]:
    """Return what follows path and row in the table, up to the scores: one row a face and model.

    A picture without a face has a row a model too, with face 0 and nothing else, so that no
    picture is missing from the table.

    Args:
        results: the faces of one picture.
        models: the names of the models that were asked.
    """
    if not results:
        return [(NO_FACE, *[None] * len(BOX), model, None, None, *[None] * len(EMOTIONS)) for model in models]
    numbered = enumerate(results, 1)
    return [(number, *found.face.box, said.model, said.label, said.certain, *said.scores.values()) for number, found in numbered for said in found.predictions]


def find_writer(path: Path) -> Callable[[Path, Iterable[Row]], None]:
    """Return the function that writes a table to a file with this suffix.

    Raises:
        ConfigError: if there is none, or its library is not installed.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(f"Results: expected a file name that ends in {', '.join(WRITERS)}. Received: {path}")
    if path.suffix == ".parquet":
        need_pyarrow()
    return WRITERS[path.suffix]


def need_pyarrow() -> None:
    """Raise ConfigError if the library that reads and writes parquet is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError("Parquet needs pyarrow: expected the packages of requirements-app.txt. Received: no pyarrow") from error


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(map(for_csv, rows))


def for_csv(row: Row) -> list[Any]:
    """Return the values as they stand in a CSV file: `true` and `false`, seven digits, nothing for None.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises: whoever made a file may have named it so.

    >>> for_csv(("=cmd|x.png", "a=b.png", -1, True, 0.123456789, None))
    ["'=cmd|x.png", 'a=b.png', -1, 'true', '0.1234568', None]
    """
    return [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.7g}"
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def counted(number: int, noun: str) -> str:
    """Return a number with what it counts.

    >>> counted(1, "face"), counted(2000, "face")
    ('1 face', '2,000 faces')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _write_jsonl(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(pa)
    with pq.ParquetWriter(path, schema) as writer:
        for part in in_parts(rows, _PART):
            columns = zip(*part, strict=True)
            writer.write_table(pa.table([pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema))


def _schema(pa: Any) -> Any:
    kinds = {"row": pa.int64(), "face": pa.int32(), "certain": pa.bool_()}
    kinds |= dict.fromkeys(BOX, pa.int32()) | dict.fromkeys(EMOTIONS, pa.float32())
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def in_parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Cut a stream into lists of `size` items; the last may be shorter."""
    stream = iter(items)
    while part := list(islice(stream, size)):
        yield part


WRITERS: dict[str, Callable[[Path, Iterable[Row]], None]] = {".parquet": _write_parquet, ".csv": _write_csv, ".jsonl": _write_jsonl}
