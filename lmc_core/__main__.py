"""`python -m lmc_core …`"""

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not take the processor from working ones

from lmc_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
