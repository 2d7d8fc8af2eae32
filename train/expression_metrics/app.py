"""The page of the published metric: what it computes, and a field to try it on a CSV file."""

from typing import Any

import evaluate
import gradio as gr
import pandas as pd

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
HELP = f"""# Expression metrics

A CSV file with a column `label` (one of {", ".join(LABELS)}), a column of probabilities for each
of the seven expressions, named after it, and if there are duplicates a column `group`."""


def measure(path: str | None) -> dict[str, Any]:
    """Return the metrics of an uploaded CSV file; what is wrong with a file is shown on the page."""
    if path is None:
        raise gr.Error("Choose a CSV file first.")
    try:
        table = pd.read_csv(path)
        groups = table["group"] if "group" in table else range(len(table))
        references = [LABELS.index(name) for name in table["label"]]
        metric = evaluate.load("expression_metrics.py", keep_in_memory=True)
        result: dict[str, Any] = metric.compute(predictions=table[list(LABELS)].to_numpy(), references=references, groups=list(groups))
    except KeyError as error:
        raise gr.Error(f"The file lacks a column. {error.args[0]}") from error
    except ValueError as error:
        raise gr.Error(str(error)) from error
    return result


def build() -> gr.Blocks:
    """Build the page."""
    page: gr.Blocks = gr.Blocks(title="Expression metrics")
    with page:
        gr.Markdown(HELP)
        file = gr.File(label="CSV file", file_types=[".csv"])
        gr.Button("Compute").click(measure, file, gr.JSON(label="Metrics"))
    return page


if __name__ == "__main__":
    build().launch()
