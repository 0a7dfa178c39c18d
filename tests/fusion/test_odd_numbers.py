"""Networks with odd numbers and odd widths: every fusion gives finite numbers, or refuses in one sentence."""

import pytest
from odd import ODD
from planted import own_labels

from lmc_core.errors import LMCError
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.fuse import fuse
from lmc_core.networks.network import Network


def answer(method: str, odd: str) -> Network | str:
    """The fused network, or the sentence that refuses it."""
    networks = ODD[odd]()
    try:
        return fuse(networks, method, data=own_labels(networks[0]))
    except LMCError as error:
        return str(error)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("method", FUSIONS)
def test_a_fusion_gives_finite_numbers_or_refuses_in_one_sentence(method: str, odd: str) -> None:
    found = answer(method, odd)
    if isinstance(found, str):
        assert 0 < len(found) < 300
        assert "\n" not in found
    else:
        assert all(tensor.isfinite().all() for tensor in found.state.values())
