"""Experiments of the papers and of their users, one file each, and the list of them."""

EXPERIMENTS = {
    "akash-mnist": "2, 4 and 6 MNIST networks fused: Wasserstein barycentre, OT fusion, average; other widths too",
    "akash-distillation": "one MNIST network put into half its widths by transport, without training",
    "barycentre-moves": "when the Wasserstein barycentre by exact plans is more than OT fusion, by networks and widths",
    "skill-transfer": "one of two networks knows digit 4: accuracy of the fused one against its weight",
    "recurrent-mnist": "pairs of LSTMs and RNNs fused, with and without their hidden-to-hidden weights",
    "ferbach-mnist": "test loss half way between MNIST networks, and their dimensions, at six learning rates",
    "ferbach-covariance": "what covariance matching depends on: whose covariance, biases, centring, examples",
    "w2-rate": "the dimension of a law of units by how W₂² falls: planted laws, then trained layers",
    "ferbach-cnn": "test loss half way between CIFAR-10 networks by width, weights against activations",
    "repair-mnist-depth": "deep plain networks half way, aligned and with REPAIR, by depth",
    "repair-mnist-width": "networks of ten layers half way, aligned and with REPAIR, by width",
    "repair-mnist-shifted": "the same of eleven layers, trained on shifted images, as the authors count and train",
    "repair-readings": "what aligned deep networks depend on: which activations are matched, what is averaged",
    "rebasin-width": "barriers after alignment against width: MLPs on MNIST, ResNet-20 on CIFAR-10",
    "width-without-permutation": "barriers between networks left as they are, by width, before and after calibration",
    "lmc-over-training": "when two runs become connected: barriers by epoch, from one start and from two",
    "repair-resnet20": "ResNet-20 with BatchNorm and with LayerNorm half way, aligned and with REPAIR",
    "akash-cifar": "VGG11 and ResNet-18 without norms fused, and trained on, against training from scratch",
    "akash-planes": "losses along the planes of two networks, aligned and fused, for five kinds of networks",
    "residual-toy": "planted orders in a residual block, where a coordinate sweep recovers few",
    "vit-mnist": "barriers between vision transformers on MNIST, by orders, by rotations, learned, with a null test",
    "char-gpt": "barriers between character language models, by orders, by rotations, learned, with a null test",
}
"""name → what it shows; each is a module here (hyphens are underscores) with PARAMETERS, QUICK (those of
them that make it a matter of minutes) and `reproduce(*, seed, device, report, **settings) -> Experiment`."""
