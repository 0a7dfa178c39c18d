"""`plane A B`: loss and accuracy on the plane through A, B and aligned B, or a third network."""

from lmc_core.commands.measured import command
from lmc_core.runs.kinds import KINDS

KIND = KINDS["plane"]

configure, run = command(KIND)
