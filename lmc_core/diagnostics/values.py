"""The value classes of this package, for who stores them."""

from lmc_core.diagnostics.cloud import Cloud, Side
from lmc_core.diagnostics.connectivity import Connectivity
from lmc_core.diagnostics.cost import Cost
from lmc_core.diagnostics.diagnose import Diagnosis, Layer
from lmc_core.diagnostics.dimension import Dimension, Spectrum
from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.diagnostics.matching import Matching, Pairs
from lmc_core.diagnostics.null import NullTest, Votes
from lmc_core.diagnostics.preferred import Preferred

VALUES: tuple[type, ...] = (
    Block,
    Cloud,
    Connectivity,
    Cost,
    Diagnosis,
    Dimension,
    Layer,
    Matching,
    NullTest,
    Pairs,
    Preferred,
    Side,
    Spectrum,
    Units,
    Votes,
)
