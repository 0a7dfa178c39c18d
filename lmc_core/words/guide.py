"""Mode connectivity for who has never heard of it: five pictures, the methods, and what the words mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lmc_core.words.marks import Text, say

INTRODUCTION = say(
    "Two models of one architecture, trained from different starting points, reach about the same accuracy. Yet the "
    "model half-way between them, every weight the mean of both, usually fails. **Mode connectivity** asks when it "
    "does not. The answer decides whether models can be averaged, merged, or exchanged."
)
BARRIER = (
    r"\begin{aligned} \theta_t &= (1 - t)\,\theta_A + t\,\theta_B \\"
    r"\text{barrier} &= \max_{t} \; L(\theta_t) - (1 - t)\,L(\theta_A) - t\,L(\theta_B) \end{aligned}"
)


@dataclass(frozen=True)
class Chapter:
    """One picture of the guide.

    kind    of the shipped run that it is drawn from
    title   a claim;  words: what the picture shows of it
    """

    kind: str
    title: str
    words: Text


CHAPTERS = {
    "valleys": Chapter(
        "plane",
        "Every model is a point, and its loss is a height",
        say(
            "All weights of a model together are one point in a space of many dimensions. This map is a flat cut "
            "through three points: {A}, {B}, and {B} with its units in another order; its colour is the loss. {A} and "
            "{B} lie in two valleys with a ridge between them; the {aligned:re-ordered B} lies in the valley of {A}."
        ),
    ),
    "barrier": Chapter(
        "compare",
        "The barrier is how far the straight path rises",
        say(
            "Walk straight from {A} (t = 0) to {B} (t = 1) and measure the loss at every step. The barrier is the "
            "largest height above the line between the losses of the ends. {naive:Without alignment} it is high; after "
            "units were matched, it is close to zero. Each colour is one method."
        ),
    ),
    "order": Chapter(
        "path",
        "Hidden units have no order",
        say(
            "Swap two units of a hidden layer, together with all their incoming and outgoing weights, and the model "
            "computes exactly the same. A layer of 128 units has 128! equal orders, and training picks one at random. "
            "**Alignment** finds the order of {B} in which each unit stands beside the unit of {A} that does the same "
            "work: the histogram of distances moves left, and a diagonal appears where partners are alike."
        ),
    ),
    "fusion": Chapter(
        "fuse",
        "What is aligned can be averaged",
        say(
            "The mean of three models as they are is a wreck ({naive:average}). The mean of the same models, their "
            "units matched by optimal transport first, works ({fused:fused}): one model in place of three. "
            "Optimal transport also joins layers of different widths, where no unit has exactly one partner."
        ),
    ),
    "width": Chapter(
        "width",
        "The wider, the better connected",
        say(
            "The units of a trained layer are like samples from one distribution. Two wide layers are two large "
            "samples of it, which resemble each other; two narrow ones are not. So the barrier after alignment falls "
            "as layers grow, and how fast depends on the dimension of the distribution (Ferbach 2024)."
        ),
    ),
}
"""Name → chapter, in order."""

WORDS: Mapping[str, str] = {
    "model": "One trained network: an architecture and its weights, usually one checkpoint file.",
    "unit": "A neuron of a hidden layer, a channel of a convolution, a hidden state of a recurrent layer.",
    "group": "Units that can only be re-ordered together, as those of one layer, in every tensor that they appear in; "
    "whole branches that compute alike, such as the experts of a mixture, are units of such a group too.",
    "symmetry": "All re-orderings that leave the function of a model as it is. Found from its graph, and tested.",
    "aligned B": "B with its units in the order that a method found. Re-ordering alone keeps its function.",
    "unaligned": "B as it was trained. Also called naive.",
    "half-way": "The model at t = ½ between A and B, each weight the mean of both.",
    "barrier": "How far the loss on the straight path rises above the line between the losses of its ends.",
    "spread": "How far the units of a layer lie apart. Averaging strangers shrinks it; averaging partners keeps it.",
    "coupling": "Which units of B go to which place of A: a permutation, or a plan that shares units out.",
    "fusion": "One model made of two or more, of the same or of other widths.",
    "barycentre": "The mean of distributions in the sense of optimal transport: the one nearest to all of them.",
    "recalibration": "Measuring the statistics of activations anew for models on the path: BatchNorm reset, or REPAIR.",
}
"""Word → what it means here; each thing has one."""

WHEN: Mapping[str, str] = {
    "identity": "To see what there is to gain: the straight path between the models as they were trained.",
    "weight-matching": "No data at hand. Fast, and sound on networks of every kind that is traced.",
    "layerwise-weight-matching": "As a baseline, and as a start of other methods: it looks at incoming weights only.",
    "covariance-weight-matching": "Data at hand, and weights are to be compared as the data sees them: the method of "
    "the theory that this tool implements.",
    "activation-matching": "Data at hand: the first method to try. In the comparison that the Compare page opens on it "
    "leaves the smallest mean barrier.",
    "frank-wolfe": "No data, and weight matching ends in a poor optimum: all layers are moved at once.",
    "ot-alignment": "To reproduce OT fusion layer by layer, or to see what soft plans do.",
    "gromov-wasserstein": "The models share no common input order, or recurrent layers dominate.",
    "sinkhorn-rebasin": "To let the loss itself choose: permutations learned by gradient descent. Slow.",
    "straight-through": "The lowest loss half-way matters more than time: permutations trained on the loss.",
    "head-matching": "Transformers, where only orders are to change: heads are matched by what they compute before "
    "their insides are.",
    "full-symmetry-matching": "Transformers: the first method to try. It also rotates the residual stream and the "
    "insides of heads, which orders cannot follow, within seconds, and better with data. Models whose units have "
    "scales or signs of their own: it makes these equal first.",
    "learned-matching": "Transformers, and the lowest barrier matters more than time: rotations are trained on the "
    "loss along the path. What is trained can also join what has nothing in common, so read the null test beside it.",
    "wasserstein-barycenter": "Fully connected and convolutional models, of the same or of other widths. Each layer is "
    "matched by the weights that enter it, once and for good: of two narrow models, MergeMany, which also looks at the "
    "weights that leave, keeps more, and so does comparing activations; of four, neither is ahead everywhere.",
    "gromov-wasserstein-barycenter": "RNNs, LSTMs and GRUs, whose recurrent weights carry one group on both axes. The "
    "authors' α of 1000 lets recurrent weights outvote the inputs; 64, the default, kept more accuracy "
    "at every width tried. What leaves the units is not compared: of three or more, MergeMany keeps more.",
    "ot-fusion": "One of the models is to stay in the lead: the others are aligned to it.",
    "vanilla-average": "To see what fusing without matching costs, or for models that share their training start.",
    "merge-many": "Several models of one width: each is matched to the mean of the others, again and again.",
    "c2m3": "Several models that are to be exchanged pairwise later: going round a cycle of them comes back.",
    "full-symmetry-merge": "Transformers: the first fusion to try, better with data. Streams and the "
    "insides of heads are rotated into one frame before the mean is taken, which orders cannot follow. Narrower models "
    "are carried into the widest, which goes first.",
    "zipit": "Models of different tasks, where a unit may have its partner in its own model.",
}
"""Method of alignment or fusion → when to use it."""
