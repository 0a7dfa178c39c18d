"""docs/experiments.md, written from the results in docs/experiments/, so that no number in it is typed by hand.

python -m lmc_core reproduce akash-mnist --out docs/experiments/akash-mnist.json    # minutes; the same for others
python docs/experiments.py                # writes docs/experiments.md
python docs/experiments.py --figures      # and docs/experiments/*.png, by Chromium
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "experiments", HERE / "experiments.md"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu"]

HEAD = """# Experiments

What the methods here give where papers, or their users, say what to expect. Every table is written by
`python docs/experiments.py` from the file named above it, which the command above it made; the file also holds every
single number behind the means, each with the networks that it is of (`runs`), as the Gallery lists them under
*Reproductions*. Accuracies are of test examples, in percent; `± …` is the standard deviation over what
the last column, or a note, counts. Networks that a command trains are kept, so that a second run only fuses. MNIST is
found in a folder named by `LMC_DATA`, or downloaded.
"""

READING = {
    "ferbach-mnist": (
        "Ferbach 2024, figure 2",
        "Both panels of the figure come back. Weighting by the covariance of the inputs takes away most of the loss "
        "that layer-wise matching leaves, matching of activations a little more, and at the largest rate, where all "
        "three end up near the networks themselves, layer-wise matching is the best of them. Dimensions fall from "
        "about 300 for weights to two or three as soon as the data counts, at every rate and layer: the lower the "
        "dimension that a method sees, the lower the loss half-way, until the largest rate.",
        "Published values are read off a figure, but for the losses of the networks themselves. The paper has no row "
        "for Git Re-Basin. The smallness of the dimensions is mostly one direction, the mean of ReLU activations: with "
        "the means taken out they are 6 to 22 (in the file), and fall from layer to layer rather than with the rate.",
    ),
    "ferbach-covariance": (
        "Ferbach 2024, §6: readings of the method",
        "Whose covariance it is matters, and so do biases; how many examples it is of does not, nor that its mean "
        "direction counts. The covariance of A alone, as the method is written, gives the highest loss of all with the "
        "mean left in. The mean of both covariances takes off a fifth of what is above the ends and comes out within "
        "the spread of the published value; the moment E[φ^A φ^Bᵀ] of both networks' inputs takes off two fifths, and "
        "is then as good as matching activations. So a pass that compares what each network computes from its *own* "
        "inputs is better than one that asks what both would compute from those of A.",
        "Which of these the authors ran is not known. Four networks, whose pairs share members.",
    ),
    "akash-mnist": (
        "Akash 2022, fully connected networks on MNIST",
        "Transport makes fusion work: the average of four networks has lost most of what they know, the barycentre and "
        "OT fusion have not. Networks of other widths fuse as well. Whether the barycentre is better than OT fusion "
        "depends on the plans: by exact ones it is OT fusion itself, and neither more passes nor a distilled start "
        "leads away from there; by entropic ones the notes say by how much it differs and how surely. Into twice the "
        "widths every unit is doubled, which is why that column repeats the one for equal widths.",
        "The accuracies of the paper are not known here, so only its order (barycentre ≥ OT fusion > average) can be "
        "checked. The sets overlap, as they are drawn from ten networks. MergeMany is not in the paper; it is here to "
        "show what comparing outgoing weights too, and leaving a network out of the mean it is matched with, is worth.",
    ),
    "akash-distillation": (
        "Akash 2022, one-shot distillation of fully connected networks on MNIST",
        "Put into half its widths by transport, without any training, a network keeps all but 1.4 points of its "
        "accuracy, with hardly a difference by how units are compared and by which plans; of one network the "
        "barycentre is OT fusion. One epoch of training at the rate of the training gives back 0 to 0.3 points on "
        "average, and takes some in one or two networks of the five.",
        "A network of half the widths trained from the start loses 0.2 points only, so nothing is gained here but the "
        "training. The accuracies of the paper are not known here.",
    ),
    "barycentre-moves": (
        "Akash 2022: when the barycentre is more than OT fusion",
        "Of two networks of equal widths no unit ever moves after round one, and a distilled start changes nothing. "
        "From about eight networks on units do move, more the more networks there are, since each is only 1/N of the "
        "mean that holds it and other means agree with it by chance as much. In a template of half the widths several "
        "units share a mean from the start, so that it moves for two networks already; twice the widths hold every "
        "unit twice and are the case of equal widths.",
        "Small networks, trained for five epochs. Moving lowers the barycentre's own objective; the accuracy does not "
        "follow it in a way that these few sets could show.",
    ),
    "skill-transfer": (
        "Singh 2020 and Akash 2022, heterogeneous MNIST",
        "How much of the skill of A the fused network has depends on λ above all: B has trained longer, its weights "
        "are larger, and half of each is nearly B. From the same start the units stay where they were, and every "
        "method is the average. Near A the fused network beats both parents; from different starts only by transport, "
        "where entropic plans do so in every pair.",
        "The accuracies of the papers are not known here. The best λ is chosen on the test set, as a curve against λ "
        "does; a user would choose it on examples kept apart.",
    ),
    "recurrent-mnist": (
        "Akash 2022, recurrent networks on rows of MNIST",
        "Hidden-to-hidden weights are worth comparing: see the first four rows of each kind against the row without "
        "them, which is what FedMA and OT fusion by weights do. The exact gradient couples LSTMs better than its row "
        "term. Methods that see more, responses to examples or the outgoing weights, do better still.",
        "Fewer hidden units and epochs than in the paper (256 and 20), whose accuracies are not known here.",
    ),
    "vit-mnist": (
        "Theus 2025, vision transformers",
        "Orders are the smaller part of what transformers leave open: by weights or by responses, also rotating the "
        "residual stream and the insides of heads takes away most of the barrier in about a second, and learning takes "
        "nearly all of the rest. The null test is passed: half-way the network sides with both ends alike, which it "
        "does not where B was shuffled, although the loss there is low as well.",
        "Two blocks of width 64 on MNIST; three networks, whose pairs share members. Values of the paper are of "
        "larger networks, along paths of products of query and key matrices that no network of one shape holds.",
    ),
    "w2-rate": (
        "Ferbach 2024, §5: the rate of W₂² by the dimension of a law",
        "Planted dimensions come back, and one network says as much as pairs of several widths: its subsets give "
        "dimensions from 4 to 8 to within an eighth, with a smaller spread than the pairs; 12 is read as 10 and 16 as "
        "12. The nearest neighbours are closer there, with a larger spread. The layers of trained networks fill about "
        "12, 9 and 6 dimensions by their subsets, fewer from layer to layer.",
        "The dimension of a trained layer is not known, and the two ways that see one network differ: neighbours give "
        "18, 18 and 12. Pairs of several widths say nothing of layer 1, where W₂² hardly falls with width; that "
        "networks of other widths need not be draws of one law may be why, and was not measured.",
    ),
    "char-gpt": (
        "Theus 2025, language models",
        "Orders take away a fifth of the barrier between language models, whole symmetries three fifths without "
        "learning, by weights as well as by responses, and learning nine tenths. Half-way the learned path sides with "
        "both ends alike; learned towards a shuffled B it sides with A alone, and its loss is far higher: the null "
        "test is passed. More of the barrier stays than between vision transformers of the same size.",
        "Two blocks of width 64 that read 64 characters; three networks, whose pairs share members. Values of the "
        "paper are of larger networks, along paths of products of query and key matrices that no network of one shape "
        "holds. Every release of Python rewords some of the text; this is that of 3.11.",
    ),
    "ferbach-cnn": (
        "Ferbach 2024, figure 3, convolutional networks on CIFAR-10",
        "The wider the networks, the less is lost half-way by any matching, and the more directions the data fills. "
        "Activations and covariances are ahead of layer-wise matching from the middle width on; at the smallest all "
        "lose as much, and their spreads overlap.",
        "Architecture, data and values of the figure are not known here; these are small networks on a fifth of the "
        "examples.",
    ),
    "repair-mnist-depth": (
        "Jordan 2022, MLPs on MNIST by depth",
        "Averages of deep networks lose their variance layer by layer: aligned, they are as good as the ends with one "
        "hidden layer and at chance with forty; REPAIR brings back what is lost up to twenty layers, and most of it at "
        "forty. The training of the authors' notebook is needed for that: BatchNorm, folded in afterwards. Without it "
        "ten hidden layers stay at chance for epochs.",
        "The notebook counts the layers after the first: its L has L + 1 hidden layers. That this is so of the "
        "published numbers is seen at L = 1: unaligned they are at 39.6 %, one hidden layer here at 93, two at 49. Not "
        "all depths have a partner here. That the aligned networks of eleven layers are better than published is in "
        "part the authors' matching, whose sub-networks lack the first BatchNorm: see the readings below.",
    ),
    "repair-readings": (
        "Jordan 2022, MLPs of eleven layers on MNIST: readings of the method",
        "What is matched decides, what is averaged hardly does. The sub-networks that the authors' notebook matches "
        "leave the first BatchNorm out, and so compare activations that the networks do not have: 2.2 ± 0.8 points "
        "lost, and twice the spread over pairs. Norms averaged instead of folded in give back 0.2 ± 0.1. Matched "
        "before their ReLU, the units of three pairs lose 1 to 3 points, and those of one fall to 73 %. By weights "
        "alone deep networks are not aligned at all. REPAIR makes up for all of it but the last: 95.3 to 95.6 %.",
        "The published 81.2 % of one pair is below all four pairs aligned as in the notebook, 85.2 to 90.0 %, and "
        "within the spread of pre-activations only. The notebook itself prints 87.5 % for one layer fewer, where two "
        "pairs here have 88.7 %. Training in half precision, as theirs, was not tried.",
    ),
    "repair-mnist-width": (
        "Jordan 2022, MLPs of ten layers on MNIST by width",
        "REPAIR puts right what alignment leaves at every width.",
        "The published networks are another training: up to 99.2 % right, which none of these is. With one layer "
        "more, as the authors count, and shifted images the barriers after REPAIR come out as published at 64 and "
        "128 units: see below. One pair.",
    ),
    "repair-mnist-shifted": (
        "Jordan 2022, MLPs on MNIST by width, as the authors count and train",
        "One layer more and images shifted by up to four pixels, as the authors' notebook has it for other data "
        "sets, make the average after alignment worse at 32 and 128 units and the barrier after REPAIR higher: at "
        "64 and 128 that is then the published one, to within a tenth. So the published networks were trained like "
        "these rather than like those of the table above.",
        "Two pairs. The aligned average stays above the published one at 64 and 128 units, by 13 and 5 points where "
        "pairs are 2 and 4 apart. Part of it is the authors' matching, which leaves the first BatchNorm out: see "
        "the readings. At 32 units REPAIR gives back more than it is said to, and without it pairs differ by 15 "
        "points. Wider networks were not trained.",
    ),
    "repair-resnet20": (
        "Jordan 2022, ResNet-20 on CIFAR-10",
        "The picture of the paper comes back with BatchNorm: aligned, but with the mean of both running statistics, a "
        "network is at chance, by nearly the published accuracy and loss; with its statistics reset it keeps nine "
        "tenths of the accuracy of its ends. With LayerNorm alignment keeps more than three quarters, and REPAIR, "
        "which here corrects convolutions without biases, gives back more than half of what is then missing.",
        "These networks have seen 60 000 images where the published ones have seen 12.5 million: they are 60 % right "
        "with BatchNorm and 33 % with LayerNorm, which learns slower from the start (at half the width, after 300 "
        "steps, 41 % against 24 % at the rate here, 26 % at a fifth of it and 19 % at four times it). Barriers of "
        "networks that know so little are low, and grow with training: after one epoch instead of four the ends with "
        "BatchNorm are 40.9 % right, with statistics reset 37.6 % half-way, and the barrier is 0.065 instead of 0.19 "
        "(`--set norms=bn --set epochs=1`). Width ×2 was not trained. One pair.",
    ),
    "rebasin-width": (
        "Ainsworth 2022, barriers by width",
        "Matched by weights, MLPs have no barrier from 256 units on; at 512 that is the claim of the paper. Matching "
        "activations needs a little more width. Left as they are, wide networks have a barrier that grows again, which "
        "one power law over all widths, as in the note, cannot say.",
        "The curves of the paper are not known as numbers. ResNets were not trained: what one core trains in six "
        "minutes is 33 % right with LayerNorm (see ResNet-20 half-way), and its barriers would say nothing of trained "
        "networks. A step of 128 images takes 0.27, 0.33 and 0.64 s of processor time at ×¼, ×½ and ×1 (ten steps each "
        "and the scoring after them, on a busy core), so one pair of each width is 8 hours of one core for the 30 "
        "epochs on 50 000 examples that the command takes, and 50 minutes for 10 epochs on 15 000.",
    ),
    "width-without-permutation": (
        "Width-only 2025, MLPs on MNIST",
        "Without any permutation the barrier falls with width, and most of what is left of it at width 512 is "
        "confidence, not order: dividing the logits by one number takes off three quarters of the loss there, and the "
        "accuracy is down by 7 points only. Matched networks of that width are better half-way than at their ends.",
        "The paper's 16 × as wide networks have a loss barrier of 0.013 and lose 0.5 points; its base width is not "
        "known here, and these networks are trained for a tenth of the epochs of Git Re-Basin.",
    ),
    "lmc-over-training": (
        "Frankle 2020 and Ainsworth 2022, an MLP on MNIST",
        "Runs from one start are connected from the first epoch on, whenever they part. Independent ones never are as "
        "they stand; with their units in order they become connected as they train, and have no barrier left after six "
        "epochs.",
        "An MLP on MNIST is the case that Frankle 2020 found stable from the start; their larger networks are not.",
    ),
    "akash-planes": (
        "Akash 2022, loss planes",
        "Between A and B as they are there is a wall in every kind of network. Between A and B aligned it is gone for "
        "the fully connected ones and nearly so for convolutions; a third of it is left for the LSTM, half for the "
        "residual network, and four fifths for the RNN. The fused network is the middle of that line.",
        "One pair of each kind, small ones. The whole planes are in the file, and in the landscapes of the app.",
    ),
    "akash-cifar": (
        "Akash 2022, VGG11 and ResNet-18 on CIFAR-10",
        "Fused by weights both kinds of networks are near chance before they are trained on, fused by activations well "
        "above it. A few epochs later they are far ahead of a network trained anew for as long, ahead of the average "
        "trained on, and near their parents; they do not reach the ensemble of both. Barycentre and OT fusion are one, "
        "as by exact plans of two networks they must be.",
        "An eighth of the width, a fifth of the examples and a tenth of the epochs: what trains on one core. The "
        "accuracies of the paper are not known here. One pair.",
    ),
    "residual-toy": (
        "Planted orders in a residual block",
        "One coordinate sweep seldom finds a planted order of a block that is free at both ends; starting several "
        "times, or moving all groups at once, does.",
        "Weights drawn at random: no trained network is like that.",
    ),
}
"""Name → source, what the experiment shows, what it does not; in the order of the page."""


NUMBERS = ("λ", "rate", "width", "hidden layers", "epoch", "networks")
"""Beginnings of columns that are written as short as they are."""


CLAIMS = {
    "akash-mnist": (
        "barycentre ≥ OT fusion > average; accuracies not known",
        "average far below; barycentre and OT fusion tie by exact plans",
        "see when the barycentre is more than OT fusion",
    ),
    "akash-distillation": (
        "one network fits half its widths in one shot; accuracies not known",
        "97.0 % of 98.4, without training",
        "",
    ),
    "barycentre-moves": ("—", "the two part from about eight networks on, or in narrower templates", ""),
    "skill-transfer": ("fused networks beat both parents; accuracies not known", "they do, near λ = 1", ""),
    "recurrent-mnist": ("hidden-to-hidden weights help; accuracies not known", "they do", ""),
    "akash-cifar": ("fine-tuning the fused network beats training anew; accuracies not known", "it does", ""),
    "vit-mnist": ("barriers near zero after learning", "most of the barrier goes, not all", "smaller networks"),
    "char-gpt": ("barriers near zero after learning", "nine tenths of the barrier go", "smaller networks"),
    "width-without-permutation": (
        "barrier 0.013 at 16 × the width",
        "falls with width, above that",
        "narrower networks, shorter training; the paper's base width is not known",
    ),
    "lmc-over-training": ("small networks are stable from the start", "they are", ""),
    "w2-rate": (
        "W₂² falls as m^(−2/d) for d > 4",
        "from one network, planted 4 to 8 to within an eighth; 12 as 10, 16 as 12",
        "larger dimensions need more units",
    ),
    "ferbach-cnn": ("not known", "activations ahead of weights, and less lost by wider networks", ""),
    "akash-planes": (
        "SGD solutions share a basin after permutation: FC, CNN, ResNet, RNN, LSTM",
        "FC; nearly CNN; not these LSTMs, ResNets and RNNs",
        "narrow networks: see barriers by width",
    ),
    "rebasin-width": (
        "barrier 0 for MLPs of 512 units; curves not known as numbers",
        "0 from 256 units on",
        "",
    ),
    "residual-toy": (
        "10 of 100 by coordinate descent, as a user reports",
        "8 of 100 by one sweep; all 100 by many starts, or by Frank–Wolfe",
        "",
    ),
}
"""What is claimed where no table is published, how it comes out, and why not."""

PARTLY = "in part the authors' matching, measured at 128 units by `repair-readings`; the rest is not explained"
LIKE = "one layer more and shifted images, up to 128 units: see `repair-mnist-shifted`"
SHORT = "4 epochs on 15 000 examples against 250 on 50 000: see there"
WHY: dict[tuple[str, str], str] = {
    ("repair-resnet20", "the networks themselves"): SHORT,
    ("repair-resnet20", "aligned"): SHORT,
    ("repair-resnet20", "aligned, reset or REPAIR"): SHORT,
    ("ferbach-mnist", "covariance-weighted weight matching"): (
        "at rate 0.1, within the spread of the four pairs (± 2.8); of the losses all are within"
    ),
    ("repair-mnist-depth", "no alignment"): (
        "two pairs here, ± 2.6 and ± 3.9 points, against one; their losses are within"
    ),
    ("repair-mnist-depth", "aligned"): (
        "at 11 layers: `repair-readings` measures that the authors' matching leaves the first BatchNorm out, which "
        "costs 2.2 ± 0.8 points of the 8.7; the rest of their one pair is not explained"
    ),
    ("repair-readings", "as in the authors' notebook"): (
        "four pairs, 85.2 to 90.0 %, are above the published one; half precision was not tried"
    ),
    ("repair-mnist-width", "aligned"): LIKE,
    ("repair-mnist-width", "aligned, REPAIR"): LIKE,
    ("repair-mnist-shifted", "aligned"): PARTLY,
    ("repair-mnist-shifted", "aligned, REPAIR"): "at 32 not explained",
}
"""(experiment, method) → the reason where numbers here are not those published."""

ONE_LAYER = "published of one layer more, which was not trained; what a layer more costs at this depth is not known"
OUTSIDE: dict[tuple[str, str, float | None], str] = {
    ("repair-mnist-depth", "aligned", 11.0): WHY["repair-mnist-depth", "aligned"].removeprefix("at 11 layers: "),
    (
        "repair-mnist-width",
        "aligned",
        None,
    ): "not measured at this width; at 128 one layer more and shifted images take off 4 of 9 points",
    ("repair-mnist-shifted", "aligned", 32.0): "pairs differ by 15 points, and the published one lies between them",
    (
        "repair-mnist-shifted",
        "aligned, REPAIR",
        32.0,
    ): "not explained: both pairs are 10 points and more above",
    ("repair-mnist-shifted", "aligned", None): PARTLY,
}
"""(experiment, method, depth or width; None: any other) → why this row is not within."""

CLOSER = {"repair-mnist-width": "repair-mnist-shifted"}
"""Experiment → one that trains as the authors do: a row that is in both counts there."""

HELD = ("ferbach-mnist", "repair-mnist-depth", "repair-mnist-width", "repair-mnist-shifted")
"""Experiments that are to come out as published, row by row."""

NEAR = {"accuracy": 0.03, "loss": 0.3}
"""Within: so many points of accuracy, or such a share of the loss."""

COMPARED = (
    ("accuracy", "published accuracy", "accuracy"),
    ("loss", "published loss", "loss"),
    ("barrier", "published barrier", "loss"),
    ("value", "published", "loss"),
    ("loss at t = ½", "published", "loss"),
)
"""Column, column with what is published, and which of NEAR holds."""


def summary() -> Iterator[str]:
    """Every published number beside the one measured here, or what a paper claims."""
    yield "## Summary\n"
    yield (
        "Within: no further from the published number than 3 points of accuracy, or 30 % of a loss, a barrier or a "
        "dimension.\n"
    )
    lines = []
    for name in READING:
        if not (RESULTS / f"{name}.json").exists():
            continue
        rows = json.loads((RESULTS / f"{name}.json").read_text())["rows"]
        found = list(compared(name, rows))
        if not found and name in CLAIMS:
            claim, here, why = CLAIMS[name]
            found = [[f"`{name}`", claim, here, "", why]]
        lines += found
    yield from table(["experiment", "published", "here", "within", "why not"], lines)
    yield ""


def compared(name: str, rows: list[dict[str, Any]]) -> Iterator[list[str]]:
    """One line per method and quantity: all its published numbers and those found here."""
    for column, known, kind in COMPARED:
        both = [row for row in rows if row.get(known) is not None and row.get(column) is not None]
        for quantity, method in dict.fromkeys((row.get("quantity", column), row["method"]) for row in both):
            own = [row for row in both if (row.get("quantity", column), row["method"]) == (quantity, method)]
            held = [near(row[column], row[known], kind) for row in own]
            yield [
                f"`{name}`, {method}: {quantity}",
                ", ".join(short(kind, row[known]) for row in own),
                ", ".join(short(kind, row[column]) for row in own),
                f"{sum(held)} of {len(held)}",
                "" if all(held) else WHY.get((name, method), ""),
            ]


def outside() -> Iterator[str]:
    """Every published row of the experiments held to it that is within by none of its numbers, or has no partner."""
    yield "### Row by row\n"
    lines, rows, within = [], 0, 0
    for name in HELD:
        result = json.loads((RESULTS / f"{name}.json").read_text())
        x = result["chart"]["x"]
        closer = result_rows(CLOSER[name]) if name in CLOSER else []
        for row in result["rows"]:
            if any((row["method"], row[x]) == (other["method"], other[x]) for other in closer):
                continue
            known = [(c, k, kind) for c, k, kind in COMPARED if row.get(k) is not None and row.get(c) is not None]
            if not known or not str(row.get("quantity", "test loss")).startswith("test loss"):
                continue
            rows += 1
            if any(near(row[c], row[k], kind) for c, k, kind in known):
                within += 1
                continue
            said, here = (", ".join(short(part[2], row[part[i]]) for part in known) for i in (1, 0))
            why = OUTSIDE.get((name, row["method"], row[x])) or OUTSIDE.get((name, row["method"], None), "")
            lines.append([f"`{name}`", f"{x} {row[x]:g}, {row['method']}", said, here, why])
    lines += unpaired()
    yield (
        f"Ferbach 2024, figure 2, all six rates, and Jordan 2022, MNIST by depth and by width up to 1024: {within} of "
        f"{rows} published rows with a partner here are within by accuracy or by loss. The others, and those without a "
        "partner:\n"
    )
    yield from table(["experiment", "row", "published", "here", "why"], lines)
    yield ""


def result_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a recorded experiment; none where it is not recorded."""
    file = RESULTS / f"{name}.json"
    return list(json.loads(file.read_text())["rows"]) if file.exists() else []


