"""A GPU against the CPU: the same answers, how many times faster, and a zoo trained in what time is left.

`python -m benchmarks.gpu --out FILE.json --minutes 8` on a machine with a card; `python -m benchmarks.gpu.page` writes
docs/gpu.md from the file.
"""
