"""Two models from the library."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice

import streamlit as st

from lmc_core.errors import InputError
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from pages._ask import active
from pages._frame.url import choice
from pages._jobs import visitor

ROOM, CHIP = 30, 20  # characters that a picker of one model shows, and of several
NAMED = 64  # models of a link that are looked up
HELP_A = "The reference. It never moves."
HELP_B = "Its units are re-ordered; its function stays the same."


def models() -> dict[str, ModelCard]:
    """Everything this visitor may see, and the unlisted models that the link names."""
    cards = {card.id: card for card in library.models(visitor.name())}
    asked = [st.query_params.get(name, "") for name in ("a", "b", "third", "through", "models", "networks", "training")]
    for named in islice(dict.fromkeys(filter(None, ",".join(asked).split(","))), NAMED):
        if named not in cards:
            try:
                cards[named] = library.card(named)
            except InputError:
                continue  # the picker falls back to its default
    return cards


def titles(cards: Mapping[str, ModelCard], room: int = ROOM) -> dict[str, str]:
    """Id → a name no other model has: titles are shared by all seeds of a recipe, and files may be called anything.

    The picker cuts what is longer than `room`, so there the seed, which makes the difference, comes first.
    """
    named = {}
    for name, card in cards.items():
        parts = [card.title]
        if card.seed is not None and "seed" not in card.title:
            long = len(card.title) + len(f" · seed {card.seed}") > room
            parts.insert(0 if long else 1, f"{'Seed' if long else 'seed'} {card.seed}")
        named[name] = " · ".join(parts)
    shared = Counter(named.values())
    return {name: title if shared[title] == 1 else f"{title} · {name[-6:]}" for name, title in named.items()}


def pair(cards: Mapping[str, ModelCard], default: tuple[str, str]) -> tuple[ModelCard, ModelCard]:
    """Models A and B: those of the page before, or B follows A until it is chosen."""
    named, state = titles(cards), st.session_state
    active.take(cards, ("a", "b"), [state.get(key, usual) for key, usual in zip("ab", default, strict=True)], pair=True)
    uploaded = [name for name, card in cards.items() if card.uploaded]
    a = choice(st.selectbox, "Model A", named, default[0], "a", lasting=True, named=uploaded, help=HELP_A)
    follow = default[1] if a == default[0] else sibling(cards[a], cards).id
    shown = list(cards) if cards[a].uploaded else uploaded
    b = choice(st.selectbox, "Model B", named, follow, "b", named=shown, help=HELP_B)
    active.keep((a, b), default, pair=True)
    return cards[a], cards[b]


def sibling(a: ModelCard, cards: Mapping[str, ModelCard]) -> ModelCard:
    """The model most like `a` that is not `a`: as many parameters, the same family, the same data."""

    def likeness(card: ModelCard) -> tuple[bool, bool, bool]:
        return card.parameters == a.parameters, card.family == a.family, card.data == a.data

    return max((card for card in cards.values() if card.id != a.id), key=likeness, default=a)
