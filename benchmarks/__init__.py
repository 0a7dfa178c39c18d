"""Speed against reference ways of doing the same work, printed as ratios measured in one run; and what was answered.

`python -m benchmarks` measures the one table of what was before, is now and is to be; `python -m benchmarks evaluate`
shows one benchmark with more of its numbers. `recorded` writes down what the
program answers and compares later answers with it; `stored` packs a home with a run of every kind.
"""
