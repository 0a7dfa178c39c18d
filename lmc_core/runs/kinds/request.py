"""A request for a run: frozen, checked, and named by its own content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lmc_core.errors import InputError, SettingError
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds._kind import Known

LONGEST_FACT = 200


@dataclass(frozen=True)
class Request:
    """What a run is to compute. `Request.of` and `Request.parse` check it against what its kind declares, and nothing
    else: what only a server knows, such as the fingerprints of models, `bound` adds. Then it has an id.

    kind      one of KINDS
    options   every option of that kind, defaults filled in; JSON values only
    version   of that kind's results
    is_bound  what only a server knows is among the options
    """

    kind: str
    options: Mapping[str, Any]
    version: int
    is_bound: bool = False

    def __getitem__(self, name: str) -> Any:
        """An option, also one that is left out at its default."""
        return self.options[name] if name in self.options else KINDS[self.kind].options[name].default

    @property
    def json(self) -> str:
        """Canonical JSON: keys sorted, no spaces, ASCII; equal requests give equal text."""
        content = {"kind": self.kind, "version": self.version, **self.options}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def id(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON: the name, cache key and link of the run."""
        if not self.is_bound:
            raise InputError(f"this {self.kind} request has no id before a server has filled in what it knows")
        return hashlib.sha256(self.json.encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.json)

    def bound(self, known: Known) -> Request:
        """The request with what a server knows. Raises InputError if it has no such models, data or runs, or others
        than the request says."""
        if self.is_bound:
            return self
        kind = KINDS[self.kind]
        asked = {name: value for name, value in self.options.items() if name not in kind.facts}
        if asked.get("data") is not None:
            known.example(asked["data"])
        found = kind.bind(asked, known)
        for name in kind.facts:
            if name in self.options and self.options[name] != found.get(name):
                if name == "fingerprints":
                    raise InputError(
                        "a model named in this request holds other weights now than when the request was made"
                    )
                raise InputError(f"{name} of a {self.kind} request is {found.get(name)!r} here")
        return Request(self.kind, MappingProxyType(kind.canonical(found)), self.version, True)

    @property
    def renewed(self) -> Request:
        """The request as it is asked today: itself, or one of the present version of its kind's results."""
        if self.version == KINDS[self.kind].version:
            return self
        return Request.of(self.kind, **self.options)

    @staticmethod
    def of(kind: str, **options: Any) -> Request:
        """A request, its options checked and filled in. Raises SettingError or InputError."""
        if not isinstance(kind, str) or kind not in KINDS:
            raise SettingError(f"kind={str(kind)[:80]!r} is not one of {', '.join(KINDS)}")
        declared = KINDS[kind]
        facts = {name: _fact(name, options[name]) for name in declared.facts if name in options}
        found = declared.check({name: value for name, value in options.items() if name not in facts})
        return Request(
            kind, MappingProxyType({**declared.canonical(found), **facts}), declared.version, not declared.facts
        )

    @staticmethod
    def parse(text: str) -> Request:
        """The Request that canonical JSON spells, checked like a new one. Raises InputError."""
        try:
            content = dict(json.loads(text))
        except (ValueError, TypeError, RecursionError):
            raise InputError(f"a request is a JSON object; received {text[:80]!r}") from None
        kind, version = content.pop("kind", None), content.pop("version", None)
        request = Request.of(kind, **{str(name): value for name, value in content.items()})
        if version is not None and (type(version) is not int or not 2 <= version <= request.version):
            raise InputError(f"this request has version {version!r}; this program writes version {request.version}")
        return request

    @staticmethod
    def stored(text: str) -> Request:
        """The Request behind canonical JSON that this program wrote itself: not checked again, and of its version."""
        content = json.loads(text)
        version, kind = content.pop("version"), content.pop("kind")
        return Request(kind, MappingProxyType(content), version, True)


def _fact(name: str, value: Any) -> Any:
    """Names or fingerprints, as a server fills them in; whether they are right, `Request.bound` finds out."""
    for text in value if isinstance(value, (list, tuple)) else (value,):
        if not isinstance(text, str) or len(text) > LONGEST_FACT or not text.isprintable():
            raise SettingError(f"{name}={str(value)[:80]!r} is neither a name nor a list of names")
    return value
