"""The same path again, in a shell and in Python."""

from lmc_core.runs.kinds.path import PathResult
from pages._ask.links import changed
from pages._show.command import command as command_of
from pages._show.command import data_location, opened


def command(result: PathResult) -> str:
    """The line that computes this result in a shell."""
    waypoint = _waypoint(result)
    return command_of(result, {} if waypoint is None else {result.request["curve"]["model"]: waypoint})


def python(result: PathResult) -> str:
    """The lines that compute this result in Python, with the measured barrier as a comment."""
    request = result.request
    a, b = map(opened, result.models)
    settings = "".join(f", {name}={value!r}" for name, value in changed(request["method"], request["settings"]))
    asked = {"recalibrate": result.aligned.recalibrate, **{name: request[name] for name in ("train_examples", "seed")}}
    asked |= {name: request.get(name) or None for name in ("test_examples", "precision")}
    usual = {"recalibrate": None, "train_examples": 10_000, "seed": 0, "test_examples": None, "precision": None}
    measured = "".join(f", {name}={value!r}" for name, value in asked.items() if value != usual[name])
    start = "\na = alignment.reference(a)  # the same function in other numbers" if result.alignment.canonical else ""
    return f"""import lmc_core as lmc

a = {a}
b = {b}
data = lmc.dataset({data_location(request["data"])!r})

alignment = lmc.align(
    a, b, method={request["method"]!r},
    data=data, seed={request["seed"]}{settings},
)
aligned = alignment.transport(b){start}
path = lmc.LinearPath(a, aligned)
profile = lmc.evaluate(path, data, points={request["points"]}{measured})
print(profile.barrier("test", "loss"))  # {result.aligned.barrier():.3f}""" + _curve_lines(result, measured)


def _curve_lines(result: PathResult, measured: str) -> str:
    """The lines that go on to compute the curve, if there is one."""
    request, curve, asked = result.request, result.curve, result.request.get("curve")
    if curve is None or asked is None:
        return ""
    if (waypoint := _waypoint(result)) is not None:
        opened = f"waypoint = lmc.load({waypoint!r})\n"
        verb, made = "through", "through(a, waypoint, aligned)"
    else:
        bent = ", ".join(f"{name}={asked[name]!r}" for name in ("kind", "bends", "epochs"))
        seen = f"examples={request['train_examples']}, seed={request['seed']}"
        opened, verb, made = "", "train_curve", f"train_curve(\n    a, aligned, data, {bent},\n    {seen},\n)"
    return f"""

from lmc_core.paths.curves import {verb}

{opened}curve = {made}
bent = lmc.evaluate(curve, data, points={request["points"]}{measured})
print(bent.barrier("test", "loss"))  # {curve.profile.barrier():.3f}"""


def _waypoint(result: PathResult) -> str | None:
    """The file of the model that the curve leads through; None if it leads through none."""
    bent = result.request.get("curve")
    if result.curve is None or not bent or bent["kind"] != "through":
        return None
    shipped = "/" in bent["model"]
    return f"checkpoints/{bent['model']}.safetensors" if shipped else result.curve.title.removeprefix("Through ")
