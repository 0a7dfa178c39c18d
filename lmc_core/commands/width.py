"""`width`: how barrier and distance of the shipped networks fall with their width."""

from lmc_core.commands.measured import command
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.width import DATA

KIND = KINDS["width"]

configure, run = command(KIND, DATA)
