"""The line under the finding of a fusion."""

from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.fused import FuseResult
from lmc_core.words.marks import Text
from lmc_core.words.models import models_line


def about(result: FuseResult) -> Text:
    """The parents with their weights and the data, in one line."""
    return models_line(
        result.models,
        datasets.title(result.data.name),
        {"train": result.data.train, "test": result.data.test},
        details=[f"λ {weight:.2f}" for weight in result.weights],
    )
