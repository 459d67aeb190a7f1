"""Rows of the table of budgets, by subject."""

from . import keys, memory, output, sessions, stalled
from .base import Setting

ROWS = {row.name: row for part in (keys, output, sessions, memory, stalled) for row in part.ROWS}
# Rows that no run can show.
READ = {
    "atomics": ("shared atomic writes per keystroke", "0", "by reading the code: perf/README.md, "
                "\"Shared writes per keystroke\""),
}

__all__ = ["READ", "ROWS", "Setting"]