def unpaired() -> Iterator[list[str]]:
    """Published depths that were not trained, beside the nearest that was."""
    from lmc_core.training.reproduce.repair_mnist_depth import DEPTHS, PUBLISHED

    name = "repair-mnist-depth"
    found = {
        (row["hidden layers"], row["method"]): row for row in json.loads((RESULTS / f"{name}.json").read_text())["rows"]
    }
    trained = {depth for depth, _ in found}
    for depth in (depth for depth in DEPTHS if depth not in trained):
        nearest = min(trained, key=lambda other, depth=depth: abs(other - depth))
        for method, values in PUBLISHED.items():
            said = short("accuracy", values[DEPTHS.index(depth)][0])
            here = f"{short('accuracy', found[nearest, method]['accuracy'])} at {nearest:g}"
            yield [f"`{name}`", f"hidden layers {depth}, {method}", said, here, ONE_LAYER]


def near(value: float, known: float, kind: str) -> bool:
    """Whether a number is as published, by NEAR."""
    return abs(value - known) <= NEAR[kind] * (known if kind == "loss" else 1)


def short(kind: str, value: float) -> str:
    """Three digits, or percent."""
    return f"{100 * value:.1f}" if kind == "accuracy" else f"{value:.3g}"


def page() -> str:
    """All of docs/experiments.md."""
    return "\n".join(
        [
            HEAD,
            *summary(),
            *outside(),
            *(line for name in READING if (RESULTS / f"{name}.json").exists() for line in part(name)),
        ]
    )


