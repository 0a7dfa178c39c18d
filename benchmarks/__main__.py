"""`python -m benchmarks [NAME …]`"""

import sys
from importlib import import_module

NAMES = ("evaluate", "matching", "load", "paint")

for name in sys.argv[1:] or NAMES:
    if name not in NAMES:
        sys.exit(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    import_module(f"benchmarks.{name}").main()
