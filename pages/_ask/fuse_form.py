"""What the Fuse page asks for: networks, their weights, the method, the widths, and what is done afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import MismatchError
from lmc_core.fusion import FUSIONS
from lmc_core.networks.families import widths as freedoms
from lmc_core.runs.kinds import fuse
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from lmc_core.words.fuse import letter
from pages._ask import active, data_choice, links, method_form, model_picker
from pages._ask.fields import field, section
from pages._frame import query
from pages._frame.text import escaped
from pages._frame.url import choice, choices, remember

HALF = 50  # where the slider of a share starts
AFTERWARDS = ("recalibrate", "temperature", "finetune", "rate")
EVALUATION = ("paths", "points", "train_examples", "test_examples", "seed", "device")
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
    data = data_choice.chosen(first, start["data"])
    method, settings = method_form.method(start["method"], FUSIONS, "fusion")
    why = fuse.unfit(cards, method)
    if why:
        remark.warning(escaped(why), icon=":material/join_inner:")
    with st.container(key="widths-asked"):
        asked = widths(first, method)
        canonical = not FUSIONS[method].canonical and field(fuse.CANONICAL, "canonical", default["canonical"])
    more = section("Afterwards", default, AFTERWARDS) | section("Evaluation", default, EVALUATION)
    if why:
        raise MismatchError("These networks do not fit together: the reason stands above, under the networks.")
    ids = [card.id for card in cards]
    return runs.Request.of(
        "fuse",
        **{"models": ids, "data": data, "method": method, "settings": settings},
        **{"weights": weights, "widths": asked, "canonical": canonical, **more},
    )


def networks(default: Sequence[str]) -> list[ModelCard]:
    """The chosen networks in order."""
    cards = model_picker.models()
    active.take(cards, ("models",), st.session_state.get("models", default), pair=False)
    ids = choices(
        "Networks",
        model_picker.titles(cards, model_picker.CHIP),
        default,
        "models",
        limit=fuse.MOST,
        help=HELP_MODELS,
        label_visibility="collapsed",
        placeholder="Choose two networks or more",
    )
    active.keep(ids, default, pair=False)
    return [cards[name] for name in ids]


def lambdas(cards: Sequence[ModelCard]) -> list[float] | None:
    """A slider per network, and the shares they come to; in the URL as `weights`, in the order of the networks."""
    if len(cards) < fuse.FEWEST:
        return None
    state, asked = st.session_state, st.query_params.get("weights")
    keys = [f"weight:{card.id}" for card in cards]
    if asked is not None and asked != state.get("weights:url"):
        given = [query.number(int, 0, links.WHOLE)(part) for part in asked.split(",")]
        state.update(dict(zip(keys, given, strict=True)) if len(given) == len(keys) and None not in given else {})
    names = model_picker.titles({card.id: card for card in cards})
    values = []
    for place, (card, key) in enumerate(zip(cards, keys, strict=True)):
        label = f"{letter(place)} · {names[card.id]}"
        state.setdefault(key, HALF)
        values.append(int(st.slider(label, 0, links.WHOLE, key=key, step=1, persist_state="session")))
    equal = len(set(values)) == 1 and values[0] > 0
    remember("weights", None if equal else ",".join(map(str, values)), keys)
    if sum(values):
        shares = " · ".join(f"{letter(k)} {100 * value / sum(values):.1f}%" for k, value in enumerate(values))
        st.caption(f"Shares (sum to 1): {shares}")
    return None if equal else [float(value) for value in values]


def widths(first: ModelCard, method: str) -> int | dict[str, int] | None:
    """The widths of the fused network, as far as the method and the family of the networks leave a choice."""
    freedom = () if FUSIONS[method].equal_widths or not first.groups else freedoms(first.family)
    offered = {name: label for name, label in WIDTHS.items() if name == "keep" or name in freedom}
    st.markdown("**Widths**")
    how: dict[str, Any] = {"required": True, "label_visibility": "collapsed", "help": HELP_WIDTHS}
    chosen = choice(st.segmented_control, "Widths", offered, "keep", "widths", **how)
    if chosen == "one":
        most = max(first.groups.values())
        return field(replace(fuse.WIDTH, label="Units in every layer"), "width", most)
    if chosen == "each":
        columns = st.columns(2)
        asked = {}
        for k, (name, size) in enumerate(first.groups.items()):
            with columns[k % 2]:
                asked[name] = field(replace(fuse.WIDTH, label=name), f"width.{name}", size)
        return asked
    sizes = ", ".join(f"{name} {size}" for name, size in first.groups.items())
    if not freedom:
        keeps = FUSIONS[method].equal_widths
        why = f"{FUSIONS[method].title} keeps the widths" if keeps else "No other widths are known"
        st.caption(f"{why}: {sizes}." if sizes else f"{why}.")
    elif sizes:
        st.caption(f"{sizes}.")
    return None
