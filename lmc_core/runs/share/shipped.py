"""The default analyses as finished runs, which a checkout brings along: a fresh server opens on them."""

from __future__ import annotations

from lmc_core.runs.keep import SHIPPED, Archive
from lmc_core.runs.kinds.request import Request


def adopt(request: Request, archive: Archive) -> bool:
    """Bring a shipped run into the store of this host, where it is not there yet. True if it is there now.

    A run is named by its request, in which stand the fingerprints of its networks and the version of its kind's
    results: what an earlier program computed, or of other networks, has another name and is not taken.
    """
    if not archive.store.has(request.id):
        shipped = archive.host.checkpoints / SHIPPED / "runs" / request.id
        if not shipped.is_dir():
            return False
        archive.store.adopt(shipped, request.id)
    return True
