"""Verdicts of the samples on the budgets."""

import statistics

from rows import READ

HEAD = ("| row | what | figure | measured | beside it | ratio | must | aim | |\n"
        "|---|---|---|---|---|---|---|---|---|\n")


def by_round(samples, row, figure, who):
    """Means, one per round."""
    rounds = {}
    for name, known, number, whose, value in samples:
        if (name, known, whose) == (row.name, figure.name, who):
            rounds.setdefault(number, []).append(value)
    return [statistics.fmean(values) for _, values in sorted(rounds.items())]


def spread(values):
    """Median (least to greatest)."""
    if not values:
        return ""
    digits = 3 if abs(statistics.median(values)) < 1 else 2
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def quotients(ours, theirs):
    return [a / b for a, b in zip(ours, theirs) if b]


def kept(bound, least, values):
    """True or False where the median and four rounds of five are on one side of the bound; otherwise None."""
    inside = sum(value >= bound if least else value <= bound for value in values)
    if 5 * inside >= 4 * len(values):
        return True
    return None if 5 * inside > len(values) else False


def verdict(budget, values):
    if not values:
        return "not measured"
    met = kept(budget.must, budget.least, values)
    if not met:
        return "not settled" if met is None else "missed"
    if budget.aim is None:
        return "met"
    reached = kept(budget.aim, budget.least, values)
    return {True: "met, and the aim", None: "met; aim not settled", False: "met, not the aim"}[reached]


def bound(value, budget):
    if value is None:
        return ""
    whose = f" x {budget.against}" if budget.against else ""
    return f"{'>=' if budget.least else '<='} {value:g}{whose}"


class Table:
    """Lines of Markdown, and the ratios for the chart."""

    def __init__(self, samples, shrunk, quick):
        self.samples, self.shrunk, self.quick = samples, shrunk, quick
        self.lines, self.ratios = [], {}

    def add(self, row):
        for figure in row.figures:
            values = {who: by_round(self.samples, row, figure, who) for who in row.who}
            for budget in figure.budgets or (None,):
                self.line(row, figure, values, budget)

    def line(self, row, figure, values, budget):
        ours = values[row.who[0]]
        beside = "; ".join(f"{who}: {spread(values[who])}" for who in row.who[1:] if values[who])
        ratio, cells = [], ["", "", ""]
        if budget:
            if budget.against:
                ratio = quotients(ours, values[budget.against])
                self.ratios[f"{row.name}: {figure.name} / {budget.against}"] = ratio
            found = verdict(budget, ratio if budget.against else ours)
            if budget.least and row.name in self.shrunk:
                # A row that was not selected is not listed as missed.
                found = "not settled"
            cells = [bound(budget.must, budget), bound(budget.aim, budget), self.qualified(row, found)]
        unit = f", {figure.unit}" if figure.unit else ""
        self.lines.append("| " + " | ".join([
            row.name, row.what, figure.name + unit, spread(ours), beside, spread(ratio), *cells]) + " |")

    def qualified(self, row, found):
        if self.quick:
            return "smoke test"
        if row.name in self.shrunk:
            had, wanted = self.shrunk[row.name]
            return f"{found}, with {had} sessions instead of {wanted}"
        return found

    def text(self):
        read = [f"| {name} | {what} | | | | | {must} | | {where} |" for name, (what, must, where) in READ.items()]
        return HEAD + "\n".join([*self.lines, *read]) + "\n"
