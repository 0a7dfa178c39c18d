"""Hostile model files, built on the spot: each would do harm, or waste the machine, if it were opened carelessly."""

from __future__ import annotations

import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from lmc_core.networks.network import network

Builder = Callable[[Path, Path], Path]
"""(folder, canary) → the hostile file; running anything in it would create the canary."""


class Touch:
    """An object whose pickle, when opened, creates a file."""

    def __init__(self, canary: Path):
        self.canary = str(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(self.canary),)


class Tiny(nn.Module):
    """x (b, 4) → (b, 3); the batch size appears in its graph as a named size."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.fc1(x).relu().view(x.shape[0], 6))


def tiny_program() -> bytes:
    """A harmless .pt2 that attacks are made from, as torch.export.save writes it."""
    global _PROGRAM
    if _PROGRAM is None:
        buffer = BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch = ({0: torch.export.Dim("batch", min=2)},)
            program = torch.export.export(Tiny().eval(), (torch.randn(2, 4),), dynamic_shapes=batch, strict=False)
            torch.export.save(program, buffer)
        _PROGRAM = buffer.getvalue()
    return _PROGRAM


_PROGRAM: bytes | None = None
MODEL, WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"
CONSTANTS, SAMPLE = "data/constants/model_constants_config.json", "data/sample_inputs/model.pt"


def tampered(data: bytes, changes: dict[str, bytes | Callable[[Any], Any]]) -> bytes:
    """An archive with some entries replaced (bytes), edited (a function of their JSON) or added."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as new:
        root = old.namelist()[0].split("/")[0]
        names = [name.removeprefix(root + "/") for name in old.namelist()]
        for name in dict.fromkeys([*names, *changes]):
            change = changes.get(name)
            if callable(change):
                document = json.loads(old.read(f"{root}/{name}"))
                change(document)
                new.writestr(f"{root}/{name}", json.dumps(document))
            else:
                new.writestr(f"{root}/{name}", old.read(f"{root}/{name}") if change is None else change)
    return made.getvalue()


def saved(value: Any, **options: Any) -> bytes:
    """What torch.save writes."""
    buffer = BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def weights() -> dict[str, torch.Tensor]:
    """A state dict of a small MLP."""
    return {k: v.clone() for k, v in Tiny().state_dict().items()}


def tensorfile(header: dict[str, Any] | bytes, numbers: bytes) -> bytes:
    """A .safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def zipped(entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """An archive with these entries, in this order, also twice the same."""
    buffer = BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def entries(data: bytes) -> list[tuple[str, bytes]]:
    """Names and bytes of an archive."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def overlapping() -> bytes:
    """Two entries of one archive that share their bytes: the second lies inside the first."""
    inner = zipped([("archive/data/1", b"\0" * 64)])
    end = inner.index(b"PK\x01\x02")
    outer = bytearray(zipped([("archive/data.pkl", pickle.dumps({}, 2)), ("archive/data/0", inner[:end])]))
    start = outer.index(inner[:end])
    directory, tail = outer.index(b"PK\x01\x02"), outer.index(b"PK\x05\x06")
    second = bytearray(inner[end : inner.index(b"PK\x05\x06")])
    struct.pack_into("<I", second, 42, start)
    made = bytes(outer[:tail]) + bytes(second)
    return made + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 3, 3, len(made) - directory, directory, 0)


def with_pickle(data: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """A torch.save archive whose list of tensors was edited."""
    return zipped([(name, edit(part) if name.endswith("data.pkl") else part) for name, part in entries(data)])


def with_call(module: str, name: str, argument: str) -> bytes:
    """A pickle, written opcode by opcode, that calls module.name(argument)."""
    return (
        b"\x80\x02c"
        + f"{module}\n{name}\n".encode()
        + b"X"
        + struct.pack("<I", len(argument))
        + argument.encode()
        + b"\x85R."
    )


def laughing() -> bytes:
    """A pickle of 200 bytes whose one dictionary key has 2**60 parts when it is hashed or printed."""
    doubled = b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(60))
    return b"\x80\x02})" + doubled + b"Ns."


def contradicting(data: bytes) -> bytes:
    """An archive whose two forms of the end name different places of the list of entries."""
    end = data.rindex(b"PK\x05\x06")
    return data[: end + 16] + struct.pack("<I", 0) + data[end + 20 :]


