"""`python -m lmc_core …`"""

import sys

from lmc_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
