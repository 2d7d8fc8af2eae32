"""Halves the time that Gradio takes to import: no typing stubs are written.

At every import Gradio parses the source of each of its components, to keep `.pyi` files beside
them up to date. They serve editors; a server has no use for them.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_MODULE, _WRITER = "gradio.component_meta", "create_or_modify_pyi"


class _Finder(MetaPathFinder):
    """Finds one module as Python would, and takes the writing of stubs out of it once it has run."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == _MODULE else None
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_mend(module: ModuleType) -> None:
            run(module)
            setattr(module, _WRITER, _write_nothing)

        spec.loader.exec_module = run_and_mend  # type: ignore[method-assign]
        return spec


def _write_nothing(*_: object) -> None:
    return None


def skip() -> None:
    """Call before Gradio is imported; a second call changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
