"""docs/architecture.svg, drawn from the imports as they stand: which floor of the house uses which.

python docs/architecture.py
"""

import sys
from collections import Counter
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from house import FLOORS, ROOT, edges, module, sources  # noqa: E402

LEFT, TOP, CELL = 168, 34, 34
INK, GREY, LINE, DOT = "#1c2330", "#6b7280", "#d5d9e0", "#0072b2"
LEFT_OUT = ("__main__",)


def names() -> list[str]:
    """The parts of the house from the top: the pages, then every package of the core."""
    return ["pages", *(name for floor in FLOORS["lmc_core"] for name in floor if name not in LEFT_OUT)]


def part(dotted: str) -> str:
    """The part of the house that a file belongs to; "" for the public names."""
    first, _, rest = dotted.partition(".")
    return "pages" if first in ("pages", "app") else rest.split(".")[0]


def uses() -> Counter[tuple[str, str]]:
    """(user, used) → how many imports lead from one part to the other."""
    found = ((part(user), part(used)) for user, targets in edges().items() for used in targets)
    return Counter(pair for pair in found if pair[0] != pair[1] and all(pair))


def lines() -> Counter[str]:
    """Part → its lines of code."""
    found: Counter[str] = Counter()
    for path in sources("lmc_core", "pages"):
        found[part(module(path))] += len(path.read_text().splitlines())
    return found


def picture() -> str:
    """A row per part with the parts that it uses as dots; all of them lie left of the diagonal's corner, below."""
    parts, counted, sizes = names(), uses(), lines()
    place = {name: number for number, name in enumerate(parts)}
    wide, high = LEFT + CELL * len(parts) + 150, TOP + CELL * len(parts) + 78
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
    ]
    for name, row in place.items():
        y = TOP + CELL * row
        drawn.append(f'<text x="{LEFT - 14}" y="{y + 21}" text-anchor="end" fill="{INK}">{escape(name)}</text>')
        size = f"{sizes[name]:,}".replace(",", "\u202f")
        drawn.append(f'<text x="{LEFT + CELL * len(parts) + 14}" y="{y + 21}" fill="{GREY}">{size} lines</text>')
        drawn.append(
            f'<rect x="{LEFT + CELL * row}" y="{y}" width="{CELL}" height="{CELL}" fill="{LINE}" fill-opacity="0.6"/>'
        )
        drawn.append(f'<path d="M{LEFT} {y}H{LEFT + CELL * len(parts)}" stroke="{LINE}" stroke-width="1" fill="none"/>')
        x = LEFT + CELL * row + CELL / 2
        drawn.append(
            f'<text transform="translate({x + 4} {TOP + CELL * len(parts) + 10}) rotate(-40)" text-anchor="end" '
            f'fill="{GREY}" font-size="11">{escape(name)}</text>'
        )
    for (user, used), number in sorted(counted.items()):
        if user in place and used in place:
            x, y = LEFT + CELL * place[used] + CELL / 2, TOP + CELL * place[user] + CELL / 2
            said = f"{user} uses {used}: {number} import{'s' * (number > 1)}"
            radius = min(3 + number**0.5 * 1.3, CELL / 2 - 3)
            drawn.append(
                f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{DOT}"><title>{escape(said)}</title></circle>'
            )
    drawn.append(
        f'<text x="{LEFT}" y="22" fill="{GREY}">A row uses what stands below its dots. No dot lies left of the grey '
        "squares: imports point down.</text>"
    )
    return "\n".join([*drawn, "</svg>", ""])


if __name__ == "__main__":
    (HERE / "architecture.svg").write_text(picture())
    print((HERE / "architecture.svg").relative_to(ROOT))
