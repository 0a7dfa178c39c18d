"""One declaration of an option serves every surface: what it writes it reads, and it refuses nothing silently."""

import json
import math
from itertools import product

import jsonschema
import numpy as np
import pytest

from lmc_core.errors import SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.options import LARGEST, REQUIRED, Option, Options

SHAPES = [
    Option("count", int, 3, "A number.", low=1, high=100),
    Option("open", int, 0, "A number."),
    Option("share", float, 0.5, "A share.", low=0, high=1),
    Option("rate", float, 0.1, "A rate."),
    Option("on", bool, False, "A switch."),
    Option("word", str, "", "A word.", high=40),
    Option("colour", str, "red", "A colour.", choices=("red", "green")),
    Option("step", int, 2, "A step.", choices=(2, 4, 8)),
    Option("code", str, REQUIRED, "A code.", pattern="[a-f]{4}", wording="four letters from a to f"),
]
EVERY = [
    Option(**{**vars(one), "default": None if optional else REQUIRED, "optional": optional, "many": many})
    for one in SHAPES
    for optional in (False, True)
    for many in (False, True)
]
DECLARED = [(name, option) for name, method in (METHODS | FUSIONS).items() for option in method.parameters]

WORDS = ("red", "green", "abcd", "", "none", "a,b", " edge ", "[x", "true", "ø|\n", "None", "1")
VALUES = (
    *(None, True, False, 0, 1, 2, 4, 100, -7, LARGEST, -LARGEST, 0.1, 1 / 3, -0.0, 1e-300, 5e-324, 1.5e308, 3.0, 2e16),
    *WORDS,
)
ILL = (
    *(float("nan"), float("inf"), -float("inf"), "nan", "inf", "-Infinity", "1e309", 10**400, "9" * 5000, LARGEST + 1),
    *(1e309, b"1", object(), {"a": 1}, [[1]], ["x", None], "x" * 10_000, "؛", [1, float("nan")], 1j, "0x10", "1;rm"),
)  # fmt: skip


def label(option: Option) -> str:
    return f"{option.name}{'-or-none' * option.optional}{'-many' * option.many}"


def accepted(option: Option) -> list:
    """Every planted value that the option takes, as it returns it."""
    given = [*VALUES, *ILL, *([one] for one in VALUES), []]
    given += [list(pair) for pair in product(WORDS, WORDS)] + [[2, 4.0], [0.1, 1 / 3], [True, False]]
    found = []
    for value in given:
        try:
            found.append(option.check(value))
        except SettingError:
            continue
    return found


@pytest.mark.parametrize("option", EVERY, ids=label)
def test_what_an_option_accepts_it_writes_and_reads_again(option):
    values = accepted(option)
    assert values, "no planted value fits"
    for value in values:
        again = option.parse(option.text(value))
        assert again == value
        assert type(again) is type(value)
        assert option.check(value) == value
        assert option.check(json.loads(json.dumps(value, allow_nan=False))) == value


@pytest.mark.parametrize("option", EVERY, ids=label)
def test_an_option_and_its_schema_accept_the_same_json(option):
    schema = jsonschema.Draft202012Validator(option.schema)
    for value in accepted(option):
        assert schema.is_valid(value), value
    for value in (*VALUES, [], [None], *([one] for one in VALUES)):
        items = value if isinstance(value, list) else [value]
        if option.optional and value in ("", "none", "None"):  # nothing, in the words of a URL
            continue
        if isinstance(value, list) is option.many and all(type(item) is option.kind for item in items):
            assert schema.is_valid(value) or not _takes(option, value), value
            assert _takes(option, value) or not schema.is_valid(value), value


def _takes(option: Option, value) -> bool:
    try:
        return option.check(value) is not ...
    except SettingError:
        return False


