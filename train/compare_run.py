"""The whole of `python -m train compare`: records, trials, figures, pictures, page and the README's tables."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fersys.errors import ConfigError, DataError
from fersys.recognizers.base import Recognizer
from train.arms import FER, STOCK, Arm, find_arms
from train.compare_figures import draw_comparison
from train.compare_page import FIGURES, write_page
from train.comparison import check_readme, compare, headline_table, put_headline
from train.data import Fer2013, load_fer2013
from train.fer_network import opened_fer
from train.records import RECORDS, record_fer, record_run, record_stock, stock_recognizer
from train.trials import open_trials, try_robustness, try_speed

NETWORK_OF_STOCK = "deepface"  # architecture of the packages that share the stock library's network


@dataclass(frozen=True)
class Comparing:
    """What is compared, and where.

    Attributes:
        models: folder of the shipped packages.
        reports: where everything goes but the headline table; records lie in it.
        readme: file that holds the headline table.
        data: FER2013, as `load_fer2013` takes it; "": there is none, what needs it stays as it is.
        runs: runs to record.
        fer_python: interpreter that has the `fer` package; "": its record stays as it is.
    """

    models: Path
    reports: Path
    readme: Path
    data: str = ""
    runs: tuple[Path, ...] = ()
    fer_python: str = ""

    def __post_init__(self) -> None:
        if self.fer_python and not self.data:
            raise ConfigError(f"--fer-python needs FER2013 to ask about: expected --data or FERSYS_DATA. Received: {self.fer_python} alone")


def run_comparison(job: Comparing) -> str:
    """Compare all models, write everything, and return what to print.

    Raises:
        ConfigError: if there is nothing to compare, or the README has no place for the table.
        DataError: if the data cannot be read, or differ from those that models were measured on.
        PackageError: if a package, record or run is damaged or was not measured.
        ModelError: if the `fer` package's network does not start.
    """
    check_readme(job.readme)
    for run in job.runs:
        record_run(run, job.reports / RECORDS)
    notes = _ask_again(job)
    content = compare(job.models, job.reports)
    draw_comparison(content, find_arms(job.models, job.reports / RECORDS), job.reports / FIGURES)
    write_page(content, job.reports)
    headline = headline_table(content)
    put_headline(job.readme, headline)
    return "\n".join([headline, "", *notes])


def _ask_again(job: Comparing) -> list[str]:
    """Ask every model that is here, and return a line for each thing that was left as it was."""
    records = job.reports / RECORDS
    with ExitStack() as stack:
        data = load_fer2013(job.data) if job.data else None
        if data is not None:
            _check_data(find_arms(job.models, records), data)
        others = {} if data is None else _others(job, data, stack)
        arms = find_arms(job.models, records)
        if not arms:
            raise ConfigError(f"Nothing to compare: expected packages in {job.models} or records in {records}. Received: none")
        trials = open_trials(arms, others)
        notes = [f"{name} was not asked again: {reason}" for name, reason in trials.left_out.items()]
        if data is None:
            notes.append("Robustness stays as it was measured: expected FER2013, --data or FERSYS_DATA. Received: none")
        else:
            try_robustness(trials, data, job.reports)
        try_speed(trials, job.reports)
    return notes


def _check_data(arms: Sequence[Arm], data: Fer2013) -> None:
    others = sorted(arm.name for arm in arms if arm.metrics["data_fingerprint"] != data.fingerprint)
    if others:
        raise DataError(f"The data at hand have the fingerprint {data.fingerprint}. Received: {', '.join(others)}, measured on other data")


def _others(job: Comparing, data: Fer2013, stack: ExitStack) -> dict[str, Recognizer]:
    """Record the models that are not ours and are here, and return them by name."""
    records, others = job.reports / RECORDS, dict[str, Recognizer]()
    if job.fer_python:
        network = stack.enter_context(opened_fer(job.fer_python))
        record_fer(network, data, records)
        others[FER] = network
    stock = stock_recognizer()
    if stock is not None:
        like = next((arm.config for arm in find_arms(job.models, records) if arm.config.architecture == NETWORK_OF_STOCK), None)
        record_stock(stock, like, data, records)
        others[STOCK] = stock
    return others
