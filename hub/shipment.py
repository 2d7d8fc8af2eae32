"""What a release consists of: every shipped package, and the metric module as a Space."""

from pathlib import Path

from fersys.errors import PackageError
from fersys.package import find_packages
from fersys.shipped import shipped_folder
from hub.inspection import inspect_package
from hub.parcel import SPACE, Parcel, list_files

CHECKOUT = Path(__file__).resolve().parents[1]
METRIC = Path("train", "expression_metrics")  # a Space's name must be that of the module in it: `evaluate` looks for it


def inspect_shipped() -> list[Parcel]:
    """Check every shipped package.

    Raises:
        PackageError: if one is damaged, or none is there.
    """
    return [inspect_package(folder) for folder in find_packages(shipped_folder())]


def metric_parcel(checkout: Path = CHECKOUT) -> Parcel:
    """Return the metric module as a Space that `evaluate.load("owner/expression_metrics")` reads.

    Raises:
        PackageError: if it is not there.
    """
    folder = checkout / METRIC
    files = {name: path for name, path in list_files(folder).items() if name.endswith((".py", ".md", ".txt")) and path.stat().st_size}
    if f"{METRIC.name}.py" not in files:
        raise PackageError(f"No metric module: expected {folder / METRIC.name}.py. Received: no such file")
    return Parcel(METRIC.name, files, SPACE)
