"""Experiments of the papers and of their users, one file each, and the list of them."""

EXPERIMENTS = {
    "akash-mnist": "2, 4 and 6 MNIST networks fused: Wasserstein barycentre, OT fusion, average; other widths too",
    "skill-transfer": "one of two networks knows digit 4: accuracy of the fused one against its weight",
    "recurrent-mnist": "pairs of LSTMs and RNNs fused, with and without their hidden-to-hidden weights",
    "ferbach-mnist": "test loss half way between MNIST networks, aligned by the methods of the paper's figure 2",
    "residual-toy": "planted orders in a residual block, where a coordinate sweep recovers few",
    "vit-mnist": "barriers between vision transformers on MNIST, by orders, by rotations, learned, with a null test",
}
"""name → what it shows; each is a module here (hyphens are underscores) with PARAMETERS and
`reproduce(*, seed, device, report, **settings) -> Experiment`."""
