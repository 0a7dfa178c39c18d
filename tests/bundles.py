"""Bundles taken apart and put together."""

import io
import zipfile

from lmc_core import runs
from lmc_core.runs.share.bundle import add

A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"
Parts = dict[str, bytes]


def unzipped(content: bytes) -> Parts:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: Parts) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def brought(filename: str, content: bytes, owner: str = "local") -> str:
    """The run that checks a bundle; the networks in it are asked for before."""
    return [runs.submit(request, owner) for request in add(filename, content, owner=owner)][-1]
