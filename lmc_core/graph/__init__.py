"""The computation of a network as a graph of ATen operations: exported, traced, run value by value."""