def part(name: str) -> Iterator[str]:
    """One experiment."""
    result = json.loads((RESULTS / f"{name}.json").read_text())
    source, shows, not_shown = READING[name]
    settings = {key: value for key, value in result["settings"].items() if value is not None}
    yield f"## {result['title']}\n"
    yield f"{source}. Numbers: [`{name}.json`](experiments/{name}.json).\n"
    yield f"```\n{result['command']} --out {name}\n```\n"
    said = ", ".join(f"{key} {value}" for key, value in settings.items())
    yield f"Settings: {said or 'as they come'}; seed {result['seed']}.\n"
    if (RESULTS / f"{name}.png").exists():
        yield f"![{result['title']}](experiments/{name}.png)\n"
    yield from pivoted(result) if result["chart"]["line"] else plain(result)
    yield ""
    yield from (f"- {note}" for note in result["notes"])
    yield f"\n**It shows.** {shows}\n"
    yield f"**It does not show.** {not_shown}\n"


def plain(result: dict[str, Any]) -> Iterator[str]:
    """The table as it is, every spread beside its mean."""
    y, error = result["chart"]["y"], result["chart"]["error"]
    columns = [column for column in result["rows"][0] if column != error]
    yield from table(
        [f"{column} {error}" if column == y and error else column for column in columns],
        [
            [measured(row, y, error) if column == y else cell(column, row[column]) for column in columns]
            for row in result["rows"]
        ],
    )


