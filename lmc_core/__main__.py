"""`python -m lmc_core …`"""

import contextlib
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not take the processor from working ones

from lmc_core.cli import main

if __name__ == "__main__":
    status = main()
    with contextlib.suppress(OSError, ValueError):  # the reader has gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # all is written; taking torch apart, module by module, would take another second
