"""SVG for the results: one strip per ratio, a dot for each round, a bar at the median."""

import statistics
from html import escape

WIDTH, LABEL, STRIP = 900, 360, 28


def ratios_svg(ratios):
    """`ratios`: name to the ratio of every round. The line at 1 is the other's own figure."""
    most = max([1.25, *(value for values in ratios.values() for value in values)]) * 1.05
    height = STRIP * (len(ratios) + 2)

    def x(value):
        return LABEL + (WIDTH - LABEL - 20) * value / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="white"/>'
    ]
    step = 0.25 if most < 3 else 1
    for tick in range(int(most / step) + 1):
        at, colour = tick * step, "black" if tick * step == 1 else "#ccc"
        parts.append(f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{STRIP}" y2="{height - STRIP}" stroke="{colour}"/>'
                     f'<text x="{x(at):.1f}" y="{height - 8}" text-anchor="middle">{at:g}</text>')
    for line, (name, values) in enumerate(ratios.items()):
        y = STRIP * (line + 1.5)
        middle = x(statistics.median(values))
        parts.append(f'<text x="8" y="{y + 4:.1f}">{escape(name)}</text>'
                     f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 9:.1f}" y2="{y + 9:.1f}" stroke="#c33" '
                     'stroke-width="3"/>')
        parts += [f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="4" fill="#36c" fill-opacity="0.6"/>' for value in values]
    return "\n".join([*parts, "</svg>"]) + "\n"
