"""Every kind of run is declared once, and every surface says the same of its options."""

import argparse
import json
import shlex
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from lmc_core import runs
from lmc_core.cli import COMMANDS
from lmc_core.commands.spelling import add_options, add_request, asked, given_options, line
from lmc_core.errors import InputError, SettingError
from lmc_core.options import Nested, Option, Options
from lmc_core.runs.kinds import KINDS, classes
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._options import DEVICE, SEED
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.share.routes import schema
from lmc_core.runs.values.record import Record

ROOT = Path(__file__).parents[3]
A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"
LEAST = {
    "path": {"a": A, "b": B},
    "fuse": {"models": [A, B]},
    "compare": {"models": [A, B]},
    "plane": {"a": A, "b": B},
    "theory": {"a": A, "b": B},
    "width": {},
    "projection": {"run": "0" * 16, "group": "fc1"},
    "layers": {"run": "0" * 16},
    "inspect": {"upload": "0" * 64, "filename": "net.pt"},
    "data": {"upload": "0" * 64, "filename": "mine.npz"},
    "bundle": {"upload": "0" * 64, "filename": "afar.zip"},
}
"""Kind → the options that have no default."""
C = "digits-mlp-32/seed2"
MEANT: dict[str, list[dict]] = {
    "path": [
        {"method": "frank-wolfe", "settings": {"restarts": 2}, "points": 7, "recalibrate": None, "seed": 4},
        {"curve": {"kind": "through", "model": C}, "test_examples": 50, "device": "cpu"},
        {"curve": {"kind": "bezier", "bends": 3, "epochs": 7}, "data": "my data.npz"},
    ],
    "fuse": [
        {"models": [A, B, C], "weights": [0.2, 0.3, 0.5], "widths": {"fc1": 40, "fc2": 9}, "temperature": True},
        {"models": [A, B, C], "method": "zipit", "settings": {"after": "fc1"}, "finetune": 2, "rate": 0.003},
        {"models": [A, B, C], "method": "merge-many", "points": 5, "canonical": True},
    ],
    "compare": [
        {"methods": ["weight-matching", "frank-wolfe"], "settings": {"frank-wolfe": {"restarts": 4}}},
        {"models": [A, B, C], "recalibrate": "repair", "points": 3, "seed": 9},
    ],
    "plane": [
        {"third": C, "method": None, "training": [B, C, A]},
        {"grid": 9, "method": "activation-matching", "seed": 2},
    ],
    "theory": [{"method": "ot-alignment", "train_examples": 0, "test_examples": 7}],
    "width": [{"method": "activation-matching", "train_examples": 0, "test_examples": 7}],
    "projection": [{"group": "encoder.layers.0/heads x", "metric": "weights", "seed": 5, "device": "auto"}],
    "layers": [{"device": "cpu"}],
}
"""Kind → options as people choose them together."""
TRAIN_EXAMPLES = {"path": 10_000, "fuse": 10_000, "compare": 1_000, "plane": 1_000, "theory": 1_000, "width": 1_000}
DECLARED = [(kind, option) for kind in KINDS.values() for option in kind.options]
NAMED = pytest.mark.parametrize(("kind", "option"), DECLARED, ids=[f"{k.name}-{o.name}" for k, o in DECLARED])


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    yield tmp_path
    runs.stop()


def values(option: Option) -> list:
    """Some values that an option allows."""
    numbers = [
        option.kind(bound) for bound in (option.low, option.high) if bound is not None and option.kind is not str
    ]
    planted = {"curve": [{"kind": "chain", "bends": 2, "epochs": 3}], "widths": [7, {"fc1": 3}]}
    planted |= {"normalize": [[[0.5], [0.25]]], "arch": [{"activation": "tanh"}]}
    found = [*option.choices, *numbers, *planted.get(option.name, [])]
    found = [[value] for value in found] if option.many else found
    return found + ([] if option.required else [option.default]) + ([None] if option.optional else [])


def spelled(option: Option, value: object) -> list[str]:
    """A value on a command line: by its place where it has to be given."""
    if option.required:
        return list(value) if isinstance(value, list) else [str(value)]
    return [f"--{option.name.replace('_', '-')}={value if isinstance(value, float) else option.text(value)}"]


@NAMED
def test_what_an_option_allows_is_allowed_on_every_surface(kind: Kind, option: Option) -> None:
    valid = jsonschema.Draft202012Validator(option.schema).is_valid
    for value in values(option):
        checked = option.check(value)
        assert option.check(option.parse(option.text(checked))) == checked
        assert option.check(json.loads(json.dumps(checked))) == checked
        assert valid(checked), value
        if not isinstance(option, Nested):
            parser = argparse.ArgumentParser()
            add_options(parser, [option])
            assert given_options(parser.parse_args(spelled(option, checked)), [option]) == {option.name: checked}


