"""Why a file's contents are not read, as the true reason and the mend that works."""

from __future__ import annotations

from lmc_core.networks.safety.limits import plain

_REASONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("torch.Complex", "torch.complex"),
        "holds complex numbers, which are not read from files; use the model in Python: "
        "lmc_core.network(module, example)",
    ),
    (("torch._utils._rebuild_sparse",), "holds a sparse tensor; save it dense, with .to_dense()"),
    (
        ("torch.qint", "torch.quint", "torch.QInt", "torch.QUInt", "torch._utils._rebuild_qtensor", "torch.ao."),
        "is quantised: its weights are packed whole numbers; save the model as it was before quantisation",
    ),
    (
        ("torch._utils._rebuild_tensor_v3", "torch.float8"),
        "holds numbers of a type that torch stores and does not compute in, such as float8; save them with "
        ".to(torch.bfloat16)",
    ),
    (
        ("torch._utils._rebuild_meta",),
        "holds tensors on the meta device, which have no numbers; save the model after loading its weights",
    ),
)
"""First words of what a pickle refers to, and what that says of the file."""


NUMBERS = (
    "save the numbers with torch.save(model.state_dict(), 'model.pt'); who has only this file and trusts it gets that "
    "model, where the code of its classes can be imported, from torch.load(file, weights_only=False)"
)
"""What to do with a file that holds a model whole."""


def of_object(file: str, name: str) -> str:
    """Why a file that refers to a Python object is not read."""
    for beginnings, reason in _REASONS:
        if name.startswith(beginnings):
            return f"{file} {reason}"
    return (
        f"{file} refers to the Python object {plain(name, 100)}, not only to numbers; opening it could "
        f"run code, and nothing of it was run: {NUMBERS}"
    )


def of_protocol(file: str, protocol: object) -> str:
    """Why a pickle of another protocol than torch.save's is not read."""
    return (
        f"{file} is a pickle (protocol {plain(protocol, 20)}) that torch.save did not write; opening it could run "
        "code: where you trust it, load it in Python and write torch.save(state_dict, 'model.pt')"
    )


def of_script(file: str) -> str:
    """Why TorchScript is not read."""
    return (
        f"{file} is a TorchScript program, which is code; save the numbers with "
        "torch.save(model.state_dict(), 'model.pt')"
    )


def is_script(entries: list[str]) -> bool:
    """Whether an archive with these entries is TorchScript."""
    return any(entry.endswith("constants.pkl") or "code/" in entry for entry in entries)
