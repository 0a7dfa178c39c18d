"""Experiments of the papers and of their users, one file each, and the list of them."""

EXPERIMENTS = {
    "residual-toy": "planted orders in a residual block, where a coordinate sweep recovers few",
}
"""name → what it shows; each is a module here (hyphens are underscores) with PARAMETERS and
`reproduce(*, seed, device, report, **settings) -> Experiment`."""
