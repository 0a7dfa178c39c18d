"""The finding sentence: every case, every remark, and how numbers are written."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lmc_core.data.registry import dataset
from lmc_core.methods import METHODS
from lmc_core.networks.families import architecture
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.paths.profile import Profile
from lmc_core.training.train import Recipe, train
from lmc_core.words import numbers
from lmc_core.words.compare import compare_alt, compare_cards, compare_finding
from lmc_core.words.finding import Thresholds
from lmc_core.words.path import path_cards, path_finding

T = np.linspace(0, 1, 5)


def hill(height, *, ends=(0.06, 0.06), accuracy=(0.98, 0.98), half_way=0.9):
    """A path whose test loss rises by `height` above the line between its ends."""
    bump = np.array([0, 0.5, 1, 0.5, 0])
    loss = np.interp(T, [0, 1], ends) + height * bump
    score = np.interp(T, [0, 1], accuracy) + (half_way - np.mean(accuracy)) * bump
    values = {"loss": loss, "accuracy": score}
    return Profile(T, {"train": values, "test": values}, {"train": 100, "test": 100})


def found(before, after, *, method="activation-matching", **settings):
    naive, aligned = (p if isinstance(p, Profile) else hill(p) for p in (before, after))
    return path_finding(naive, aligned, method, **settings)


@pytest.mark.parametrize(
    ("before", "after", "case", "start"),
    [
        (0.01, 0.01, "none", "A and B are already joined by a straight line: the test-loss barrier is 0.01 without"),
        (
            1.34,
            0.008,
            "removes",
            "After activation matching the barrier is gone: test loss rises by 0.008 instead of",
        ),
        (1.34, 0.05, "strongly", "After activation matching the test-loss barrier falls from 1.34 to 0.05; half-way"),
        (1.00, 0.50, "strongly", "After activation matching the test-loss barrier falls from 1.00 to 0.50;"),
        (1.00, 0.51, "reduces", "Activation matching lowers the test-loss barrier from 1.00 to 0.51; a hill remains:"),
        (1.00, 0.90, "reduces", "Activation matching lowers the test-loss barrier from 1.00 to 0.90;"),
        (1.00, 0.95, "fails", "Activation matching does not help here: the barrier stays at 0.95 (naive 1.00)."),
        (1.00, 1.05, "fails", "Activation matching does not help here: the barrier stays at 1.05 (naive 1.00)."),
        (
            1.00,
            1.20,
            "worse",
            "Activation matching makes it worse: the barrier rises from 1.00 to 1.20. Try weight matching, or",
        ),
    ],
)
def test_the_first_case_that_holds_is_told(before, after, case, start):
    said = found(before, after)
    assert said.case == case
    assert said.text.startswith(start)


def test_small_is_measured_against_the_loss_of_the_ends():
    ends = {"ends": (2.0, 2.0)}
    assert found(hill(1.0, **ends), hill(0.09, **ends)).case == "removes"
    assert found(hill(1.0), hill(0.09)).case == "strongly"


def test_thresholds_are_settings():
    assert found(1.0, 0.6, thresholds=Thresholds(strongly=0.7)).case == "strongly"


def test_the_second_half_is_about_accuracy_half_way():
    said = found(hill(1.3, half_way=0.435), hill(0.05, half_way=0.964)).text
    assert said.endswith("half-way between A and B, accuracy is 96.4% instead of 43.5%.")
    said = found(hill(1.0, half_way=0.435), hill(0.7, half_way=0.6)).text
    assert said.endswith("half-way, accuracy is 60.0%, the ends reach 98.0%.")


def test_each_number_has_the_colour_of_its_path_and_nothing_else_is_coloured():
    naive, aligned = hill(1.34, half_way=0.435), hill(0.05, half_way=0.964)
    coloured = [(span.role, span.text) for span in found(naive, aligned).sentence.spans if span.role]
    wanted = [("naive", "1.34"), ("aligned", "0.05"), ("a", "A"), ("b", "B"), ("aligned", "96.4%"), ("naive", "43.5%")]
    assert coloured == wanted


def test_a_method_that_fails_names_one_that_looks_at_what_it_does_not_and_repair_unless_it_was_used():
    assert found(1, 1).case == "unaligned"  # the very same curve
    assert found(1, 0.99).text.endswith("(naive 1.00). Try weight matching, or recalibrate (REPAIR).")
    assert "Try activation matching, or" in found(1, 0.99, method="weight-matching").text
    assert found(1, replace(hill(0.99), recalibrate="repair")).text.endswith("Try weight matching.")


def test_loss_and_accuracy_that_disagree_are_said_to_disagree_and_nothing_is_advised():
    said = found(hill(1.0, half_way=0.11), hill(1.2, half_way=0.22)).text
    assert said.endswith(
        "Loss and accuracy disagree: half-way, accuracy goes from 11.0% to 22.0%, while the barrier in loss rises."
    )
    assert "Try" not in said
    said = found(hill(1.0, half_way=0.5), hill(0.3, half_way=0.4)).text
    assert "accuracy goes from 50.0% to 40.0%, while the barrier in loss falls." in said
    assert "disagree" not in found(hill(1.0, half_way=0.11), hill(0.3, half_way=0.22)).text


def test_networks_whose_plain_mean_is_better_than_both_are_said_to_be_weak():
    """Two MLPs of one epoch from one start: the mean of both has seen what each has."""
    made = architecture("mlp", widths=(64, 16, 10), input_shape=(8, 8))
    how = {"optimiser": "sgd", "rate": 0.02, "batch": 100, "epochs": 2, "schedule": "constant"}
    data = dataset("digits")
    net = train(Recipe("weak", made, "digits", **how), 0)
    rng = np.random.default_rng(0)
    ends = []
    for sign in (1, -1):
        noise = {k: x + sign * 0.25 * torch.from_numpy(rng.normal(size=x.shape)).float() for k, x in net.state.items()}
        rng = np.random.default_rng(0)
        ends.append(net.with_state(noise))
    naive = evaluate(LinearPath(*ends), data, points=3)
    said = path_finding(naive, naive, "identity").text
    assert "Both networks are weak: their plain mean is better than either" in said
    assert "Try" not in said


def test_without_alignment_the_barrier_is_only_stated():
    path = hill(1.2, half_way=0.5)
    said = path_finding(path, path, "identity")
    assert (said.case, said.remains) == ("unaligned", True)
    assert said.text == (
        "Without alignment the test-loss barrier between A and B is 1.20; half-way, accuracy is 50.0%, "
        "the ends reach 98.0%."
    )


def test_ends_of_unequal_accuracy_are_told_apart():
    ends = {"accuracy": (0.98, 0.93)}
    said = found(hill(1.0, **ends), hill(0.2, **ends)).text
    assert "A scores 98.0%, B only 93.0%: the barrier is measured against the sloping line between them." in said
    ends = {"accuracy": (0.93, 0.98)}
    assert "B scores 98.0%, A only 93.0%" in found(hill(1.0, **ends), hill(0.2, **ends)).text
    assert "only" not in found(hill(1.0, accuracy=(0.98, 0.97)), hill(0.2)).text


def test_an_end_near_chance_is_told_for_any_number_of_classes():
    ends = {"accuracy": (0.98, 0.12)}
    said = found(hill(1.0, **ends), hill(0.2, **ends)).text
    assert "B is barely trained (12.0%); a low barrier means little." in said
    assert "only" not in said
    both = {"accuracy": (0.52, 0.51)}
    assert "A and B are barely trained (52.0% and 51.0%)" in found(hill(1.0, **both), hill(0.2, **both), classes=2).text
    assert "barely" not in found(hill(1.0, **both), hill(0.2, **both), classes=10).text


def test_a_middle_below_the_line_is_told():
    assert found(1.0, hill(-0.1)).text.endswith("The middle is better than both ends predict.")


def test_a_loss_that_is_not_a_number_is_told():
    broken = hill(0.1)
    values = {
        split: {**metrics, "loss": np.array([0.1, np.nan, np.inf, 0.3, 0.1])}
        for split, metrics in broken.values.items()
    }
    said = found(1.0, Profile(T, values, broken.examples))
    assert (said.case, said.remains) == ("broken", True)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_method_reads_well_inside_and_at_the_start_of_a_sentence(method):
    inside = numbers.inside(method.title)
    assert inside[0].islower() or method.title.split()[0] in inside
    assert numbers.opening(inside) == method.title


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Weight matching", "weight matching"),
        ("Layer-wise weight matching", "layer-wise weight matching"),
        ("Git Re-Basin", "Git Re-Basin"),
        ("Frank–Wolfe", "Frank–Wolfe"),
        ("Sinkhorn re-basin", "Sinkhorn re-basin"),
        ("OT fusion", "OT fusion"),
        ("C2M3", "C2M3"),
    ],
)
def test_names_of_people_and_acronyms_keep_their_capitals(title, wanted):
    assert numbers.inside(title) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(1.344, "1.34"), (0.008, "0.008"), (0.01, "0.01"), (0, "0.00"), (0.0001, "0.00"), (-0.002, "−0.002"),
     (-0.0001, "0.00"), (-1.5, "−1.50"), (float("inf"), "∞"), (float("nan"), "undefined")],
)  # fmt: skip
def test_losses_have_two_decimals_and_three_when_small(value, wanted):
    assert numbers.loss(value) == wanted


def test_cards_state_before_and_after_in_the_colours_of_the_paths():
    row = path_cards(hill(1.34, half_way=0.435), hill(0.05, half_way=0.964), align_seconds=0.9, evaluate_seconds=6.94)
    assert [str(card.value) for card in row] == ["1.34 → 0.05", "54.5 → 1.6 pt", "43.5 → 96.4 %", "0.9 + 6.9 s"]
    roles = [[span.role for span in card.value.spans if span.role] for card in row[:3]]
    assert roles == [["naive", "grey", "aligned"]] * 3
    assert [card.note for card in row] == ["96% lower", "points below the line", "ends: 98.0%", "align + evaluate, CPU"]


def test_a_card_does_not_call_a_rise_lower():
    assert path_cards(hill(1.0), hill(1.5))[0].note == "50% higher"
    assert path_cards(hill(0), hill(0))[0].note == "no change"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (0.0, "100% lower"),
        (0.0001, "over 99.9% lower"),
        (0.002, "99.8% lower"),
        (0.0057, "99.4% lower"),
        (0.0102, "99% lower"),
        (0.42, "58% lower"),
        (0.9951, "0.4% lower"),
        (0.9999, "under 0.1% lower"),
        (1.0, "no change"),
        (1.004, "0.4% higher"),
        (2.5, "150% higher"),
    ],
)
def test_only_a_barrier_that_is_gone_is_all_of_it_lower(after, said):
    assert path_cards(hill(1.0), hill(after))[0].note == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "no interchangeable units"),
        (1, "1 group of interchangeable units"),
        (2, "2 groups of interchangeable units"),
    ],
)
def test_groups_are_counted_as_people_count(number: int, said: str) -> None:
    assert numbers.groups(number) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 methods"), (1, "1 method"), (2, "2 methods")])
def test_one_of_a_kind_is_not_many(count, said):
    assert numbers.counted(count, "method") == said


def test_a_mean_over_pairs_says_how_many_of_them_it_is_over():
    pair = {"identity": hill(1.0), "weight-matching": hill(0.1)}
    said = compare_finding([pair, {"activation-matching": hill(0.01)}, pair, {}])
    assert said.text.startswith("Over 2 of 4 pairs, weight matching leaves the smallest mean barrier: 0.10, against")
    assert "activation" not in said.text
    assert "2 of 4 pairs" in compare_alt([pair, {}, pair, {}])
    assert "2 of 4 pairs" in compare_cards([pair, {}, pair, {}], {})[0].help
    assert compare_finding([pair, pair]).text.startswith("Over 2 pairs, ")
    assert "over 1 of 2 pairs" in compare_finding([{"identity": hill(1.0)}, {}]).text
