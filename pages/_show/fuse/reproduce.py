"""The same fusion again, in a shell and in Python."""

from collections.abc import Mapping
from typing import Any

from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.fuse import FuseResult
from pages._ask.links import changed
from pages._show.command import command as command_of
from pages._show.command import data_location, opened

OUT = "fused.safetensors"


def command(result: FuseResult) -> str:
    """The line that computes this result in a shell, and keeps the network."""
    return f"{command_of(result)} \\\n  --out {OUT}"


def python(result: FuseResult) -> str:
    """The lines that compute this result in Python, with the measured accuracy as a comment."""
    asked = result.request
    networks = "".join(f"    {opened(card)},\n" for card in result.models)
    drawn = _drawn(asked)
    given: dict[str, Any] = {"data": "data"}
    if len(set(asked["weights"])) > 1:
        given["weights"] = repr(tuple(asked["weights"]))
    if asked["widths"] is not None:
        widths = asked["widths"]
        given["widths"] = repr(widths if isinstance(widths, int) else dict(widths))
    if result.recalibrate:
        given["recalibrate"] = repr(result.recalibrate)
    if asked["temperature"]:
        given["temperature"] = "True"
    given |= {name: repr(value) for name, value in changed(asked["method"], asked["settings"])}
    given["seed"] = repr(asked["seed"])
    arguments = ", ".join(f"{name}={value}" for name, value in given.items())
    first = tuned = ""
    if asked["finetune"]:
        first = "from lmc_core.training.finetune import finetune\n"
        how = f"{asked['finetune']}, rate={asked['rate']:g}, seed={asked['seed']}"
        tuned = f"fused = finetune(fused, data, {how}).network\n"
    return f"""import lmc_core as lmc
{first}
networks = [
{networks}]
data = lmc.dataset({data_location(asked["data"])!r}){drawn}

fused = lmc.fuse(
    networks, method={asked["method"]!r},
    {arguments},
)
{tuned}fused.save({OUT!r})
path = lmc.LinearPath(fused, fused)
profile = lmc.evaluate(path, data, points=2)
print(profile.accuracy("test")[0])  # {result.outcome.final["test"]["accuracy"]:.4f}"""


def _drawn(asked: Mapping[str, Any]) -> str:
    """How the examples that were used are drawn; nothing where that is all of them."""
    counts = {split: counted(asked.get(f"{split}_examples", 0)) for split in ("train", "test")}
    if not any(counts.values()):
        return ""
    given = ", ".join(f"{split}={count}" for split, count in counts.items() if count)
    return f".drawn({given}, seed={asked['seed']})"
