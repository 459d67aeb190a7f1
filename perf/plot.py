"""SVG for the results: strips of ratios, and lines over the number of shards."""

import statistics
from html import escape

WIDTH, LABEL, STRIP = 900, 360, 28


def svg(width, height, parts, font="sans-serif", size=13):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="{font}" '
            f'font-size="{size}"><rect width="100%" height="100%" fill="white"/>')
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def ratios_svg(ratios):
    """One strip per ratio, a dot for each round, a bar at the median. `ratios`: name to the ratio of every round.
    The line at 1 is the other's own figure."""
    most = max([1.25, *(value for values in ratios.values() for value in values)]) * 1.05
    height = STRIP * (len(ratios) + 2)

    def x(value):
        return LABEL + (WIDTH - LABEL - 20) * value / most

    parts = []
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
    return svg(WIDTH, height, parts)


PANEL, MARGIN, COLOURS = 420, 56, ("#36c", "#c63", "#393", "#939")


def lines_svg(panels):
    """`panels`: title to who to number of shards to the figures of all runs. A line through the medians, a dot
    for each run. The axis of shards doubles at each step; the other begins at nothing."""
    parts = []
    for number, (title, lines) in enumerate(panels.items()):
        parts.append(f'<g transform="translate({PANEL * (number % 2)},{PANEL * (number // 2)})">')
        parts += [*panel(title, lines), "</g>"]
    return svg(2 * PANEL, PANEL * ((len(panels) + 1) // 2), parts)


def panel(title, lines):
    most = max((value for runs in lines.values() for values in runs.values() for value in values), default=0) or 1
    shards = sorted({count for runs in lines.values() for count in runs})
    steps, side = max(1, len(shards) - 1), PANEL - 2 * MARGIN

    def x(count):
        return MARGIN + side * shards.index(count) / steps

    def y(value):
        return PANEL - MARGIN - side * value / most

    yield f'<text x="{PANEL / 2}" y="24" text-anchor="middle">{escape(title)}</text>'
    for quarter in range(5):
        value = most * quarter / 4
        yield (f'<line x1="{MARGIN}" x2="{PANEL - MARGIN}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ccc"/>'
               f'<text x="{MARGIN - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for count in shards:
        yield f'<text x="{x(count):.1f}" y="{PANEL - MARGIN + 20}" text-anchor="middle">{count}</text>'
    for colour, (number, (who, runs)) in zip(COLOURS, enumerate(lines.items())):
        medians = [(count, statistics.median(values)) for count, values in sorted(runs.items()) if values]
        path = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in medians)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for count, values in runs.items():
            for value in values:
                yield f'<circle cx="{x(count):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}" fill-opacity="0.6"/>'
        yield f'<text x="{MARGIN + 130 * number}" y="{PANEL - 8}" fill="{colour}">{escape(who)}</text>'
