"""The options of requests that forms are made of."""

from lmc_core.options import Option, Options
from lmc_core.runs.kinds import fuse, plane
from lmc_core.runs.values.request import POINTS, SEEDS, TRAIN_EXAMPLES

SEEN = (
    Option(
        "train_examples",
        int,
        10_000,
        "How many training examples the losses and the method see.",
        *TRAIN_EXAMPLES,
        label="Training examples",
    ),
    Option("seed", int, 0, "The same seed gives the same result.", *SEEDS),
    Option("device", str, "auto", "auto: a GPU if there is one."),
)
RECALIBRATE = Option(
    "recalibrate",
    str,
    "auto",
    "Recompute the statistics of the averaged network on training data: of its BatchNorm layers only, "
    "or of every layer (REPAIR).",
    optional=True,
)
PATH_POINTS = Option("points", int, 25, "How many values of t are measured.", *POINTS)
GRID = Option("grid", int, 25, "Networks along the longer side of the plane.", *plane.GRID, label="Cells")
AFTER = (
    Option(
        "temperature",
        bool,
        False,
        "Scale the logits as training examples want it: the loss of a fused network improves, accuracy stays.",
    ),
    Option(
        "finetune",
        int,
        0,
        "Train the fused network on, and show what it scores before and after.",
        *fuse.EPOCHS,
        label="Epochs of fine-tuning",
    ),
    Option("rate", float, 0.01, "Of fine-tuning.", 1e-4, 10, label="Learning rate"),
)
KINDS = {
    "path": (PATH_POINTS, RECALIBRATE, *SEEN),
    "plane": (GRID, *SEEN),
    "theory": SEEN,
    "width": SEEN,
    "compare": (PATH_POINTS, *SEEN),
    "fuse": (RECALIBRATE, *AFTER, PATH_POINTS, *SEEN),
}


def options(kind: str) -> Options:
    """What a request of this kind can say beside its models, data and method."""
    return Options(kind, KINDS[kind])
