"""The same conditions for every test: threads that wait do not spin, and a home that is thrown away."""

import os
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is first imported
os.environ.setdefault("LMC_HOME", tempfile.mkdtemp(prefix="lmc-tests-"))
