"""The tree of errors."""

import inspect

from fersys import errors
from fersys.errors import FerSysError


def test_every_error_is_a_child_of_one_and_drawn_in_the_tree() -> None:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert len(found) > 1
    for kind in found:
        assert issubclass(kind, FerSysError)
        assert kind.__name__ in (errors.__doc__ or "")
        assert kind.__doc__