def pivoted(result: dict[str, Any]) -> Iterator[str]:
    """One table per panel, a line of the chart per column (over numbers) or per row (over names)."""
    chart, rows = result["chart"], result["rows"]
    x, y, line, error = (chart[key] for key in ("x", "y", "line", "error"))
    for name in dict.fromkeys(row[chart["panel"]] if chart["panel"] else "" for row in rows):
        here = [row for row in rows if not chart["panel"] or row[chart["panel"]] == name]
        numbers = all(isinstance(row[x], float) for row in here)
        down, across = (x, line) if numbers else (line, x)
        found = {(row[down], row[across]): row for row in here}
        columns = list(dict.fromkeys(row[across] for row in here))
        if name:
            yield f"\n{chart['panel'].capitalize()}: {name}\n"
        lines = [
            [cell(down, value), *(measured(found.get((value, column)), y, error, chart["also"]) for column in columns)]
            for value in (sorted if numbers else list)(dict.fromkeys(row[down] for row in here))
        ]
        yield from table([down, *map(str, columns)], lines)


def measured(row: dict[str, Any] | None, y: str, error: str | None, also: str | None = None) -> str:
    """A mean with its spread, and what is published in brackets."""
    if row is None or row[y] is None:
        return ""
    spread = row[error] if error else None
    known = row[also] if also else None
    said = cell(y, row[y]) + (f" ± {cell(y, spread)}" if spread is not None else "")
    return said + (f" ({cell(y, known)})" if known is not None else "")


