"""Requests as this server knows them, for tests."""

from typing import Any

from lmc_core import runs


def request_of(kind: str, **options: Any) -> runs.Request:
    """A request with what the library here knows: it has an id."""
    return runs.bind(runs.Request.of(kind, **options))


def path_request(a: str, b: str, **options: Any) -> runs.Request:
    """A path from A to B."""
    return request_of("path", a=a, b=b, **options)
