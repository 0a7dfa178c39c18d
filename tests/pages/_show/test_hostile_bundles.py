"""What a page prints of a stranger's bundle, for readers to copy into a shell or into Python."""

import ast
import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from asking import request_of
from bundles import Parts, unzipped, zipped
from scripts import ANALYSES, PAIR, computed

from lmc_core.cli import _parser
from lmc_core.errors import InputError
from lmc_core.runs.library import bundle
from lmc_core.runs.share.bundle import export
from pages._show.run import kind_of
from pages._show.view import view

SMALL: Mapping[str, dict[str, Any]] = {
    "path": {**PAIR, "points": 3, "settings": {"restarts": 1}},
    "fuse": {"models": [PAIR["a"], PAIR["b"]], "data": "digits", "points": 3, "train_examples": 100, "finetune": 1},
    "plane": ANALYSES["plane"],
    "compare": {**ANALYSES["compare"], "models": [PAIR["a"], PAIR["b"]], "methods": ["identity"], "points": 3},
}
HOSTILE = (
    "x; : > canary #",
    "$(: > canary)",
    "`: > canary`",
    "'; : > canary; '",
    '"; : > canary; "',
    "a\n: > canary\n",
    "--out=canary.safetensors",
    "-x",
    '"); open("canary", "w"); ("',
    "'); open('canary', 'w'); ('",
    '\\"); open("canary", "w") #',
    "x=1); open('canary', 'w'); f(y",
    "canary\nopen('canary', 'w')",
)
OUTPUT = {"fused.safetensors"}


@pytest.fixture(scope="module")
def runs_of(home: Path) -> dict[str, str]:
    """Kind → a run that was really computed."""
    return {kind: computed(request_of(kind, **options), home / "work" / kind).id for kind, options in SMALL.items()}


@pytest.fixture(scope="module")
def honest(runs_of: dict[str, str]) -> dict[str, Parts]:
    """Kind → the parts of a bundle of it."""
    return {kind: unzipped(export(run)) for kind, run in runs_of.items()}


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in JSON, of whole objects and lists too."""
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*at, key))


def put(value: Any, at: tuple[Any, ...], new: Any, *, key: bool) -> Any:
    """The same JSON with another value in one place, or with another name for it."""
    first, *rest = at
    if isinstance(value, list):
        return [put(item, tuple(rest), new, key=key) if rest else new for item in value[first : first + 1]] + [
            item for number, item in enumerate(value) if number != first
        ]
    if rest:
        return {**value, first: put(value[first], tuple(rest), new, key=key)}
    return {**{k: v for k, v in value.items() if k != first}, **({new: value[first]} if key else {first: new})}


def attacked(parts: Parts) -> Iterator[Parts]:
    """The bundle with each hostile text in each place of its request, as a value and as a name, and in its cards."""
    asked, content = json.loads(parts["request.json"]), json.loads(parts["run.json"])

    def made(request: Any, of: dict[str, Any]) -> Parts:
        whole = {**content, "of": {**content["of"], **of, "request": request}}
        return {**parts, "request.json": json.dumps(request).encode(), "run.json": json.dumps(whole).encode()}

    for text in HOSTILE:
        for at in leaves(asked):
            for key in (False, True):
                if not key or isinstance(at[-1], str):
                    yield made(put(asked, at, text, key=key), {})
        yield made({**asked, text: text}, {})
        for field in ("title", "id", "family"):
            cards = [{**card, "of": {**card["of"], field: text, "uploaded": True}} for card in content["of"]["models"]]
            yield made(asked, {"models": cards})


def read(parts: Parts, folder: Path) -> bundle.Bundled:
    path = folder / "b.zip"
    path.write_bytes(zipped(parts))
    return bundle.read(path, "b.zip")


def printed(parts: Parts, run: str, folder: Path) -> Mapping[str, str]:
    """Title → what the page of a bundle prints to copy. Raises InputError where it is refused."""
    result = read(parts, folder)
    listings = view(kind_of(result, "")).shown(result, run, None).listings
    return {title: make() for title, make in listings.items()}


def words(command: str, folder: Path) -> list[str]:
    """What a shell gives the one program that a command starts; a shell that finds no program but that one."""
    shell = f"python() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    ran = subprocess.run(
        ["/bin/sh", "-c", shell], cwd=folder, env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    assert not ran.stderr
    assert not (folder / "canary").exists()
    return ran.stdout.split("\0")[:-1]


def calls(code: str) -> set[str]:
    """Everything that Python code calls."""
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("kind", SMALL)
def test_whatever_a_bundle_says_is_refused_or_stays_one_word_of_what_is_printed(
    kind: str, runs_of: dict[str, str], honest: dict[str, Parts], tmp_path: Path
) -> None:
    shell = tmp_path / "shell"
    shell.mkdir()
    usual = printed(honest[kind], runs_of[kind], tmp_path)
    usually = {name for code in usual.values() if code.startswith("import") for name in calls(code)}
    refused = kept = 0
    for parts in attacked(honest[kind]):
        try:
            said = printed(parts, runs_of[kind], tmp_path)
        except InputError:
            refused += 1
            continue
        kept += 1
        if "Command line" in said:
            command = said["Command line"]
            plain = shlex.split(command.replace("\\\n", " "))
            assert words(command, shell) == plain[1:]
            given = plain[3:]
            out = getattr(_parser(given).parse_args(given), "out", None)
            assert out is None or out in OUTPUT
        if "Python" in said:
            assert calls(said["Python"]) <= usually
    assert refused > len(HOSTILE)
    assert not os.listdir(shell)


def test_a_request_of_a_bundle_is_what_its_kind_declares(honest: dict[str, Parts], tmp_path: Path) -> None:
    for kind, parts in honest.items():
        other = next(name for name in honest if name != kind)
        swapped = json.loads(parts["run.json"])
        swapped["of"]["request"] = json.loads(honest[other]["request.json"])
        request = json.dumps(swapped["of"]["request"]).encode()
        with pytest.raises(InputError, match=f"answers a {other} request"):
            read({**parts, "request.json": request, "run.json": json.dumps(swapped).encode()}, tmp_path)


def test_an_honest_bundle_still_says_all_that_was_asked_for(honest: dict[str, Parts], tmp_path: Path) -> None:
    for parts in honest.values():
        kept = json.dumps(dict(read(parts, tmp_path).request), default=list)
        assert json.loads(kept) == json.loads(parts["request.json"])