@NAMED
def test_a_number_beyond_its_range_is_refused_on_every_surface(kind: Kind, option: Option) -> None:
    if option.kind not in (int, float) or option.many or isinstance(option, Nested):
        return
    step = 1 if option.kind is int else 1e-3
    beyond = [bound + way * step for bound, way in ((option.low, -1), (option.high, 1)) if bound is not None]
    for value in [*beyond, float("nan"), True]:
        with pytest.raises(SettingError, match=f"^{option.name}="):
            Request.of(kind.name, **{**LEAST[kind.name], option.name: value})
        with pytest.raises(SettingError, match=f"^{option.name}="):
            kind.options.read({option.url or option.name: str(value)})
        parser = argparse.ArgumentParser()
        add_options(parser, [option])
        with pytest.raises(SettingError, match=f"^{option.name}="):
            given_options(parser.parse_args(spelled(option, value)), [option])
    assert all(not jsonschema.Draft202012Validator(option.schema).is_valid(value) for value in beyond)


@pytest.mark.parametrize("name", KINDS)
def test_the_defaults_are_the_same_on_every_surface(name: str) -> None:
    """A request that says nothing, a URL that says nothing, a command that says nothing, and the schema."""
    kind, least = KINDS[name], LEAST[name]
    said = {option.name: option.check(least[option.name]) for option in kind.options if option.required}
    request = Request.of(name, **least)
    assert kind.check(kind.options.read(kind.options.query(said))) == kind.check(said)
    assert {option.name: request[option.name] for option in kind.options} == kind.check(said)
    schema = kind.schema["properties"]
    parser = argparse.ArgumentParser()
    add_options(parser, [option for option in kind.options if not option.required])
    command = given_options(parser.parse_args([]), [option for option in kind.options if not option.required])
    for option in kind.options:
        if not option.required:
            assert schema[option.name]["default"] == command[option.name] == option.default
    assert kind.schema["required"] == list(said)
    assert jsonschema.Draft202012Validator(kind.schema).is_valid({**said, **command})


COMPUTED = [kind for kind in KINDS.values() if not kind.reads_file]
"""The kinds that a command computes: a file of a visitor's is read where it was sent."""


@pytest.mark.parametrize("kind", COMPUTED, ids=lambda kind: kind.name)
def test_a_command_has_the_options_of_its_kind_with_their_defaults(kind: Kind) -> None:
    name = kind.command or kind.name
    assert name in COMMANDS
    module = import_module(f"lmc_core.commands.{name}")
    assert module.KIND is kind
    parser = argparse.ArgumentParser()
    module.configure(parser)
    args = parser.parse_args(placed(kind))
    assert asked(args, kind) == Request.of(kind.name, **LEAST[kind.name])


@pytest.mark.parametrize("kind", COMPUTED, ids=lambda kind: kind.name)
def test_a_command_that_is_printed_asks_for_the_same_request(kind: Kind) -> None:
    """With every option at each of some values in turn, and with all of them away from their defaults."""
    parser = argparse.ArgumentParser()
    add_request(parser, kind)
    least = LEAST[kind.name]
    tried: list[dict] = [{}]
    for option in kind.options:
        tried += [{option.name: value} for value in values(option) if not option.required]
    tried += MEANT[kind.name]
    for given in tried:
        try:
            request = Request.of(kind.name, **{**least, **given})
        except SettingError:  # options that exclude each other
            continue
        words = shlex.split(line(request).replace("\\\n", " "))
        assert words[:4] == ["python", "-m", "lmc_core", kind.command or kind.name]
        assert asked(parser.parse_args(words[4:]), kind) == request, given


def test_a_printed_command_is_safe_in_a_shell_and_names_models_as_its_reader_does() -> None:
    request = Request.of("path", a="one", b="two", seed=3)
    files = {"one": "my nets/$(rm -r x);'a'.pt", "two": "-f.pt"}
    words = shlex.split(line(request, lambda name: files.get(name, name)).replace("\\\n", " "))
    assert words[4:6] == ["my nets/$(rm -r x);'a'.pt", "./-f.pt"]


def placed(kind: Kind) -> list[str]:
    """What a command line has to say."""
    found = LEAST[kind.name].values()
    return [word for value in found for word in (value if isinstance(value, list) else [value])]


