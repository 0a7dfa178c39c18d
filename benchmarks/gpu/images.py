"""`python -m benchmarks.gpu.images FILE.zip`: the first images of CIFAR-10 in little room, to carry to a machine.

All images as one picture without loss, and their labels as bytes: about 1.7 kB an image, half of what they are.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import lmc_core as lmc

ACROSS = 100
TRAIN, TEST = 16_000, 4_000


def pack(file: Path, train: int = TRAIN, test: int = TEST) -> None:
    """The first so many training and test images."""
    data = lmc.dataset("cifar10")
    x = np.concatenate([data.x_train[:train], data.x_test[:test]])
    y = np.concatenate([data.y_train[:train], data.y_test[:test]]).astype(np.uint8)
    picture = io.BytesIO()
    Image.fromarray(_mosaic(np.round(x * 255).astype(np.uint8))).save(picture, "WEBP", lossless=True, quality=60)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images.webp", picture.getvalue())
        archive.writestr("labels", y.tobytes())


def unpack(file: Path, out: Path, train: int = TRAIN) -> None:
    """An .npz file of the same examples."""
    with zipfile.ZipFile(file) as archive:
        with Image.open(io.BytesIO(archive.read("images.webp"))) as picture:
            x = _apart(np.asarray(picture.convert("RGB")))
        y = np.frombuffer(archive.read("labels"), np.uint8).astype(np.int64)
    x = x[: len(y)]
    np.savez(out, x_train=x[:train], y_train=y[:train], x_test=x[train:], y_test=y[train:])


def _mosaic(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 3, 32, 32) → (rows · 32, ACROSS · 32, 3), n a multiple of ACROSS."""
    return x.reshape(-1, ACROSS, 3, 32, 32).transpose(0, 3, 1, 4, 2).reshape(-1, ACROSS * 32, 3)


def _apart(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The images of a mosaic."""
    return picture.reshape(-1, 32, ACROSS, 32, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, 32, 32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.images", description="Images to carry.")
    parser.add_argument("file", type=Path, help="the .zip file to write")
    pack(parser.parse_args().file)