def _set(document: Any, *path: Any, value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


def setter(*path: Any, value: Any) -> Callable[[Any], None]:
    """An edit of a JSON document."""
    return lambda document: _set(document, *path, value=value)


def _size(expression: str) -> Callable[[Any], None]:
    """The named size of the batch replaced by other text, wherever it stands."""

    def edit(document: Any) -> None:
        todo = [document]
        while todo:
            item = todo.pop()
            if isinstance(item, dict):
                if "expr_str" in item:
                    item["expr_str"] = expression
                todo.extend(item.values())
            elif isinstance(item, list):
                todo.extend(item)

    return edit


def _target(operation: str) -> Callable[[Any], None]:
    return setter("graph_module", "graph", "nodes", -1, "target", value=operation)


def code(canary: Path) -> str:
    """A Python expression that creates the canary."""
    return f"__import__('pathlib').Path({str(canary)!r}).touch()"


_CALL = ("graph_module", "module_call_graph", 0, "signature")
_TREE = {"type": "collections.defaultdict", "children_spec": []}
_TREE["context"] = {"default_factory_module": "this", "default_factory_name": "s", "dict_context": []}  # type: ignore[assignment]


def _program(name: str, changes: Callable[[Path], dict[str, Any]]) -> tuple[str, Builder]:
    def build(folder: Path, canary: Path) -> Path:
        path = folder / f"{name}.pt2"
        path.write_bytes(tampered(tiny_program(), changes(canary)))
        return path

    return name, build


def _file(name: str, make: Callable[[Path], bytes]) -> tuple[str, Builder]:
    def build(folder: Path, canary: Path) -> Path:
        path = folder / name
        path.write_bytes(make(canary))
        return path

    return name, build


def _numbers(count: int) -> bytes:
    return torch.arange(count, dtype=torch.float32).numpy().tobytes()


def _stretched(data: bytes) -> bytes:
    """The count of numbers of the one storage (12) becomes 2 000 000 000."""
    return data.replace(b"K\x0c", b"J" + struct.pack("<i", 2_000_000_000))


def _F32(shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


def _poisoned() -> dict[str, torch.Tensor]:
    state = weights()
    state["fc2.weight"][1, 2] = float("nan")
    return state


def _described(**about: Any) -> bytes:
    return safetensors.torch.save(weights(), {"lmc": json.dumps({"version": 1, "normalize": None, **about})})


PICKLES: dict[str, Builder] = dict(
    [
        _file("code.pt", lambda c: saved({"state_dict": weights(), "extra": Touch(c)})),
        _file("code-legacy.pth", lambda c: saved(Touch(c), _use_new_zipfile_serialization=False)),
        _file("bare-pickle.ckpt", lambda c: pickle.dumps(Touch(c), 2)),
        _file("protocol-4.pt", lambda c: saved({"w": torch.ones(3), "x": Touch(c)}, pickle_protocol=4)),
        _file("opcode.pt", lambda c: with_pickle(saved(weights()), lambda _: with_call("builtins", "eval", code(c)))),
        _file(
            "opcode-py2.pt",
            lambda c: with_pickle(saved(weights()), lambda _: with_call("__builtin__", "eval", code(c))),
        ),
        _file("inst.pt", lambda c: with_pickle(saved(weights()), lambda _: b"(Vx\nibuiltins\neval\n.")),
        _file("module.pt", lambda c: saved(Tiny())),
        _file("module-legacy.th", lambda c: saved(Tiny(), _use_new_zipfile_serialization=False)),
        _file("script.pt", lambda c: zipped([("m/data.pkl", b""), ("m/constants.pkl", b""), ("m/code/m.py", b"x=1")])),
    ]
)
"""Files that are code, or could be."""

PROGRAMS: dict[str, Builder] = dict(
    [
        _program("pickled-sample", lambda c: {SAMPLE: saved(((torch.ones(2, 4), Touch(c)), {}))}),
        _program("bare-sample", lambda c: {SAMPLE: pickle.dumps(Touch(c))}),
        _program(
            "pickled-weight",
            lambda c: {
                WEIGHTS: setter("config", "fc1.weight", "use_pickle", value=True),
                "data/weights/weight_0": saved(Touch(c)),
            },
        ),
        _program("old-weights", lambda c: {"data/weights/model.pt": saved(Touch(c))}),
        _program(
            "pickled-constant",
            lambda c: {
                CONSTANTS: setter(
                    "config",
                    value={
                        "k": {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
                    },
                ),
                "data/constants/opaque_obj_0": pickle.dumps(Touch(c)),
            },
        ),
        _program("code-as-size", lambda c: {MODEL: _size(code(c))}),
        _program("lambda-as-size", lambda c: {MODEL: _size("(lambda: 1)()")}),
        _program("attribute-as-size", lambda c: {MODEL: _size("s0.func.__class__")}),
        _program("function-as-size", lambda c: {MODEL: _size("open('x')")}),
        _program("huge-size", lambda c: {MODEL: _size("Pow(Integer(9), Pow(Integer(9), Integer(9)))")}),
        _program("code-as-symbol", lambda c: {MODEL: setter("range_constraints", value={code(c): {"min_val": 2}})}),
        _program("imported-tree", lambda c: {MODEL: setter(*_CALL, "in_spec", value=json.dumps([1, _TREE]))}),
        _program("file-operation", lambda c: {MODEL: _target("torch.ops.aten.from_file.default")}),
        _program("python-operation", lambda c: {MODEL: _target("torch.hub.load")}),
        _program("getattr-operation", lambda c: {MODEL: _target("_operator.attrgetter")}),
        _program("dunder-operation", lambda c: {MODEL: _target("torch.ops.aten.add.__init__")}),
        _program("extension-operation", lambda c: {MODEL: _target("#triton:kernel")}),
        _program(
            "code-as-name",
            lambda c: {MODEL: setter("graph_module", "graph", "nodes", -1, "name", value=f"x = {code(c)}; y")},
        ),
        _program(
            "code-as-argument-name",
            lambda c: {MODEL: setter(*_CALL, "forward_arg_names", value=[f"x={code(c)}"])},
        ),
        _program(
            "code-as-weight-name",
            lambda c: {WEIGHTS: lambda d: d["config"].update({f'a"+{code(c)}+"': d["config"].pop("fc1.weight")})},
        ),
        _program(
            "custom-object",
            lambda c: {
                MODEL: setter(
                    "graph_module", "graph", "custom_obj_values", value={"o": {"name": "o", "class_fqn": "a.B"}}
                )
            },
        ),
        _program("compiled-code", lambda c: {"data/aotinductor/model/m.so": b"\x7fELF"}),
        _program("second-model", lambda c: {"models/other.json": b"{}"}),
        _program("escaping-payload", lambda c: {WEIGHTS: setter("config", "fc1.bias", "path_name", value="../../x")}),
        _program(
            "weight-beyond-its-bytes",
            lambda c: {WEIGHTS: setter("config", "fc1.bias", "tensor_meta", "sizes", value=[{"as_int": 10**9}])},
        ),
        _program(
            "weight-before-its-bytes",
            lambda c: {WEIGHTS: setter("config", "fc1.bias", "tensor_meta", "storage_offset", value={"as_int": -4})},
        ),
        _program("missing-weight", lambda c: {WEIGHTS: lambda d: d["config"].pop("fc1.weight")}),
        _program(
            "huge-input",
            lambda c: {
                MODEL: setter("graph_module", "graph", "tensor_values", "x", "sizes", value=[{"as_int": 2**40}] * 2)
            },
        ),
        _program("not-json", lambda c: {MODEL: b"{" * 100_000}),
        _program("twice-the-same-key", lambda c: {MODEL: b'{"graph_module": 1, "graph_module": 2}'}),
    ]
)
"""Programs that carry code in one of the places torch's own loader would run, or numbers that are not there."""

DAMAGED: dict[str, Builder] = dict(
    [
        _file("text.pt", lambda c: b"this is not a network\n"),
        _file("empty.safetensors", lambda c: b""),
        _file("picture.pth", lambda c: b"\x89PNG\r\n\x1a\n" + bytes(600)),
        _file("keras.pt", lambda c: b"\x89HDF\r\n\x1a\n" + bytes(600)),
        _file("packed.pt", lambda c: b"\x1f\x8b\x08" + bytes(600)),
        _file("noise.bin", lambda c: bytes(range(1, 250)) * 3),
        _file("arrays.pt", lambda c: zipped([("x_train.npy", b"\x93NUMPY")])),
        _file("truncated.pt", lambda c: saved(weights())[:-300]),
        _file("truncated-legacy.pt", lambda c: saved(weights(), _use_new_zipfile_serialization=False)[:-20]),
        _file("truncated-pickle.pt", lambda c: with_pickle(saved(weights()), lambda p: p[: len(p) // 2])),
        _file("truncated.safetensors", lambda c: safetensors.torch.save(weights())[:-8]),
        _file("padded.safetensors", lambda c: safetensors.torch.save(weights()) + b"more"),
        _file("header-too-long.safetensors", lambda c: struct.pack("<Q", 2**39) + b"{}" + bytes(64)),
        _file("header-cut-off.safetensors", lambda c: struct.pack("<Q", 5000) + b'{"a":' + bytes(64)),
        _file("overlap.safetensors", lambda c: tensorfile({"a": _F32([4], 0, 16), "b": _F32([4], 8, 24)}, _numbers(6))),
        _file("hole.safetensors", lambda c: tensorfile({"a": _F32([2], 0, 8), "b": _F32([2], 16, 24)}, _numbers(6))),
        _file("shape.safetensors", lambda c: tensorfile({"a": _F32([10**6, 10**6], 0, 24)}, _numbers(6))),
        _file("negative.safetensors", lambda c: tensorfile({"a": _F32([-2, -3], 0, 24)}, _numbers(6))),
        _file("twice.safetensors", lambda c: tensorfile(b'{"a":{}, "a":{}}', b"")),
        _file("deep.safetensors", lambda c: tensorfile(b'{"a":' + b"[" * 200_000, b"")),
        _file(
            "float8.safetensors",
            lambda c: tensorfile({"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}, b"abcd"),
        ),
        _file("nan.safetensors", lambda c: safetensors.torch.save(_poisoned())),
        _file("nan.pt", lambda c: saved({"state_dict": _poisoned()})),
        _file("bomb.pt", lambda c: zipped([("a/data.pkl", b"x"), ("a/data/0", bytes(10**7))], zipfile.ZIP_DEFLATED)),
        _file("two-of-a-name.pt", lambda c: zipped([*entries(saved(weights())), entries(saved(weights()))[0]])),
        _file("overlap.pt", lambda c: overlapping()),
        _file("leaving.pt", lambda c: zipped([*entries(saved(weights())), ("archive/../../evil", b"x")])),
        _file("absolute.pt", lambda c: zipped([*entries(saved(weights())), ("/tmp/evil", b"x")])),
        _file("prefixed.pt", lambda c: b"PK\x03\x04" + saved(weights())),
        _file("followed.pt", lambda c: saved(weights()) + b"trailing"),
        _file("stretched.pt", lambda c: with_pickle(saved({"w": torch.ones(12)}), _stretched)),
        _file(
            "stretched-legacy.pt",
            lambda c: _stretched(saved({"w": torch.ones(12)}, _use_new_zipfile_serialization=False)),
        ),
        _file("expanded.pt", lambda c: saved({"w": torch.ones(1).expand(10**9)})),
        _file("twice.pt", lambda c: with_pickle(saved(weights()), lambda p: p.replace(b"fc2.bias", b"fc1.bias"))),
        _file("laughing.pt", lambda c: with_pickle(saved(weights()), lambda _: laughing())),
        _file("contradicting.pt", lambda c: contradicting(saved(weights()))),
        _file("list.pt", lambda c: saved([torch.ones(3)])),
        _file("one-tensor.pt", lambda c: saved(torch.ones(3))),
        _file("no-tensors.pt", lambda c: saved({"epoch": 3})),
        _file("only-integers.pt", lambda c: saved({"w": torch.arange(3)})),
        _file("no-family.safetensors", lambda c: _described(architecture={"family": "__import__", "options": {}})),
        _file("no-architecture.safetensors", lambda c: _described(architecture=3)),
        _file(
            "other-shape.safetensors",
            lambda c: _described(architecture={"family": "mlp", "options": {"widths": [4, 7, 3]}}),
        ),
        _file(
            "huge-width.safetensors",
            lambda c: _described(architecture={"family": "mlp", "options": {"widths": [4, 10**11, 3]}}),
        ),
    ]
)
"""Files that are cut off, contradict themselves, promise more than they hold, or are something else."""

ATTACKS: dict[str, Builder] = PICKLES | PROGRAMS | DAMAGED


def guarded_program(folder: Path, canary: Path) -> Path:
    """A program with code among its guards, which torch runs when the module is made and which are of no use here."""
    path = folder / "guards.pt2"
    path.write_bytes(tampered(tiny_program(), {MODEL: setter("guards_code", value=[f"{code(canary)} is None"])}))
    return path


def exported(folder: Path) -> Path:
    """A harmless program of our own."""
    path = folder / "good.pt2"
    network(Tiny(), torch.randn(2, 4)).export(str(path))
    return path
