"""Honest research: tell whether a value knows what came after it, and whether it knows where its data begins.

A `Study` is anything that maps data to columns, row by row: a feature, a policy, a user's function. `examine` computes
it on data that ends at t, and on data whose future is another one, and compares with what the whole series says of all
rows up to t. `settle` computes it on data that begins later. No source code is read: what is found has happened.
"""

from research.lookahead.columns import Columns, as_columns
from research.lookahead.cutting import cut_times
from research.lookahead.search import Examination, Leak, examine
from research.lookahead.study import LeakKind, Study, SubjectError
from research.lookahead.warmup import Warmth, settle

__all__ = [
    "Columns", "Examination", "Leak", "LeakKind", "Study", "SubjectError", "Warmth", "as_columns", "cut_times",
    "examine", "settle",
]  # fmt: skip
