"""Holds the layout that CONTRIBUTING.md describes: who may import whom, and how large things may grow."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = ("train", "model_card", "hub", "app")
LAYERS = ("fersys", *LEAVES)

# A library and the only files that may import it.
OWNERS: dict[str, tuple[str, ...]] = {
    "argparse": ("*/__main__.py",),
    "deepface": ("fersys/recognizers/deepface_*.py", "train/rival_worker.py"),  # there it is timed, in a process of its own
    "gradio": ("app/*", "train/expression_metrics/app.py"),
    "huggingface_hub": ("fersys/cached.py", "fersys/hub_client.py", "fersys/pretrained.py", "fersys/pull.py", "fersys/snapshots.py", "hub/*", "model_card/*"),
    "keras": ("train/*", "fersys/recognizers/keras_*.py"),
    "tensorflow": ("train/*", "fersys/recognizers/keras_*.py"),
}
# `evaluate.load("<folder>")` looks for a file that is named like its folder.
NAMED_LIKE_THEIR_FOLDER = {"train/expression_metrics/expression_metrics.py"}
# What serving must start without.
HEAVY = {"datasets", "deepface", "keras", "matplotlib", "sklearn", "tensorflow"}
MAX_LINES, MAX_PARAMETERS = 40, 5


def _files(*folders: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


def _imports(tree: ast.Module, layer: str) -> set[str]:
    """Top-level names of everything that is imported, at the top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(layer if node.level else (node.module or "").partition(".")[0])
    return names


def _may_import(layer: str) -> set[str]:
    return {layer, "fersys"} if layer in LEAVES else {layer}


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _functions(file: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(_tree(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    return [parameter.arg for parameter in every if parameter.arg not in {"self", "cls"}]


def test_the_core_is_found() -> None:
    assert "fersys/labels.py" in _files(*LAYERS)


@pytest.mark.parametrize("file", _files(*LAYERS))
def test_a_layer_imports_the_core_and_no_other_layer(file: str) -> None:
    layer = file.partition("/")[0]
    assert _imports(_tree(file), layer) & set(LAYERS) <= _may_import(layer)


@pytest.mark.parametrize("file", _files(*LAYERS))
def test_a_library_is_imported_by_its_owners_only(file: str) -> None:
    imported = _imports(_tree(file), file.partition("/")[0])
    strays = [name for name, owners in OWNERS.items() if name in imported and not any(fnmatch(file, owner) for owner in owners)]
    assert not strays, f"{file} imports {strays}; owners: {[OWNERS[name] for name in strays]}"


def test_no_file_is_named_like_its_package_or_a_library() -> None:
    files = _files(*LAYERS)
    libraries = set().union(*(_imports(_tree(file), "fersys") for file in files)) - set(LAYERS)
    confusing = [file for file in files if Path(file).stem in libraries | {Path(file).parent.name}]
    assert set(confusing) <= NAMED_LIKE_THEIR_FOLDER


_IMPORT_ALL = """
import importlib, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError(f"import asked the network: {arguments}")

sys.addaudithook(refuse)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _loaded_by(modules: list[str]) -> set[str]:
    """Top-level names of all modules that a fresh interpreter holds after importing `modules`."""
    command = [sys.executable, "-c", _IMPORT_ALL, *modules]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("layer", ["fersys", "app"])
def test_importing_what_serves_loads_nothing_heavy_and_asks_no_network(layer: str) -> None:
    modules = [_module(file) for file in _files(layer)]
    if not modules:
        pytest.skip(f"{layer}/ has no module yet")
    assert not _loaded_by(modules) & HEAVY


def test_importing_the_core_does_not_load_the_app_s_library() -> None:
    assert "gradio" not in _loaded_by([_module(file) for file in _files("fersys")])


@pytest.mark.parametrize("file", _files(*LAYERS, "tests"))
def test_functions_are_short_and_take_few_parameters(file: str) -> None:
    long = {f.name: lines for f in _functions(file) if (lines := (f.end_lineno or 0) - f.lineno + 1) > MAX_LINES}
    wide = {f.name: len(_parameters(f)) for f in _functions(file) if len(_parameters(f)) > MAX_PARAMETERS}
    assert not long, f"{file}: more than {MAX_LINES} lines: {long}"
    assert not wide, f"{file}: more than {MAX_PARAMETERS} parameters: {wide}"


# Package registries and absolute paths of one machine have no place in a project that others clone.
_LOCAL = re.compile(rb"(?:pypi|pythonhosted|npmjs|debian)\.(?:org|com)\b|(?<![\w.~/-])/(?:work|root|var/tmp)(?![\w-])")


def _local_marks(content: bytes) -> list[str]:
    return sorted({match[0].decode(errors="replace") for match in _LOCAL.finditer(content)})


@pytest.mark.parametrize("text", ["cd /{}", '"/{}/main"', "at /{}.", "FROM=/{}/x"])
def test_a_machine_s_own_path_is_noticed(text: str) -> None:
    assert _local_marks(text.format("work").encode())


@pytest.mark.parametrize("text", ["/{}place", "./{}/main", "https://example.org/{}/x", "../{}"])
def test_other_paths_are_let_through(text: str) -> None:
    assert not _local_marks(text.format("work").encode())


def test_no_file_of_the_project_names_a_registry_or_a_machine_s_own_path() -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: no list of the project's files")
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    marks = {str(file.relative_to(ROOT)): found for file in files if (found := _local_marks(file.read_bytes()))}
    assert not marks