def test_examples_mean_one_thing_wherever_they_are_asked_for() -> None:
    for name, count in TRAIN_EXAMPLES.items():
        train, test = (KINDS[name].options[option] for option in ("train_examples", "test_examples"))
        assert train.default == count
        assert test.default == (1_000 if name in ("plane", "theory") else 0)
        assert (train.low, train.high) == (test.low, test.high) == (0, 10_000_000)
    assert {kind.options["method"].default for kind in KINDS.values() if "method" in kind.options} == {
        "weight-matching",
        "wasserstein-barycenter",
    }


def test_a_request_survives_a_url() -> None:
    said = {**LEAST["path"], "method": "frank-wolfe", "settings": {"restarts": 2}, "points": 7, "recalibrate": None}
    said |= {"curve": {"kind": "through", "model": A}, "test_examples": 50}
    kind, request = KINDS["path"], Request.of("path", **said)
    query = kind.options.query({option.name: request[option.name] for option in kind.options})
    assert query["frank-wolfe.restarts"] == "2"
    assert Request.of("path", **kind.options.read({**query, "tab": "Matching", "embed": "true"})) == request


def test_a_request_is_a_value_until_a_server_binds_it() -> None:
    request = Request.of("path", a="no-such/model", b=B)
    assert json.loads(request.json)["a"] == "no-such/model"
    with pytest.raises(InputError, match="no id before"):
        _ = request.id
    with pytest.raises(InputError, match="there is no model 'no-such/model'"):
        runs.bind(request)
    bound = runs.bind(Request.of("path", a=A, b=B))
    assert runs.bind(bound) is bound
    assert runs.find(Request.of("path", a=A, b=B)) == bound.id


def test_a_request_from_before_an_option_existed_has_the_name_it_had() -> None:
    plain = runs.bind(Request.of("path", a=A, b=B))
    assert "test_examples" not in plain.json
    assert runs.find(Request.of("path", a=A, b=B, test_examples=0)) == plain.id
    assert runs.find(Request.of("path", a=A, b=B, test_examples=10)) != plain.id


def test_the_schema_of_every_kind_is_served() -> None:
    found = json.loads(schema(None).body)  # type: ignore[arg-type]
    assert list(found) == list(KINDS)
    for one in found.values():
        jsonschema.Draft202012Validator.check_schema(one)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_its_work_under_its_name(name: str) -> None:
    assert (ROOT / "lmc_core/runs/kinds" / f"{name}.py").is_file()
    assert "work" in (ROOT / "lmc_core/runs/work" / f"{name}.py").read_text()
    assert KINDS[name].name == name
    assert len(set(KINDS[name].stages)) == len(KINDS[name].stages) > 0


# -- a new kind of run -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class ToyResult(Record):
    """How often a toy was thrown."""

    throws: int
    title: str = "A toy"

    @property
    def json(self) -> dict:
        return {"throws": self.throws}


THROWS = Option("throws", int, 3, "How often.", low=1, high=9)
TOY = Kind(
    "toy",
    "Playing",
    ("Throwing",),
    Options("toy", (THROWS, SEED, DEVICE)),
    (ToyResult,),
    facts=(),
    title=lambda options, cards: "A toy",
)


def test_a_new_kind_is_a_file_on_each_floor_and_a_line_in_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for, carried out by the real worker's loop, stored, read again, described: nothing else has heard of it."""
    touched = []

    def floor(name: str, **content: object) -> None:
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
        touched.append(name)

    def work(request, report, folder, device):
        report("Throwing", 1, request["throws"])
        return ToyResult(request=dict(request.options), throws=request["throws"], finding="It came back.")

    floor("lmc_core.runs.kinds.toy", TOY=TOY, ToyResult=ToyResult)
    floor("lmc_core.runs.work.toy", work=work)
    monkeypatch.setitem(KINDS, "toy", TOY)  # type: ignore[call-overload]
    monkeypatch.setenv("LMC_ENGINE", "thread")
    import lmc_core.runs.work.run  # noqa: F401 - with torch, which takes its time

    run = runs.submit(Request.of("toy", throws=5))
    runs.start()
    end = time.monotonic() + 30
    while not (now := runs.status(run)).finished:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (now.state, now.title, now.finding, now.stages) == ("done", "A toy", "It came back.", ("Throwing",))
    assert runs.result(run).json == {"throws": 5}
    assert classes()["ToyResult"] is ToyResult
    assert "toy" in json.loads(schema(None).body)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="throws=10 is not a whole number from 1 to 9"):
        Request.of("toy", throws=10)
    assert len({name.split(".")[2] for name in touched}) == len(touched) == 2, "one file per floor"