@pytest.mark.parametrize("option", EVERY, ids=label)
@pytest.mark.parametrize("value", ILL, ids=lambda value: str(type(value).__name__))
def test_no_value_is_too_odd_for_a_sentence(option, value):
    try:
        typed = option.check(value)
    except SettingError as error:
        said = str(error)
        assert said.startswith(f"{option.name}=")
        assert said.endswith(option.allowed)
        assert len(said) < 300
    else:
        numbers = [x for x in np.atleast_1d(np.asarray(typed, dtype=object)) if isinstance(x, float)]
        assert all(map(math.isfinite, numbers))


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize(
    "value", [True, False, float("nan"), float("inf"), -float("inf"), 1e309, "nan", "1e309", 10**400]
)
def test_a_number_is_neither_a_switch_nor_beyond_all_numbers(kind, value):
    with pytest.raises(SettingError, match=r"size=.* is not a (whole )?number"):
        Option("size", kind, 1, "A size.").check(value)


def test_an_error_names_the_option_the_value_and_what_is_allowed():
    said = {
        "count=0 is not a whole number from 1 to 100": (SHAPES[0], 0),
        "share=2 is not a number from 0 to 1": (SHAPES[2], 2),
        "on='maybe' is not true or false": (SHAPES[4], "maybe"),
        "colour='blue' is not one of red, green": (SHAPES[6], "blue"),
        "step=3 is not one of 2, 4, 8": (SHAPES[7], 3),
        "code='xyz' is not four letters from a to f": (SHAPES[8], "xyz"),
        "n=0 is not a whole number of at least 1": (Option("n", int, 1, "n", low=1), 0),
        "n=0 is not a number of at least 1e-05": (Option("n", float, 1, "n", low=1e-5), 0),
        "n=[0] is not a list, each of it a whole number of at least 1": (
            Option("n", int, [1], "n", low=1, many=True),
            [0],
        ),
        "n=0 is not a whole number of at least 1, or none": (Option("n", int, 1, "n", low=1, optional=True), 0),
    }
    for sentence, (option, value) in said.items():
        with pytest.raises(SettingError) as refused:
            option.check(value)
        assert str(refused.value) == sentence


def test_a_set_of_options_fills_defaults_and_refuses_what_it_does_not_have():
    both = Options("path", (SHAPES[0], SHAPES[8]))
    assert both.check({"code": "abcd"}) == {"count": 3, "code": "abcd"}
    with pytest.raises(SettingError, match=r"^path has no option 'colour'; it has count, code$"):
        both.check({"code": "abcd", "colour": "red"})
    with pytest.raises(SettingError, match=r"^path needs code: A code\.$"):
        both.check({"count": 4})
    with pytest.raises(SettingError, match=r"^identity has no setting 'x'; it has none$"):
        METHODS["identity"].settings({"x": 1})


def test_a_url_holds_what_differs_from_the_defaults_and_no_more():
    every = Options("all", tuple(Option(**{**vars(o), "name": f"o{i}"}) for i, o in enumerate(EVERY)))
    chosen = {o.name: next(iter(accepted(o)[len(accepted(o)) // 2 :])) for o in every}
    query = every.query(every.check(chosen))
    assert every.read(query) == every.check(chosen)
    assert all(isinstance(text, str) for text in query.values())
    free = Options("free", tuple(SHAPES[:8]))
    assert free.query(free.check({})) == {}
    assert free.query(free.check({"count": 5})) == {"count": "5"}


@pytest.mark.parametrize(("name", "option"), DECLARED, ids=lambda x: getattr(x, "name", x))
def test_every_declared_setting_obeys_the_laws(name, option):
    assert option.help
    assert option.default is not REQUIRED
    for value in (option.default, *option.choices, *([option.kind(option.low)] if option.low is not None else [])):
        assert option.check(value) == option.parse(option.text(value)) == value
        assert jsonschema.Draft202012Validator(option.schema).is_valid(value)


@pytest.mark.parametrize("owner", [*METHODS.values(), *FUSIONS.values()], ids=lambda m: m.name)
def test_the_settings_of_a_method_have_a_schema(owner):
    jsonschema.Draft202012Validator.check_schema(owner.options.schema)
    assert jsonschema.Draft202012Validator(owner.options.schema).is_valid(owner.settings({}))
