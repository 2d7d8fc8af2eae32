"""A whole model package in miniature: every file that a pushed one has, with stand-ins for Keras' own."""

from pathlib import Path

from fersys.config import read_config
from fersys.package import MODEL_FILES, SERVING_FILE, seal
from tests.tiny_package import make_package


def make_whole(folder: Path, name: str = "tiny", seed: int = 0, metrics: str = '{"splits": {}}') -> Path:
    """Write a package that `check_package` accepts into folder/name: a network that answers, a card, a licence and a figure."""
    package = make_package(folder, name, seed=seed, metrics=metrics)
    for file in MODEL_FILES:
        if file != SERVING_FILE:
            (package / file).write_bytes(f"{file} of {name}, {seed}".encode() * 40)
    (package / "README.md").write_text(f"# {name} {seed}\n", encoding="utf-8")
    (package / "LICENSE.md").write_text("Apache-2.0\n", encoding="utf-8")
    (package / "figures").mkdir()
    (package / "figures" / "curve.png").write_bytes(b"\x89PNG" * 9)
    seal(package, read_config(package))
    return package


def flip(path: Path) -> Path:
    """Change one bit in the middle of a file, behind a link if it is one."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.resolve().write_bytes(bytes(content))
    return path


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
