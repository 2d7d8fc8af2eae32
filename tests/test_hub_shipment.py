"""What a release consists of."""

from pathlib import Path

import pytest

from fersys.errors import PackageError
from hub.parcel import SPACE
from hub.shipment import CHECKOUT, inspect_shipped, metric_parcel


def test_every_shipped_package_may_be_pushed() -> None:
    there = sorted(path.parent.name for path in (CHECKOUT / "hub" / "models").glob("*/fersys.json"))
    if not there:
        pytest.skip("no shipped model in this checkout")
    assert [parcel.name for parcel in inspect_shipped()] == there


def test_the_metric_is_a_space_of_the_name_that_evaluate_looks_for() -> None:
    parcel = metric_parcel()
    assert (parcel.name, parcel.kind) == ("expression_metrics", SPACE)
    assert set(parcel.files) == {"README.md", "app.py", "expression_metrics.py", "requirements.txt"}


def test_a_metric_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"No metric module: expected .*expression_metrics\.py"):
        metric_parcel(tmp_path)
