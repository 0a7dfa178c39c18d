"""How exactly a GPU computes a network."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_float32() -> Iterator[None]:
    """float32 means float32: no TF32 in cuDNN's convolutions and recurrences, whatever the process asks for elsewhere.

    TF32 keeps ten bits of each factor: outputs move by 1e-4 and more, where re-ordering units may change them by 1e-5.
    """
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
