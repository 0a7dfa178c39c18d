"""The value classes of this package, for who stores them."""

from lmc_core.diagnostics.connectivity import Connectivity
from lmc_core.diagnostics.cost import Cost
from lmc_core.diagnostics.diagnose import Diagnosis, Layer
from lmc_core.diagnostics.dimension import Dimension, Spectrum
from lmc_core.diagnostics.matching import Matching, Pairs
from lmc_core.diagnostics.projection import Cloud, Side

VALUES: tuple[type, ...] = (Cloud, Connectivity, Cost, Diagnosis, Dimension, Layer, Matching, Pairs, Side, Spectrum)
