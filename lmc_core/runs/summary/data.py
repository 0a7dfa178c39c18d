"""A file of examples that was read."""

from lmc_core.runs.summary.inspect import summary

__all__ = ["summary"]
