"""Arrays of a stored result: each comes back as NumPy itself reads it, and none brings an object with it."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lmc_core.runs.keep.store import _arrays

TYPES = arrays.scalar_dtypes() | arrays.unicode_string_dtypes() | arrays.byte_string_dtypes()


def packed(**content: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **content)
    return file.getvalue()


@given(st.data())
def test_an_array_comes_back_as_numpy_reads_it(data: st.DataObject) -> None:
    shape = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    stored = data.draw(arrays.arrays(data.draw(TYPES), shape))
    if data.draw(st.booleans()):
        stored = np.asfortranarray(stored)
    content = packed(**{"a.b/c": stored})
    found = _arrays(content)["a.b/c"]
    with np.load(io.BytesIO(content)) as read:
        other = read["a.b/c"]
    assert (found.dtype, found.shape, found.tobytes()) == (other.dtype, other.shape, other.tobytes())
    assert found.flags.f_contiguous == other.flags.f_contiguous
    found[...] = found


@pytest.mark.parametrize("broken", ["objects", "short", "no array"])
def test_what_is_no_array_of_numbers_is_refused(broken: str) -> None:
    file = io.BytesIO()
    np.save(file, np.array([{}] if broken == "objects" else [1.0, 2.0]), allow_pickle=True)
    content = file.getvalue()[: {"objects": None, "short": -8, "no array": 3}[broken]]
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as stored:
        stored.writestr("x.npy", content)
    with pytest.raises((ValueError, TypeError)):
        _arrays(whole.getvalue())
