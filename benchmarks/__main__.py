"""`python -m benchmarks [NAME …]`, or one of TOOLS with words of its own."""

import sys
from importlib import import_module

NAMES = ("cold", "evaluate", "first", "fusion", "matching", "load", "paint")
TOOLS = ("faults", "fuzz", "growth", "matching", "memory", "models", "recorded", "scaling", "soak", "stored")

if sys.argv[1:2] and sys.argv[1] in TOOLS:
    import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])
    sys.exit()
for name in sys.argv[1:] or NAMES:
    if name not in NAMES:
        sys.exit(f"there is no benchmark {name!r}; there are {', '.join((*NAMES, *TOOLS))}")
    import_module(f"benchmarks.{name}").main()
