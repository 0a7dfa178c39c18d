"""What is said of the measurements that the theory rests on: law, dimension, parts of the cost, ledger, exponent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lmc_core.diagnostics.exponent import Exponent
from lmc_core.diagnostics.laws import Law
from lmc_core.diagnostics.ledger import Entry, Ledger
from lmc_core.diagnostics.removed import ALL, ORDERS
from lmc_core.diagnostics.width import Scaling
from lmc_core.words import numbers
from lmc_core.words.marks import Text, marked, say

_FALLS = {"barrier": "barrier", "gap": "function gap"}
_SAME = 0.1
"""R this near to 1 is what halves of a layer of one law give among themselves."""


def law_words(laws: Mapping[str, Law]) -> Text:
    """Whether two layers look like two samples of one law."""
    after = [(law.label, law.after) for law in laws.values() if law.after is not None]
    before = [law.before for law in laws.values() if law.before is not None]
    if not after:
        return say("**Is it one law?** All units of each layer coincide, so there is nothing to compare.")
    apart = [label for label, value in after if value > 1 + _SAME]
    near = [label for label, value in after if value < 1 - _SAME]
    verdict = []
    if apart:
        verdict.append(f"{_layers(apart, len(after))} {_are(apart)} farther apart than samples of one law")
    if near:
        verdict.append(f"{_layers(near, len(after))} {_are(near)} closer, so these units are not independent draws")
    if not verdict:
        verdict.append("within 0.1 of 1 in every layer, so this does not tell them from two samples of one law")
    return say(
        "**Is it one law?** Layers of A and aligned B are R = {after} times as far apart as halves of one network "
        "(unaligned: {before}), where two samples of one law give 1: {verdict}.",
        after=marked("aligned", numbers.spanned([value for _, value in after], 2)),
        before=marked("naive", numbers.spanned(before, 2)),
        verdict="; ".join(verdict),
    )


def dimension_words(laws: Mapping[str, Law]) -> Text:
    """What two estimators say of the dimension, and how far to trust them."""
    subsets = [law.dimension for law in laws.values() if law.dimension is not None]
    neighbours = [law.neighbours for law in laws.values() if law.neighbours is not None]
    if not subsets:
        return say("**How many dimensions?** The layers have too few units for subsets of them to tell a dimension.")
    return say(
        "**How many dimensions?** Disjoint subsets of A approach each other as if its units had dimension {subsets}, "
        "and nearest neighbours say {neighbours}: both are indicators, as a few hundred units read 12 as about 10 and "
        "subsets read nothing below 4.",
        subsets=marked("a", numbers.spanned(subsets, 1)),
        neighbours=marked("a", numbers.spanned(neighbours, 1)) if neighbours else "nothing",
    )


def split_words(laws: Mapping[str, Law]) -> Text:
    """How much of the distance a change of law explains."""
    shares = [100 * law.split.share for law in laws.values() if law.split.share is not None]
    if not shares:
        return say("**Law or luck?** A and aligned B hold the same units, so there is no distance to split.")
    return say(
        "**Law or luck?** Means and covariances explain {shares} % of W₂² between A and aligned B (Gelbrich's bound); "
        "the rest is shape beyond two moments and the luck of finitely many units, and luck only width removes.",
        shares=marked("aligned", numbers.spanned(shares, 0)),
    )


def ledger_words(naive: Ledger, aligned: Ledger) -> Text:
    """Which layer to blame, on both paths."""
    worst, before = aligned.worst, naive.worst
    parts: dict[str, Text | str] = {
        "t": f"{aligned.t:.2f}",
        "total": marked("aligned", _signed(aligned.total)),
        "layer": worst.layer,
        "most": marked("aligned", _signed(_added(worst))),
        "saved": numbers.loss(-aligned.saved),
        "naive": marked("naive", _signed(naive.total)),
        "naive_layer": before.layer,
        "naive_most": marked("naive", _signed(_added(before))),
    }
    return say(
        "**Which layer is to blame?** At t = {t} the loss of the aligned path stands {total} above the chord: {layer} "
        "adds most, {most}, and mixing the outputs saves {saved} (unaligned, {naive_layer} adds {naive_most} of "
        "{naive}); a part is what a layer adds when all before it are mixed already."
        if aligned.total > 0
        else "**Which layer is to blame?** None: the loss of the aligned path lies below the chord even where it is "
        "highest ({total} at t = {t}), what {layer} adds, {most}, is made up for by the others, and unaligned "
        "{naive_layer} adds {naive_most} of {naive}; a part is what a layer adds when all before it are mixed already.",
        **parts,
    )


def removed_words(removed: Mapping[str, float]) -> Text:
    """How much of the distance between the weights orders remove, and how much all classes do."""
    shares = {name: f"{100 * share:.0f} %" for name, share in removed.items()}
    return say(
        "**What does each class remove?** Of ‖A − B‖², both in canonical form, re-ordering units removes {orders}"
        + (", and rotations and signs with it {all}" if ALL in shares else " (nothing but orders is left open)")
        + ": what matching by weights finds, so at least this much.",
        orders=marked("aligned", shares[ORDERS]),
        **({"all": marked("aligned", shares[ALL])} if ALL in shares else {}),
    )


def exponent_words(exponents: Mapping[str, Exponent], scalings: Mapping[str, Scaling]) -> Text:
    """How fast barrier and function gap fall with the width, and what so few pairs can tell."""
    if not exponents:
        return say(
            "**How fast does it fall?** Barrier and function gap are zero at one of the widths, so no power of the "
            "width can be read off."
        )
    parts = [
        f"β = {found.beta:.2f} for the {name} ({100 * found.level:.0f} % interval {found.low:.2f} to {found.high:.2f})"
        for name, found in ((_FALLS[key], found) for key, found in exponents.items())
    ]
    zero = [
        f"the {name} is zero at one of the widths and has none" for key, name in _FALLS.items() if key not in exponents
    ]
    held = [f"the {_FALLS[key]}" for key, found in exponents.items() if found.holds(0.5)]
    rates = [-line.slope for line in scalings.values()]
    return say(
        "**How fast does it fall?** As width to the power −β, with {parts}; {zero}W₂² of the layers has {rates}, and ½ "
        "(Zhan 2025) is inside the interval of {held}; {pairs} pairs tell no more, `reproduce rebasin-width` measures "
        "independent ones.",
        parts=marked("aligned", numbers.listed(parts).replace("-", "−")),
        zero=f"{zero[0]}; " if zero else "",
        rates=numbers.spanned(rates, 2).replace("-", "−") if rates else "no exponent here",
        held=numbers.listed(held) or "none",
        pairs=numbers.in_words(min(found.pairs for found in exponents.values())),
    )


def exponent_alt(exponents: Mapping[str, Exponent]) -> str:
    """What the figure of exponents shows."""
    parts = [f"{_FALLS[n]}: β {f.beta:.2f}, from {f.low:.2f} to {f.high:.2f}" for n, f in exponents.items()]
    return f"{'; '.join(parts)}."


def law_alt(laws: Mapping[str, Law]) -> str:
    """What the figure of R shows, for who does not see it."""
    return _each(laws, lambda law: f"R {_two(law.before)} before and {_two(law.after)} after alignment")


def dimension_alt(laws: Mapping[str, Law]) -> str:
    """What the figure of dimensions shows."""
    return _each(
        laws, lambda law: f"dimension {_two(law.dimension)} from subsets, {_two(law.neighbours)} by neighbours"
    )


def split_alt(laws: Mapping[str, Law]) -> str:
    """What the figure of the parts of W₂² shows."""
    return _each(laws, lambda law: f"two moments have a share of {_two(law.split.share)} of the cost")


def removed_alt(removed: Mapping[str, float]) -> str:
    """What the figure of classes shows."""
    return f"{'; '.join(f'{name}: {share:.2f} of the squared distance' for name, share in removed.items())}."


def ledger_alt(ledger: Ledger) -> str:
    """What the figure of the ledger shows."""
    parts = [f"{e.layer}: product {_signed(e.linear)}, activation {_signed(e.activation)}" for e in ledger.entries]
    return f"{'; '.join(parts)}; mixing the outputs {_signed(ledger.saved)}; sum {_signed(ledger.total)}."


_FEW = 3
"""More layers are counted rather than named."""


def _layers(labels: Sequence[str], every: int) -> str:
    return numbers.listed(labels) if len(labels) <= _FEW else f"{len(labels)} of {every} layers"


def _are(labels: Sequence[str]) -> str:
    return "is" if len(labels) == 1 else "are"


def _each(laws: Mapping[str, Law], said: Callable[[Law], str]) -> str:
    return "; ".join(f"{law.label}: {said(law)}" for law in laws.values()) + "."


def _two(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _added(entry: Entry) -> float:
    return entry.linear + entry.activation


def _signed(value: float) -> str:
    return numbers.loss(value).replace("-", "−")
