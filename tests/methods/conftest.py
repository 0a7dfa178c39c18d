"""What tests of methods share."""

import pytest

from lmc_core.data.registry import dataset
from lmc_core.networks.checkpoint import load
from lmc_core.symmetry.infer import symmetry


@pytest.fixture(scope="package")
def trained():
    """Two trained networks, the symmetry of the first, and their data."""
    a, b = (load(f"checkpoints/digits-mlp-32/seed{seed}.safetensors") for seed in (0, 1))
    return a, b, symmetry(a, verify=False), dataset("digits")
