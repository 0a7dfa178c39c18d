"""Speed against reference ways of doing the same work, printed as ratios measured in one run; and what was answered.

`python -m benchmarks` runs all measurements; `python -m benchmarks evaluate` one. `recorded` writes down what the
program answers and compares later answers with it; `stored` packs a home with a run of every kind.
"""