def cell(column: str, value: Any) -> str:
    """Shares of examples in percent."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if column.startswith(("accuracy", "published accuracy", "on the")):
        return f"{100 * value:.2f}"
    return f"{value:g}" if column.startswith(NUMBERS) else f"{value:.4f}"


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def figures(only: Sequence[str] = ()) -> None:
    """docs/experiments/*.png, drawn anew from the results: all, or those of some experiments."""
    from playwright.sync_api import sync_playwright

    from lmc_core.figures.chart import Chart
    from lmc_core.figures.experiment import experiment_figure
    from lmc_core.figures.report import figure_html

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for file in sorted(RESULTS.glob("*.json")):
            if only and file.stem not in only:
                continue
            result = json.loads(file.read_text())
            figure = experiment_figure(result["rows"], Chart(**result["chart"]), standalone=True)
            drawn = Path(folder) / f"{file.stem}.html"
            drawn.write_text(figure_html(figure, title=result["title"]))
            view = browser.new_page(viewport={"width": 940, "height": 900}, device_scale_factor=1.5)
            view.goto(drawn.as_uri())
            view.locator(".js-plotly-plot .main-svg").first.wait_for()
            view.wait_for_timeout(1000)
            view.locator("figure").screenshot(path=RESULTS / f"{file.stem}.png")
            view.close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figures", nargs="*", metavar="NAME", help="draw the pictures too: of these, or all")
    only = parser.parse_args().figures
    if only is not None:
        figures(only)
    PAGE.write_text(page())
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
