"""The two pictures of docs/recoding.md, from the results of the suite.

    python benchmarks/recoding.py --suite DIR --json results.json
    python benchmarks/plots.py results.json docs/figures

Writes `loss-against-k.svg` and `time-against-rows.svg`. Plain SVG, so that no plotting library is
needed and a change of a figure is a readable change of a file.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 176, 48, 56
OURS, ARX, OTHERS = "#1b6ca8", "#c0562f", "#8a8a8a"

ROWS = (300_000, 1_000_000, 3_000_000, 10_000_000)
ARX_SEARCH = (8.4, 12.4, 17.7, 28.1)
ARX_LOAD = (2.1, 3.1, 4.4, 17.7)
ARX_LOCAL = ((5, 0.056251), (11, 0.082416), (20, 0.106601))
MONDRIAN = ((5, 0.030), (11, 0.060), (20, 0.090))
ANJANA = ((5, 0.244), (11, 0.285), (20, 0.319))

_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    f'font-family="sans-serif" font-size="12" fill="#333">'
)

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """Points with a name at their end. below: how far the name is moved, in points."""

    name: str
    points: Sequence[Point]
    colour: str
    dashed: bool = False
    below: float = 0


@dataclass(frozen=True)
class Axis:
    """One direction of a picture: which values are marked, and where they lie between 0 and 1."""

    title: str
    marks: Mapping[float, str]
    place: Callable[[float], float]


@dataclass(frozen=True)
class Picture:
    """Lines over two axes."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line]

    def svg(self) -> str:
        """Return the picture."""
        return "\n".join(
            (
                _OPENING,
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
                _text(LEFT, 26, self.title, 'font-size="15" font-weight="bold"'),
                *self._axes(),
                *(part for line in self.lines for part in self._line(line)),
                "</svg>\n",
            )
        )

    def _at(self, point: Point) -> Point:
        return (
            LEFT + self.x.place(point[0]) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - self.y.place(point[1]) * (HEIGHT - TOP - BOTTOM),
        )

    def _axes(self) -> Iterator[str]:
        foot, end = HEIGHT - BOTTOM, WIDTH - RIGHT
        for value, said in self.y.marks.items():
            high = HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
            yield f'<path d="M{LEFT} {high:.1f}H{end}" stroke="#e4e4e4"/>'
            yield _text(LEFT - 8, high + 4, said, 'text-anchor="end"')
        for value, said in self.x.marks.items():
            far = LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
            yield f'<path d="M{far:.1f} {foot}v5" stroke="#333"/>'
            yield _text(far, foot + 20, said, 'text-anchor="middle"')
        yield f'<path d="M{LEFT} {foot}H{end}" stroke="#333"/>'
        yield _text((LEFT + end) / 2, HEIGHT - 14, self.x.title, 'text-anchor="middle"')
        turned = f'text-anchor="middle" transform="rotate(-90 18 {(TOP + foot) / 2})"'
        yield _text(18, (TOP + foot) / 2, self.y.title, turned)

    def _line(self, line: Line) -> Iterator[str]:
        places = [self._at(point) for point in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
        yield f'<path d="M{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dashes}/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{line.colour}"/>'
        x, y = places[-1]
        yield _text(x + 9, y + 4 + line.below, line.name, f'style="fill:{line.colour}"')


def _text(x: float, y: float, said: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>'


def straight(most: float) -> Callable[[float], float]:
    """Return an axis from 0 to a value."""
    return lambda value: value / most


def powers(least: float, most: float) -> Callable[[float], float]:
    """Return a logarithmic axis."""
    return lambda value: math.log(value / least) / math.log(most / least)


def loss_against_k(results: Mapping[str, Any]) -> Picture:
    """Draw what Adult loses at each k."""

    def ours(names: Mapping[int, str]) -> list[Point]:
        return [(k, results[name]["loss"]) for k, name in names.items() if name in results]

    full = ours({k: f"adult k={k} s=0.05" for k in (2, 5, 11, 20)})
    regions = ours({k: f"adult multidimensional k={k}" for k in (5, 11, 20)})
    return Picture(
        "Adult: what is lost at each k",
        Axis("k", {k: str(k) for k in (2, 5, 11, 20)}, straight(21)),
        Axis("loss (NCP)", {n / 10: f"0.{n}" for n in range(5)}, straight(0.45)),
        (
            Line("full-domain, 5 %: clause16", full, OURS, below=-8),
            Line("and ARX, the same", full, ARX, dashed=True, below=8),
            Line("anjana, 9 to 14 % gone", ANJANA, OTHERS),
            Line("ARX local", ARX_LOCAL, ARX, below=-7),
            Line("clause16 multidimensional", regions, OURS),
            Line("Mondrian, free value sets", MONDRIAN, OTHERS, dashed=True, below=9),
        ),
    )


def time_against_rows(results: Mapping[str, Any]) -> Picture:
    """Draw the seconds of loading and searching as the table grows."""

    def ours(part: str) -> list[Point]:
        return [
            (rows, results[f"{rows:,} rows"][part]["cpu"])
            for rows in ROWS
            if f"{rows:,} rows" in results
        ]

    return Picture(
        "Full-domain search at k = 11, at most 5 % suppressed",
        Axis(
            "rows",
            dict(zip(ROWS, ("300,000", "1 million", "3 million", "10 million"), strict=True)),
            powers(250_000, 11_000_000),
        ),
        Axis("CPU seconds", {n: f"{n:g}" for n in (0.1, 0.3, 1, 3, 10, 30)}, powers(0.1, 40)),
        (
            Line("ARX: search", list(zip(ROWS, ARX_SEARCH, strict=True)), ARX),
            Line("ARX: load", list(zip(ROWS, ARX_LOAD, strict=True)), ARX, dashed=True),
            Line("clause16: search", ours("search"), OURS),
            Line("clause16: load", ours("load"), OURS, dashed=True),
        ),
    )


def main() -> None:
    """Draw both pictures."""
    results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("loss-against-k", loss_against_k(results)),
        ("time-against-rows", time_against_rows(results)),
    ):
        (folder / f"{name}.svg").write_text(picture.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
