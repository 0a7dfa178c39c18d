"""Whether two networks are two settings of one function, and if not, where they first differ."""

from __future__ import annotations

from lmc_core.networks.network import Network, Normalize


def mismatch(a: Network, b: Network) -> str | None:
    """Why a straight line between A and B does not exist, as a sentence; None when they fit together.

    Compared in the order of A's state: names, shapes; then what the modules compute and how inputs are normalised.
    """
    for name, tensor in a.state.items():
        if name not in b.state:
            unknown = next((n for n in b.state if n not in a.state), None)
            instead = f" (B has {unknown!r} there)" if unknown else ""
            return (
                f"the networks are of two architectures: A has the tensor {name!r} and B does not{instead}; "
                "choose two networks of one architecture"
            )
        theirs = b.state[name]
        if theirs.shape != tensor.shape:
            todo = (
                "networks of different widths can be fused, not joined by a path"
                if theirs.ndim == tensor.ndim
                else "choose two networks of one architecture"
            )
            return f"tensor {name!r} has shape {_shape(tensor.shape)} in A and {_shape(theirs.shape)} in B; {todo}"
    extra = next((name for name in b.state if name not in a.state), None)
    if extra is not None:
        return (
            f"the networks are of two architectures: B has the tensor {extra!r} and A does not; "
            "choose two networks of one architecture"
        )
    if a.architecture and b.architecture and a.architecture != b.architecture:
        ours, theirs_ = dict(a.architecture.options), dict(b.architecture.options)
        option = next((o for o in sorted({*ours, *theirs_}) if ours.get(o) != theirs_.get(o)), "family")
        if option != "family":
            return (
                f"A computes with {option}={ours.get(option)!r} and B with {option}={theirs_.get(option)!r}; "
                f"if both are the same, say so with --arch {option}=VALUE"
            )
    shapes = [tuple(tuple(x.shape[1:]) for x in net.example_inputs) for net in (a, b)]
    if shapes[0] != shapes[1]:
        return (
            f"A reads inputs of shape {shapes[0][0]} and B of shape {shapes[1][0]}; choose two that read the same data"
        )
    if a.normalize != b.normalize:
        return (
            f"A reads {_normalised(a.normalize)} inputs and B {_normalised(b.normalize)} ones; "
            "give both the same with --normalize mean/std"
        )
    return None


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"


def _normalised(normalize: Normalize | None) -> str:
    if normalize is None:
        return "raw"
    mean, std = (", ".join(f"{v:.4g}" for v in values) for values in (normalize.mean, normalize.std))
    return f"normalised ({mean} / {std})"
