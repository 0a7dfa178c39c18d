"""MNIST and Fashion-MNIST in their original idx files."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmc_core.data.dataset import Dataset
from lmc_core.data.files import check, download, downloaded, find
from lmc_core.errors import DataError

_LARGEST = 64 << 20  # bytes of an unpacked file: 60 000 images are 47 MB


@dataclass(frozen=True)
class Source:
    """A data set of four idx files and where they are published.

    folders   names a user's folder may have; the first is ours
    files     gzip name → checksum of the gzip file
    """

    folders: tuple[str, ...]
    url: str
    files: dict[str, str]
    classes: tuple[str, ...]


MNIST = Source(
    ("mnist", "MNIST", "."),
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    {
        "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    tuple("0123456789"),
)
FASHION = Source(
    ("fashion-mnist", "FashionMNIST", "fashion"),
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    {
        "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    },
    ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


def mnist() -> Dataset:
    """60 000 + 10 000 images (28, 28) in [0, 1]."""
    return _load("mnist", MNIST)


def fashion_mnist() -> Dataset:
    """60 000 + 10 000 images of clothes (28, 28) in [0, 1]."""
    return _load("fashion-mnist", FASHION)


def available(source: Source) -> bool:
    """True if all four files are on this machine, so that nothing has to be downloaded."""
    return all(_found(source, file) or _copy(source, file).is_file() for file in source.files)


def _load(name: str, source: Source) -> Dataset:
    x_train, y_train, x_test, y_test = (read_idx(*_content(source, file)) for file in source.files)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim != 3 or y.shape != x.shape[:1] or y.max() > 9:
            raise DataError(f"{name}: images {x.shape} and labels {y.shape} do not belong together")
    return Dataset(
        name, _unit(x_train), y_train.astype(np.int64), _unit(x_test), y_test.astype(np.int64), source.classes
    )


def _unit(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(255)


def _found(source: Source, file: str) -> Path | None:
    """A file in the user's folders: packed or unpacked, as published or in torchvision's folders."""
    plain = file.removesuffix(".gz")
    folders = [folder + raw for folder in source.folders for raw in ("", "/raw")]
    dotted = plain.replace("-idx", ".idx")  # another widespread spelling: train-images.idx3-ubyte
    return find(f"{folder}/{n}" for folder in folders for n in (file, plain, dotted))


def _copy(source: Source, file: str) -> Path:
    return downloaded(source.url + file, source.folders[0])


def _content(source: Source, file: str) -> tuple[bytes, str]:
    """Unpacked content and name of a file."""
    path = _found(source, file) or download(source.url + file, source.folders[0], source.files[file])
    content = path.read_bytes()
    if path.suffix == ".gz":
        return unzip(check(content, source.files[file], str(path)), str(path)), str(path)
    return content, str(path)


def unzip(packed: bytes, name: str) -> bytes:
    """gunzip with a limit on the result. Raises DataError."""
    try:
        unpacked = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(packed, _LARGEST)
    except zlib.error:
        raise DataError(f"{name} is not a gzip file; put the original file there") from None
    return unpacked


def read_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    """An array of bytes from the idx format: 0 0 8 ndim, then ndim big-endian sizes, then the values."""
    ndim = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    if not 1 <= ndim <= 4 or len(content) < 4 + 4 * ndim:
        raise DataError(f"{name} is not an idx file of bytes (it starts with {content[:4].hex(' ')})")
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(ndim))
    values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * ndim)
    if values.size != int(np.prod(shape, dtype=object)):
        raise DataError(f"{name} says {shape} but holds {values.size} values; the file is cut short or damaged")
    return values.reshape(shape)
