"""Networks from the Hugging Face Hub: one safetensors file of one commit, fetched by the worker."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmc_core.errors import CheckpointError, InputError
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import uploads
from lmc_core.runs.library.data import checked
from lmc_core.runs.library.limits import ANYBODY

_ADDRESS = re.compile(r"(?P<repo>[\w.-]{1,96}/[\w.-]{1,96})@(?P<revision>[\w./-]{1,100}):(?P<file>[\w./ -]{1,200})")
HOW = "write it as owner/repo@revision:file.safetensors"


@dataclass(frozen=True)
class Address:
    """One file of one repository at one revision (a commit, a tag or a branch)."""

    repo: str
    revision: str
    file: str

    @property
    def text(self) -> str:
        """The address as a request has it."""
        return f"{self.repo}@{self.revision}:{self.file}"

    @property
    def filename(self) -> str:
        """The name of the file without its folders."""
        return self.file.rsplit("/", 1)[-1]


def address(text: str) -> Address:
    """The address that a visitor wrote. Raises InputError if it has another form or names no safetensors file."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or ".." in text:
        raise InputError(f"{text[:120]!r} is not an address on the Hub; {HOW}")
    found = Address(**match.groupdict())
    if not found.file.endswith(".safetensors"):
        raise InputError(f"{found.filename!r} is not a .safetensors file, the only kind that is fetched from the Hub")
    return found


def add(text: str, *, data: str | None = None, arch: Mapping[str, Any] | None = None, owner: str = ANYBODY) -> Request:
    """The request to fetch and read a file on the Hub. Raises InputError."""
    found = address(text)
    said = {"data": None if data is None else checked(data), "arch": arch or {}, "hub": found.text}

    def ask(named: str) -> Request:
        return Request.of("inspect", upload=named, filename=found.filename, **said)

    return uploads.accept(found.filename, found.text.encode(), ask, owner)


def fetch(text: str, target: Path, limit: int) -> str:
    """Download the file to `target`; the commit it is of.

    limit   bytes it may have

    Raises CheckpointError with a sentence: the package is missing, the Hub has no such file, or it is too large.
    """
    wanted = address(text)
    try:
        import huggingface_hub as client
    except ImportError:
        raise CheckpointError(
            "This server cannot read from the Hugging Face Hub: the optional package huggingface_hub is not "
            "installed. Download the file and upload it here"
        ) from None
    try:
        about = client.get_hf_file_metadata(client.hf_hub_url(wanted.repo, wanted.file, revision=wanted.revision))
        if about.size is None or about.size > limit:
            has = "does not say how large it is" if about.size is None else f"has {about.size / 2**20:.0f} MB"
            raise CheckpointError(f"{wanted.text} {has}; the limit is {limit / 2**20:.0f} MB")
        commit = str(about.commit_hash or wanted.revision)
        with tempfile.TemporaryDirectory() as folder:
            path = client.hf_hub_download(wanted.repo, wanted.file, revision=commit, local_dir=folder)
            shutil.copyfile(path, target)
    except CheckpointError:
        raise
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f"the Hub did not give {wanted.text} ({first[:160]})") from error
    return commit
