"""A request for a run: frozen, checked, and named by its own content."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lmc_core.errors import InputError, SettingError

RESULTS_VERSION = 2
"""Part of every run id: raise it when the same request would give another result, or one stored in another form."""

POINTS = (2, 201)
TRAIN_EXAMPLES = (1, 10_000_000)
SEEDS = (0, 2**32 - 1)
TAGS = 6
RECALIBRATIONS = (None, "auto", "bn-reset", "repair")

_RUN_ID = re.compile(r"[0-9a-f]{16}")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,2})?|mps")


@dataclass(frozen=True)
class Request:
    """What a run is to compute. Make one with `Request.path`, `Request.inspect`, `Request.of` or `Request.parse`, which
    check it.

    kind      "path", "inspect", "data", "bundle", or one of `runs/kinds`
    options   every option of that kind, defaults filled in; JSON values only
    """

    kind: str
    options: Mapping[str, Any]

    @property
    def json(self) -> str:
        """Canonical JSON: keys sorted, no spaces, ASCII; equal requests give equal text."""
        content = {"kind": self.kind, "version": RESULTS_VERSION, **self.options}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def id(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON: the name, cache key and link of the run."""
        return hashlib.sha256(self.json.encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.json)

    @staticmethod
    def path(
        a: str,
        b: str,
        data: str = "digits",
        method: str = "activation-matching",
        settings: Mapping[str, Any] | None = None,
        points: int = 25,
        recalibrate: str | None = None,
        seed: int = 0,
        train_examples: int = 10_000,
        device: str = "auto",
        curve: Mapping[str, Any] | None = None,
    ) -> Request:
        """Align B to A and evaluate the line between them, before and after.

        a, b             ids of models in the library
        data             name in DATASETS, or the id of uploaded data
        settings         of the method; defaults are filled in
        points           2..201 values of t
        recalibrate      None, "bn-reset", "repair", or "auto": reset where the network has running statistics
        train_examples   how many training examples the losses, and a method that reads data, see
        curve            a curved path from A to aligned B to measure too: see `runs/curve.checked`

        Raises InputError (or SettingError) with the value received and what is allowed.
        """
        from lmc_core.methods import METHODS
        from lmc_core.runs.library import data as datasets
        from lmc_core.runs.library import models as library
        from lmc_core.runs.values.curve import checked

        bent = checked(curve)
        return Request._of(
            "path",
            a=str(a),
            b=str(b),
            fingerprints=[library.card(str(a)).fingerprint, library.card(str(b)).fingerprint],
            data=datasets.checked(data),
            method=one_of("method", method, METHODS),
            settings=METHODS[method].settings(settings or {}),
            points=integer("points", points, *POINTS),
            recalibrate=one_of("recalibrate", recalibrate or None, RECALIBRATIONS),
            seed=integer("seed", seed, *SEEDS),
            train_examples=integer("train_examples", train_examples, *TRAIN_EXAMPLES),
            device=checked_device(device),
            **({} if bent is None else {"curve": bent}),
        )

    @staticmethod
    def inspect(
        upload: str,
        filename: str,
        data: str | None = None,
        arch: Mapping[str, Any] | None = None,
        normalize: tuple[Any, Any] | None = None,
        device: str = "auto",
        hub: str | None = None,
    ) -> Request:
        """Read an uploaded file safely, infer and verify its symmetry, measure its accuracy, keep it as a model.

        upload      what the library calls the file's bytes, 64 hex digits
        hub         "owner/repo@revision:file.safetensors" to fetch it from first; then `upload` is of that text
        filename    as the visitor named it; only the last part is kept
        data        name in DATASETS, or id of uploaded data, on which to measure accuracy; None to skip
        arch        options that overrule what was assumed from shapes
        normalize   mean and standard deviation of the inputs, each one number or one per channel
        """
        from lmc_core.runs.library import data as datasets
        from lmc_core.runs.library import hub as hubs

        return Request._of(
            "inspect",
            upload=_digest(upload),
            filename=plain_filename(filename),
            data=None if data is None else datasets.checked(data),
            arch=_options("arch", arch or {}),
            normalize=None if normalize is None else _normalize(normalize),
            device=checked_device(device),
            **({} if hub is None else {"hub": hubs.address(hub).text}),
        )

    @staticmethod
    def data(upload: str, filename: str, device: str = "cpu") -> Request:
        """Read an uploaded .npz file of examples, without pickle, and keep it as data to choose.

        upload, filename   as of `inspect`
        """
        return Request._of(
            "data", upload=_digest(upload), filename=plain_filename(filename), device=checked_device(device)
        )

    @staticmethod
    def bundle(upload: str, filename: str, device: str = "cpu") -> Request:
        """Check the results in an uploaded bundle and keep them as a run of their own.

        The run's id comes from the file's bytes: what a stranger's bundle says never answers for a computed run.
        """
        return Request._of(
            "bundle", upload=_digest(upload), filename=plain_filename(filename), device=checked_device(device)
        )

    @staticmethod
    def of(kind: str, **options: Any) -> Request:
        """A request of one of `runs/kinds`, its options checked and filled in. Raises InputError or SettingError."""
        from lmc_core.runs.kinds import MORE

        return Request._of(kind, **MORE[one_of("kind", kind, MORE)].options(**options))

    @staticmethod
    def parse(text: str) -> Request:
        """The Request that canonical JSON spells, checked like a new one. Raises InputError."""
        from lmc_core.runs.kinds import MORE

        try:
            content = dict(json.loads(text))
        except (ValueError, TypeError):
            raise InputError(f"a request is a JSON object; received {text[:80]!r}") from None
        kind, version = content.pop("kind", None), content.pop("version", RESULTS_VERSION)
        if version != RESULTS_VERSION:
            raise InputError(f"this request has version {version!r}; this program writes version {RESULTS_VERSION}")
        known = content.pop("fingerprints", None)
        try:
            kind = one_of("kind", kind, (*KINDS, *MORE))
            request = KINDS[kind](**content) if kind in KINDS else Request.of(kind, **content)
        except TypeError as error:
            raise InputError(f"a {kind} request does not have these options: {error}") from None
        if known is not None and list(known) != request.options.get("fingerprints"):
            raise InputError("a model named in this request holds other weights now than when the request was made")
        return request

    @staticmethod
    def stored(text: str) -> Request:
        """The Request behind canonical JSON that this program wrote itself: not checked again."""
        content = json.loads(text)
        content.pop("version", None)
        return Request._of(content.pop("kind"), **content)

    @staticmethod
    def _of(kind: str, **options: Any) -> Request:
        return Request(kind, MappingProxyType(options))


