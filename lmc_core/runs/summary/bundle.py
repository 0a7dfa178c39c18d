"""A run that came from another server."""

from lmc_core.runs.summary.inspect import summary

__all__ = ["summary"]
