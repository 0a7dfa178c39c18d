"""`python -m benchmarks [--only ROW …] [--record PAGE]` for the one table, or `NAME` with words of its own for one of
the benchmarks and tools."""

import sys
from importlib import import_module

from benchmarks import overview

TOOLS = ("faults", "fuzz", "growth", "models", "recorded", "scaling", "soak", "stored")
ALONE = ("evaluate", "first", "classes", "comparison", "frank_wolfe", "fusion", "cold")
"""Benchmarks that take no words."""

if __name__ == "__main__":
    name, words = (sys.argv[1], sys.argv[2:]) if sys.argv[1:] else ("", [])
    if not name or name.startswith("-"):
        overview.main(sys.argv[1:])
    elif name in (*TOOLS, *overview.MODULES):
        main = import_module(f"benchmarks.{name}").main
        main() if name in ALONE else main(words)
    else:
        sys.exit(f"there is no benchmark {name!r}; there are {', '.join((*overview.MODULES, *TOOLS))}")
