"""The same path again, in a shell and in Python."""

from shlex import quote

from lmc_core.runs.kinds.path import PathResult
from pages._ask.links import changed
from pages._show.reproduce import location


def command(result: PathResult) -> str:
    """The line that computes this result in a shell."""
    request = result.request
    a, b = (quote(location(card)) for card in result.models)
    options = [f"--data {quote(request['data'])}", f"--method {request['method']}"]
    options += [f"--set {quote(f'{name}={value}')}" for name, value in changed(request["method"], request["settings"])]
    options += [f"--points {request['points']}", f"--seed {request['seed']}"]
    if request["train_examples"] != 10_000:
        options.append(f"--train-examples {request['train_examples']}")
    if request.get("test_examples"):
        options.append(f"--test-examples {request['test_examples']}")
    options.append(f"--recalibrate {request['recalibrate'] or 'none'}")
    if request["device"] != "auto":
        options.append(f"--device {request['device']}")
    pairs = [" ".join(options[i : i + 2]) for i in range(0, len(options), 2)]
    if (waypoint := _waypoint(result)) is not None:
        pairs.append(f"--through {quote(waypoint)}")
    elif bent := request.get("curve"):
        pairs.append(f"--curve {bent['kind']} --curve-bends {bent['bends']} --curve-epochs {bent['epochs']}")
    return " \\\n  ".join(["python -m lmc_core path", a, b, *pairs])


def python(result: PathResult) -> str:
    """The lines that compute this result in Python, with the measured barrier as a comment."""
    request = result.request
    a, b = (location(card) for card in result.models)
    settings = "".join(f", {name}={value!r}" for name, value in changed(request["method"], request["settings"]))
    asked = {"recalibrate": result.aligned.recalibrate, **{name: request[name] for name in ("train_examples", "seed")}}
    usual = {"recalibrate": None, "train_examples": 10_000, "seed": 0}
    measured = "".join(f", {name}={value!r}" for name, value in asked.items() if value != usual[name])
    return f"""import lmc_core as lmc

a = lmc.load({a!r})
b = lmc.load({b!r})
data = lmc.dataset({request["data"]!r})

alignment = lmc.align(
    a, b, method={request["method"]!r},
    data=data, seed={request["seed"]}{settings},
)
aligned = alignment.transport(b)
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
