"""The lock files: everything that the requirements lead to, at versions they allow, with hashes, and nothing else."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "deploy" / "lock"
KINDS = {"web": ["requirements.txt"], "dev": ["requirements.txt", "requirements-dev.txt"]}
LEFT_OUT = {"torch", *(LOCK / "left-out.txt").read_text().split()}


def wanted(kind: str) -> list[Requirement]:
    lines = [line for name in KINDS[kind] for line in (ROOT / name).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("-r", "#"))]


def locked(kind: str) -> list[tuple[Requirement, int]]:
    """Every entry of a lock file, with the number of its hashes."""
    entries = (LOCK / f"{kind}.txt").read_text().replace("\\\n", "").splitlines()
    return [(Requirement(entry.split("--hash")[0].strip()), entry.count("--hash=sha256:")) for entry in entries]


def versions(kind: str) -> dict[str, str]:
    """Name → version of what is installed on this machine."""
    here = [entry for entry, _ in locked(kind) if entry.marker is None or entry.marker.evaluate()]
    return {canonicalize_name(entry.name): next(iter(entry.specifier)).version for entry in here}


@pytest.mark.parametrize("kind", KINDS)
def test_every_requirement_is_locked_at_a_version_it_allows(kind: str) -> None:
    found = versions(kind)
    for requirement in wanted(kind):
        if requirement.name != "torch":
            assert requirement.specifier.contains(found[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_locked_needs_nothing_that_is_not(kind: str) -> None:
    found = versions(kind)
    for name in found:
        for text in distribution(name).requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                other = canonicalize_name(needed.name)
                assert other in found or other in LEFT_OUT, f"{name} needs {text}"
                assert other in LEFT_OUT or needed.specifier.contains(found[other]), f"{name} needs {text}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_has_one_version_and_hashes_and_none_is_a_build_of_torch(kind: str) -> None:
    for entry, hashes in locked(kind):
        assert [each.operator for each in entry.specifier] == ["=="]
        assert hashes > 0, entry
        assert canonicalize_name(entry.name) not in LEFT_OUT
        assert not entry.name.startswith(("nvidia-", "cuda-"))


def test_the_image_and_the_tests_have_the_same_packages() -> None:
    assert versions("web").items() <= versions("dev").items()


@pytest.mark.parametrize(("file", "lock"), [("Dockerfile", "web.txt"), (".ci/run", "dev.txt")])
def test_image_and_tests_are_installed_with_hashes(file: str, lock: str) -> None:
    assert re.search(
        rf"pip install (-q )?--require-hashes -r (deploy/lock/)?{re.escape(lock)}", (ROOT / file).read_text()
    )


def test_the_base_image_is_named_by_its_digest() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    (base,) = (line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE="))
    assert re.fullmatch(r"python:3\.11-[a-z-]+@sha256:[0-9a-f]{64}", base)
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE}"]
