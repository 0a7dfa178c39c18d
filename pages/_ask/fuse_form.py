"""What the Fuse page asks for: networks, their weights, the method, the widths, and what is done afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import MismatchError
from lmc_core.fusion import FUSIONS
from lmc_core.networks.widths import FREEDOMS
from lmc_core.runs.kinds import fuse
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from lmc_core.words.fuse import letter
from lmc_core.words.numbers import counted
from pages._ask import data_choice, method_form, model_picker
from pages._frame import query
from pages._frame.text import escaped
from pages._frame.url import choice, choices, number

HALF, WHOLE = 50, 100
WIDTHS = {"keep": "As A", "one": "Uniform", "each": "By group"}
HELP_MODELS = "Two to eight networks of the same layers; their widths may differ. The first is A, and gives the widths."
HELP_WIDTHS = (
    "How many hidden units the fused network has: as A, one number for all layers, or a number for each group."
)


def ask(default: runs.Request) -> runs.Request:
    """The fusion that the controls describe."""
    start = default.options
    st.markdown("**Networks**")
    cards = networks(start["models"])
    remark = st.container()
    with st.container(key="lambdas"):  # one place, however many there are: what lies below keeps its hold on the URL
        weights = lambdas(cards)
    first = cards[0] if cards else library.card(start["models"][0])
    data = data_choice.chosen(first.data, start["data"])
    method, settings = method_form.method(start["method"], FUSIONS, "fusion")
    why = fuse.unfit(cards, method)
    if why:
        remark.warning(escaped(why), icon=":material/join_inner:")
    with st.container(key="widths-asked"):
        asked = widths(first, method)
    more = afterwards() | measured()
    if why:
        raise MismatchError("These networks do not fit together: the reason stands above, under the networks.")
    ids = [card.id for card in cards]
    return runs.Request.of(
        "fuse", models=ids, data=data, method=method, settings=settings, weights=weights, widths=asked, **more
    )


def controls(options: Mapping[str, Any]) -> dict[str, str]:
    """The query of the Fuse page whose controls ask for these options."""
    query = {"models": ",".join(options["models"]), "data": options["data"], "fusion": options["method"]}
    weights = options["weights"]
    if len(set(weights)) > 1:
        query["weights"] = ",".join(map(str, _whole(weights)))
    usual = FUSIONS[options["method"]].settings({})
    query |= {f"{options['method']}.{n}": str(v) for n, v in options["settings"].items() if usual.get(n) != v}
    if isinstance(options["widths"], int):
        query |= {"widths": "one", "width": str(options["widths"])}
    elif options["widths"]:
        query |= {"widths": "each"} | {f"width.{name}": str(size) for name, size in options["widths"].items()}
    query["recalibrate"] = options["recalibrate"] or "none"
    plain = ("finetune", "rate", "points", "train_examples", "seed", "device")
    query |= {"temperature": str(options["temperature"]).lower()} | {name: str(options[name]) for name in plain}
    return query


def about(options: Mapping[str, Any]) -> None:
    """What a stored fusion was asked for, and the way to ask for something else."""
    method = FUSIONS[options["method"]]
    settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options["settings"].items())
    st.markdown(f"**{method.title}**")
    st.caption(escaped(settings) or "nothing to set")
    st.markdown(f"**{escaped(datasets.title(options['data']))}**")
    tuned = f", {counted(options['finetune'], 'epoch')} of fine-tuning" if options["finetune"] else ""
    st.caption(escaped(f"{options['points']} points, seed {options['seed']}{tuned}"))
    st.page_link("fuse.py", label="Change something in Fuse", icon=":material/tune:", query_params=controls(options))


def networks(default: Sequence[str]) -> list[ModelCard]:
    """The chosen networks in order."""
    cards = model_picker.models()
    ids = choices(
        "Networks",
        model_picker.titles(cards, model_picker.CHIP),
        default,
        "models",
        limit=fuse.MODELS[1],
        help=HELP_MODELS,
        label_visibility="collapsed",
        placeholder="Choose two networks or more",
    )
    return [cards[name] for name in ids]


def lambdas(cards: Sequence[ModelCard]) -> list[float] | None:
    """A slider per network, and the shares they come to; in the URL as `weights`, in the order of the networks."""
    if len(cards) < fuse.MODELS[0]:
        return None
    state, asked = st.session_state, st.query_params.get("weights")
    keys = [f"weight:{card.id}" for card in cards]
    if asked is not None and asked != state.get("weights:url"):
        given = [query.number(int, 0, WHOLE)(part) for part in asked.split(",")]
        state.update(dict(zip(keys, given, strict=True)) if len(given) == len(keys) and None not in given else {})
    names = model_picker.titles({card.id: card for card in cards})
    values = []
    for place, (card, key) in enumerate(zip(cards, keys, strict=True)):
        label = f"{letter(place)} · {names[card.id]}"
        state.setdefault(key, HALF)
        values.append(int(st.slider(label, 0, WHOLE, key=key, step=1, persist_state="session")))
    equal = len(set(values)) == 1 and values[0] > 0
    state["weights:url"] = _in_url("weights", None if equal else ",".join(map(str, values)))
    if sum(values):
        shares = " · ".join(f"{letter(k)} {100 * value / sum(values):.1f}%" for k, value in enumerate(values))
        st.caption(f"Weights λ, brought to the sum 1: {shares}")
    return None if equal else [float(value) for value in values]


def widths(first: ModelCard, method: str) -> int | dict[str, int] | None:
    """The widths of the fused network, as far as the method and the family of the networks leave a choice."""
    freedom = () if FUSIONS[method].equal_widths or not first.groups else FREEDOMS.get(first.family, ())
    offered = {name: label for name, label in WIDTHS.items() if name == "keep" or name in freedom}
    st.markdown("**Widths**")
    how: dict[str, Any] = {"required": True, "label_visibility": "collapsed", "help": HELP_WIDTHS}
    chosen = choice(st.segmented_control, "Widths", offered, "keep", "widths", **how)
    if chosen == "one":
        most = max(first.groups.values())
        return number("Units in every layer", *fuse.WIDTH, most, key="width")
    if chosen == "each":
        columns = st.columns(2)
        asked = {}
        for k, (name, size) in enumerate(first.groups.items()):
            with columns[k % 2]:
                asked[name] = number(name, *fuse.WIDTH, size, key=f"width.{name}")
        return asked
    said = ", ".join(f"{name} {size}" for name, size in first.groups.items())
    if not freedom:
        keeps = FUSIONS[method].equal_widths
        why = f"{FUSIONS[method].title} keeps the widths" if keeps else "No other widths are known"
        st.caption(f"{why}: {said}." if said else f"{why}.")
    elif said:
        st.caption(f"{said}.")
    return None


def afterwards() -> dict[str, Any]:
    """What is done with the fused network, as options of a request."""
    with st.expander("Afterwards"):
        recalibrate = choice(
            st.selectbox,
            "Recalibrate",
            method_form.RECALIBRATIONS,
            "auto",
            "recalibrate",
            help="Recompute the statistics of the fused network on training data: of its BatchNorm layers only, "
            "or of every layer (REPAIR).",
        )
        temperature = st.toggle(
            "Temperature",
            key="temperature",
            bind="query-params",
            help="Scale the logits as training examples want it: the loss of a fused network improves, accuracy stays.",
        )
        epochs = number(
            "Epochs of fine-tuning",
            *fuse.EPOCHS,
            0,
            key="finetune",
            help="Train the fused network on, and show what it scores before and after.",
        )
        rate = number(
            "Learning rate",
            0.0001,
            1.0,
            0.01,
            0.005,
            format="%.4f",
            key="rate",
            disabled=not epochs,
        )
    return {
        "recalibrate": None if recalibrate == "none" else recalibrate,
        "temperature": temperature,
        "finetune": epochs,
        "rate": rate,
    }


def measured() -> dict[str, Any]:
    """How much is measured, as options of a request."""
    with st.expander("Evaluation"):
        points = number(
            "Points",
            3,
            201,
            11,
            2,
            key="points",
            help="How many values of t are measured on the path from each network to the fused one.",
        )
        examples = number(
            "Training examples",
            100,
            1_000_000,
            10_000,
            1_000,
            key="train_examples",
            help="Only the first so many are used: to measure, to compare activations, to fine-tune.",
        )
        seed = number("Seed", 0, 2**32 - 1, 0, key="seed", help="The same seed gives the same result.")
        device = st.selectbox(
            "Device", method_form.DEVICES, key="device", bind="query-params", help="auto: a GPU if there is one."
        )
    return {"points": points, "train_examples": examples, "seed": seed, "device": device}


def _whole(weights: Sequence[float]) -> list[int]:
    """Positions of the sliders that come to these shares, as high as they go; the nearest where there are none."""
    for total in range(int(WHOLE / max(weights) + 1e-6), 0, -1):
        parts = [weight * total for weight in weights]
        if all(abs(part - round(part)) < 1e-5 for part in parts):
            return [round(part) for part in parts]
    return [round(WHOLE * weight / max(weights)) for weight in weights]


def _in_url(key: str, value: str | None) -> str | None:
    """Put a value into the address, or take it out; returns it."""
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value
    return value
