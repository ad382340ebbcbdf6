"""How property tests run: the same examples every time, and no clock decides."""

from hypothesis import settings

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100, database=None)
FEW = settings(PROPERTY, max_examples=25)
"""For properties whose single example is large."""
