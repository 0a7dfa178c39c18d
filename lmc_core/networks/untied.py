"""A network with tied tensors as one in which each use has its own copy."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from torch import nn

from lmc_core.networks.copies import copied
from lmc_core.networks.network import Network


def untied(network: Network) -> Network:
    """The same function with a parameter of its own under every name that the module knows: a head that shared the
    numbers of an embedding has a copy of them. A layer that is used in several places stays one.

    The new tensors are called as in the module, `head.weight`. A network whose module ties nothing by name is returned
    as it is. What a file or an architecture would tie again is forgotten: the network is rebuilt from its own module.

    Raises TraceError for a module that cannot be copied.
    """
    twins = _twins(network.module, network)
    if not twins:
        return network
    module = copied(network.module)
    for name, ours in twins.items():
        place, _, last = name.rpartition(".")
        part = module.get_submodule(place)
        x = network.state[ours].detach().clone()
        if last in part._parameters:
            part._parameters[last] = nn.Parameter(x, requires_grad=x.is_floating_point())
        else:
            part._buffers[last] = x
    state = {name: network.state[twins.get(name, name)] for name in _names(module)}
    return replace(
        network,
        module=module,
        state=MappingProxyType({name: x.clone() if name in twins else x for name, x in state.items()}),
        architecture=None,
        metadata=_metadata(network, twins),
    )


def _names(module: nn.Module) -> list[str]:
    """Names of the state: parameters and persistent buffers."""
    kept = module.state_dict(keep_vars=True)
    return [name for name, _ in module.named_parameters()] + [n for n, _ in module.named_buffers() if n in kept]


def _twins(module: nn.Module, network: Network) -> dict[str, str]:
    """Every further name of a tensor → its name in the state, unless it is that of one layer in two places."""
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    first: dict[int, str] = {id(x): name for name, x in named if name in network.state}
    twins = {name: first[id(x)] for name, x in named if name not in network.state and id(x) in first}

    def holder(name: str) -> nn.Module:
        return module.get_submodule(name.rpartition(".")[0])

    return {name: ours for name, ours in twins.items() if holder(name) is not holder(ours)}


def _metadata(network: Network, twins: dict[str, str]) -> dict[str, object]:
    """Without the names under which tensors were tied where the network came from: they are now their own."""
    about = dict(network.metadata)
    theirs: dict[str, str] = dict(about.get("twins") or {})
    names: dict[str, str] = dict(about.get("names") or {})
    for name in twins:
        for other in [o for o in theirs if o == name or o.endswith(f".{name}")]:
            del theirs[other]
            if other != name:
                names[name] = other
    return {**{k: v for k, v in about.items() if k not in ("twins", "names")}, **_kept(twins=theirs, names=names)}


def _kept(**tables: dict[str, str]) -> dict[str, object]:
    return {key: table for key, table in tables.items() if table}
