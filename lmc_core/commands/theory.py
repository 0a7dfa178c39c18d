"""`theory A B`: what the theory of linear mode connectivity speaks of, measured on a pair."""

from lmc_core.commands.measured import command
from lmc_core.runs.kinds import KINDS

KIND = KINDS["theory"]

configure, run = command(KIND)
