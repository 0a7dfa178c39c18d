"""Where original data files are: a folder of the user's, or downloaded once and verified."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from lmc_core.errors import DataError


def home() -> Path:
    """Our own folder for downloads: LMC_HOME, else ~/.cache/mode-connectivity-explorer."""
    given = os.environ.get("LMC_HOME")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "mode-connectivity-explorer"


def find(candidates: Iterable[str]) -> Path | None:
    """The first of these relative paths that exists in a folder of LMC_DATA (several: separated as in PATH)."""
    folders = [Path(f).expanduser() for f in os.environ.get("LMC_DATA", "").split(os.pathsep) if f]
    for name in candidates:
        for folder in folders:
            if (folder / name).exists():
                return folder / name
    return None


def downloaded(url: str, folder: str) -> Path:
    """Where the verified copy of `url` lies once it has been fetched; a fetch that failed leaves no file there."""
    return home() / "data" / folder / url.rsplit("/", 1)[1]


def download(url: str, folder: str, checksum: str) -> Path:
    """A verified copy of `url` under `home()/data/folder`, fetched once.

    checksum   "sha256:…" or "md5:…" as the publisher states it
    Raises DataError when it cannot be fetched or is not the published file.
    """
    import pooch

    target = downloaded(url, folder)
    logger = pooch.get_logger()
    logger.setLevel("WARNING")
    try:
        return Path(pooch.retrieve(url, checksum, fname=target.name, path=target.parent))
    except Exception as problem:  # noqa: BLE001 - whatever the network does, the user needs the same two sentences
        raise DataError(
            f"{url} could not be downloaded ({type(problem).__name__}: {problem}); "
            f"put the original files into a folder and point LMC_DATA at it"
        ) from None


def check(content: bytes, checksum: str, name: str) -> bytes:
    """The content, if it has the published checksum. Raises DataError."""
    kind, wanted = checksum.split(":")
    found = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
    if found != wanted:
        raise DataError(f"{name} is damaged or not the original: its {kind} is {found}, published is {wanted}")
    return content
