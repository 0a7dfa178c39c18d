"""CIFAR-10 in its original binary batches."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmc_core.data.dataset import Dataset
from lmc_core.data.files import check, download, downloaded, find
from lmc_core.errors import DataError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE = "md5:c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"
BATCHES = {
    "data_batch_1.bin": "sha256:cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "sha256:a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "sha256:bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "sha256:014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "sha256:755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "sha256:8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDERS = (f"cifar10/{FOLDER}", FOLDER, "cifar10", f"cifar-10/{FOLDER}", "cifar-10")
"""Where batches may lie in a folder of the user's."""
ARCHIVES = tuple(f"{folder}cifar-10-binary.tar.gz" for folder in ("cifar10/", "", "cifar-10/"))
_RECORD = 1 + 3 * 32 * 32
_BATCH = 10_000 * _RECORD


def cifar10() -> Dataset:
    """50 000 + 10 000 images (3, 32, 32) in [0, 1]; what is read is verified batch by batch."""
    contents = _contents()
    records = {name: check(contents[name], checksum, name) for name, checksum in BATCHES.items()}
    x_train, y_train = _read([records[name] for name in BATCHES if name.startswith("data")])
    x_test, y_test = _read([records["test_batch.bin"]])
    return Dataset("cifar10", x_train, y_train, x_test, y_test, CLASSES)


def available() -> bool:
    """True if the batches or their archive are on this machine, so that nothing has to be downloaded."""
    first = _first_batch()
    if first is not None:
        return all((first.parent / name).exists() for name in BATCHES)
    return find(ARCHIVES) is not None or downloaded(URL, "cifar10").is_file()


def _first_batch() -> Path | None:
    return find(f"{folder}/{name}" for folder in FOLDERS for name in BATCHES)


def _contents() -> dict[str, bytes]:
    """Name → bytes of the six batches, from an extracted folder, an archive, or the published archive."""
    if first := _first_batch():
        missing = [name for name in BATCHES if not (first.parent / name).exists()]
        if missing:
            raise DataError(f"{first.parent} lacks {', '.join(missing)}; extract the whole archive there")
        return {name: (first.parent / name).read_bytes() for name in BATCHES}
    return _unpack(find(ARCHIVES) or download(URL, "cifar10", ARCHIVE))


def _unpack(path: Path) -> dict[str, bytes]:
    """The batches of an archive, read by member name into memory: nothing is written to any path it names."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                if name in BATCHES and member.isreg() and member.size == _BATCH:
                    file = archive.extractfile(member)
                    assert file is not None
                    found[name] = file.read()
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise DataError(f"{path} is not a readable tar archive ({problem}); put the original file there") from None
    missing = [name for name in BATCHES if name not in found]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)} of {_BATCH} bytes; put the original archive there")
    return found


def _read(batches: list[bytes]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images and labels of records of one label byte and 3072 channel-first pixel bytes."""
    records = np.concatenate([np.frombuffer(b, dtype=np.uint8).reshape(-1, _RECORD) for b in batches])
    images = records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32)
    images /= np.float32(255)
    return images, records[:, 0].astype(np.int64)
