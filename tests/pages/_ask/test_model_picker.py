"""Names of models in a picker."""

from lmc_core.runs.values.card import ModelCard
from pages._ask import model_picker


def test_models_of_one_title_are_told_apart_in_the_picker() -> None:
    cards = {f"x/{k}": ModelCard(f"x/{k}", "A title that is longer than the picker can show", seed=k) for k in (0, 1)}
    cards |= {name: ModelCard(name, "mine", uploaded=True) for name in ("aaaa111111", "bbbb222222")}
    named = model_picker.titles(cards)
    assert len({title[: model_picker.ROOM] for title in named.values()}) == 4
