"""Where results and models live: one folder per run, written under a temporary name and then renamed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import posixpath
import shutil
import tempfile
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from lmc_core.data.steady import steady
from lmc_core.errors import DamagedError, InputError
from lmc_core.runs.keep.pack import pack, unpack
from lmc_core.runs.kinds import classes
from lmc_core.runs.values.record import Result

FRESH = {"use_listings_cache": False}
"""Of remote stores: what another machine put into a folder is seen by one that looked into it before."""

RESULT, ARRAYS = "run.json", "arrays.npz"
DIGESTS = "digests.json"
"""Name → SHA-256 of every other file of a run; runs of earlier versions have none."""

DAMAGED = "What is stored of this run is damaged ({}). Compute it again."


class Store:
    """A folder, local or remote, of runs and models. A folder exists whole or not at all.

        runs/<id>/run.json, arrays.npz, digests.json, and files such as aligned.safetensors
        models/<id>/model.safetensors (or .pt2), card.json
        data/<id>/data.npz, card.json
        uploads/<name>                 bytes waiting to be inspected

    address   a path, or anything fsspec knows: s3://bucket/folder, memory://
    """

    def __init__(self, address: str):
        self.address = address
        self.fs, self.root = fsspec.core.url_to_fs(address, **FRESH)
        self._local = "file" in (self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,))

    def has(self, run: str) -> bool:
        """True if the run's result is there, whole."""
        return bool(self.fs.exists(self._at("runs", run, RESULT)))

    def save(self, run: str, result: Result, files: Mapping[str, Path] | None = None) -> int:
        """Keep a result, with more files (name → where they are now). An earlier result of the same run is replaced.

        Returns the bytes of all its files.
        """
        with self.folder("runs", run, last=RESULT) as folder:
            for name, content in as_files(result).items():
                (folder / name).write_bytes(content)
            for name, source in (files or {}).items():
                shutil.copyfile(source, folder / name)
            digests = {path.name: _digest(path) for path in folder.iterdir()}
            (folder / DIGESTS).write_text(json.dumps(digests, sort_keys=True))
            return sum(path.stat().st_size for path in folder.iterdir())

    def adopt(self, folder: Path, run: str) -> None:
        """Keep a run as another store has it in a local folder."""
        with self.folder("runs", run, last=RESULT) as inner:
            for path in folder.iterdir():
                shutil.copyfile(path, inner / path.name)

    def load(self, run: str) -> Result:
        """The result of a run. Raises InputError if there is none, DamagedError if it is not what was saved.

        What the store raises where it cannot be read at the moment is no damage, and goes through.
        """
        if not self.has(run):
            raise InputError(f"there is no stored result of run {run[:40]!r}")
        try:
            packed, text = self.artifact(run, ARRAYS), self.artifact(run, RESULT)
        except InputError as error:
            raise DamagedError(DAMAGED.format(str(error)[:160])) from error
        try:
            result = unpack(json.loads(text), steady(partial(_arrays, packed)), classes())
            assert isinstance(result, Result)
        except Exception as error:  # whatever JSON, zip and NumPy make of bytes that are not theirs
            raise DamagedError(DAMAGED.format(str(error)[:160] or type(error).__name__)) from error
        return result

    def artifact(self, run: str, name: str) -> bytes:
        """A file of a run, as it was saved. Raises InputError if it has none, DamagedError if it is no longer that."""
        known = self._digests(run)
        try:
            content = self.read("runs", run, name)
        except InputError:
            if name in known:
                raise DamagedError(DAMAGED.format(f"{name} is gone")) from None
            raise
        if name in known and hashlib.sha256(content).hexdigest() != known[name]:
            raise DamagedError(DAMAGED.format(f"{name} is not what was saved"))
        return content

    def _digests(self, run: str) -> Mapping[str, str]:
        if not self.exists("runs", run, DIGESTS):
            return {}
        try:
            return dict(json.loads(self.read("runs", run, DIGESTS)))
        except (ValueError, TypeError):
            raise DamagedError(DAMAGED.format(f"{DIGESTS} is not what was saved")) from None

    def read(self, *parts: str) -> bytes:
        """The bytes of one file. Raises InputError if it is not there."""
        try:
            content = self.fs.cat_file(self._at(*parts))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise InputError(f"{parts[-1]!r} is not in the store") from None
        return bytes(content)

    def exists(self, *parts: str) -> bool:
        """Whether a file or folder is there."""
        return bool(self.fs.exists(self._at(*parts)))

    def names(self, *parts: str) -> frozenset[str]:
        """The files of one folder."""
        if not self.exists(*parts):
            return frozenset()
        return frozenset(posixpath.basename(path) for path in self.fs.ls(self._at(*parts), detail=False))

    def sizes(self, *parts: str) -> dict[str, int]:
        """The files of one folder, and the bytes of each."""
        if not self.exists(*parts):
            return {}
        found = self.fs.ls(self._at(*parts), detail=True)
        return {posixpath.basename(file["name"]): int(file["size"] or 0) for file in found}

    def version(self, *parts: str) -> str:
        """A text that differs once the file has been replaced. Raises InputError if it is not there."""
        try:
            return str(self.fs.ukey(self._at(*parts)))
        except FileNotFoundError:
            raise InputError(f"{parts[-1]!r} is not in the store") from None

    def size(self, *parts: str) -> int:
        """Bytes of a file."""
        return int(self.fs.size(self._at(*parts)) or 0)

    def remove(self, *parts: str) -> None:
        """Delete a file or a folder; nothing happens if it is not there."""
        if self.exists(*parts):
            self.fs.rm(self._at(*parts), recursive=True)

    def strip(self, *parts: str, but: str) -> None:
        """Delete the files of a folder but one. The result of a run goes first: without it, the rest is none."""
        for name in sorted(self.sizes(*parts), key=lambda name: name != RESULT):
            if name != but:
                self.fs.rm_file(self._at(*parts, name))

    def put(self, source: Path, *parts: str) -> None:
        """Copy a local file in, under a temporary name first."""
        target = self._at(*parts)
        self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
        if self._local:
            temporary = f"{target}.{uuid.uuid4().hex}.part"
            shutil.copyfile(source, temporary)
            os.replace(temporary, target)
        else:
            self.fs.put_file(str(source), target)

    def write(self, content: bytes, *parts: str) -> None:
        """Keep bytes as one file, which is there whole or not at all."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "file").write_bytes(content)
            self.put(Path(folder) / "file", *parts)

    @contextmanager
    def local(self, *parts: str) -> Iterator[Path]:
        """A stored file as a local path: itself where the store is a local folder, else a copy for the time being."""
        if self._local:
            yield Path(self._at(*parts))
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / parts[-1]
            self.fs.get_file(self._at(*parts), str(copy))
            yield copy

    @contextmanager
    def folder(self, *parts: str, last: str) -> Iterator[Path]:
        """An empty local folder that becomes the folder of these parts when the block ends well, and else vanishes.

        last   the file whose presence says that the folder is whole: uploaded last where a rename cannot be atomic
        """
        target = self._at(*parts)
        if self._local:
            staging = Path(self.root) / "unfinished"
            staging.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=staging if self._local else None) as name:
            inner = Path(name) / "content"
            inner.mkdir()
            yield inner
            if self._local:
                _replace_folder(inner, Path(target), Path(name) / "replaced")
                return
            for path in sorted(inner.iterdir(), key=lambda path: path.name == last):
                self.fs.put_file(str(path), posixpath.join(target, path.name))

    def probe(self) -> None:
        """Raises OSError, or what the address behind it raises, if nothing can be written at the moment."""
        self.fs.makedirs(self.root, exist_ok=True)
        self.fs.pipe_file(self._at("probe"), b"")

    def sweep(self) -> None:
        """Remove what crashed runs left behind long ago."""
        if self._local:
            sweep(Path(self.root) / "unfinished")

    def _at(self, *parts: str) -> str:
        for part in parts:
            if not part or part in (".", "..") or "/" in part or "\\" in part:
                raise InputError(f"{part[:80]!r} is not a name in the store")
        return posixpath.join(self.root, *parts)


def as_files(result: Result) -> Mapping[str, bytes]:
    """Name → content of the files that hold a result."""
    arrays: dict[str, Any] = {}
    packed, target = pack(result, arrays), io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, **arrays)
    return {ARRAYS: target.getvalue(), RESULT: json.dumps(packed, allow_nan=False).encode()}


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as stored:
        return {name.removesuffix(".npy"): _array(stored.read(name)) for name in stored.namelist()}


def _array(content: bytes) -> np.ndarray:
    """An array as np.save wrote it. Raises ValueError or TypeError if it is none."""
    if content[:8] != np.lib.format.magic(1, 0):
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    head = content[: 10 + int.from_bytes(content[8:10], "little")]
    shape, fortran, dtype = _layout(head)
    if dtype.hasobject:
        raise ValueError("an array of objects")
    return np.ndarray(shape, dtype, content, len(head), order="F" if fortran else "C").copy("A")


@lru_cache(maxsize=4096)  # NumPy takes it for a Python literal, which takes longer than all the rest
def _layout(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Of the head of an array: its shape, whether columns come first, and its type."""
    return np.lib.format.read_array_header_1_0(io.BytesIO(head[8:]))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace_folder(new: Path, target: Path, aside: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        os.rename(target, aside)
    os.rename(new, target)


def sweep(folder: Path, older_than: float = 86_400.0) -> None:
    """Remove what lies in a folder for more than `older_than` seconds: its owner has crashed."""
    for leftover in folder.iterdir() if folder.is_dir() else ():
        if time.time() - leftover.stat().st_mtime > older_than:
            shutil.rmtree(leftover, ignore_errors=True)
