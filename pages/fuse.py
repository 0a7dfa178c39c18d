"""One network made of several."""

from pages._ask import fuse_form
from pages._show.analysis import Analysis

WHAT = (
    "Networks that were trained apart can be made into one, of the same width or another: their units are matched "
    "first, then averaged with the weights λ you choose. Choose the networks and press *Fuse the networks*."
)

Analysis("fuse", "Fuse the networks", "What do these networks make together?", WHAT, fuse_form.ask).draw()