KINDS: Mapping[str, Callable[..., Request]] = {
    "path": Request.path,
    "inspect": Request.inspect,
    "data": Request.data,
    "bundle": Request.bundle,
}
"""The kinds that every page needs, by name; `runs/kinds` holds the others."""


def is_run_id(text: object) -> bool:
    """True if text has the form of a run id."""
    return isinstance(text, str) and bool(_RUN_ID.fullmatch(text))


def integer(name: str, value: Any, low: int, high: int) -> int:
    """value as an int within low..high. Raises SettingError."""
    try:
        number = int(value)
        exact = number == float(value) and not isinstance(value, bool)
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or not low <= number <= high:
        raise SettingError(f"{name}={str(value)[:40]!r} is not a whole number from {low} to {high}")
    return number


def one_of(name: str, value: Any, allowed: Any) -> Any:
    """value if it is among the allowed. Raises SettingError listing them."""
    if not any(value == choice for choice in allowed):
        choices = ", ".join("none" if choice is None else str(choice) for choice in allowed)
        raise SettingError(f"{name}={str(value)[:80]!r} is not one of {choices}")
    return value


def tidy_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags in lower case, each once. Raises SettingError unless they are up to six words of at most 24 characters."""
    words = tuple(dict.fromkeys(str(tag).strip().lower() for tag in tags if str(tag).strip()))
    for word in words:
        if not re.fullmatch(r"[\w .+-]{1,24}", word):
            raise SettingError(f"tag {word[:40]!r} is not a word of up to 24 letters, digits, dots, dashes or spaces")
    if len(words) > TAGS:
        raise SettingError(f"{len(words)} tags are too many; a run has up to {TAGS}")
    return words


def plain_filename(name: str) -> str:
    """The last part of a path, printable characters only, 100 at most."""
    last = re.split(r"[/\\]", str(name))[-1]
    return "".join(c for c in last if c.isprintable()).strip()[-100:] or "unnamed"


def _digest(upload: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", upload):
        raise InputError(f"upload {upload[:80]!r} is not the name of a file: 64 hex digits")
    return upload


def checked_device(device: str) -> str:
    """device if it is the name of one. Raises SettingError."""
    if not _DEVICE.fullmatch(str(device)):
        raise SettingError(f"device={str(device)[:40]!r} is not auto, cpu, cuda, cuda:0 or mps")
    return str(device)


def _options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    options = {str(key): value for key, value in given.items()}
    if len(json.dumps(options, default=str)) > 4000:
        raise SettingError(f"{name} holds more than 4000 characters")
    for key, value in options.items():
        if not isinstance(value, (str, int, float, bool, type(None), list, tuple)):
            raise SettingError(f"{name}: {key}={value!r} is not a number, a word or a list of them")
    return options


def _normalize(given: tuple[Any, Any]) -> list[list[float]]:
    try:
        mean, std = ([float(v) for v in (part if isinstance(part, (list, tuple)) else [part])] for part in given)
    except (TypeError, ValueError):
        raise SettingError(f"normalize={given!r} is not a mean and a standard deviation") from None
    if len(mean) != len(std) or not all(abs(m) < 1e6 and 0 < s < 1e6 for m, s in zip(mean, std, strict=False)):
        raise SettingError(f"normalize={given!r} needs as many positive standard deviations as means")
    return [mean, std]
