"""Speed against reference ways of doing the same work, printed as ratios measured in one run.

`python -m benchmarks` runs all; `python -m benchmarks evaluate` one.
"""
