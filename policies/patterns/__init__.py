"""Patterns of price, found bar by bar: each with the bar at whose close it is known and a confidence in [0, 1].

`open_watch` and `update_patterns` are what a live view uses; `find_patterns` runs the same update over a whole series.
"""

from policies.patterns.confidence import pattern_confidence
from policies.patterns.kinds import DETECTION, DIRECTION, Pattern, PatternParams, Role
from policies.patterns.update import REFUSED, Series, find_patterns, run_patterns, update_patterns
from policies.patterns.watch import Watch, levels_now, open_watch, room_of

__all__ = [
    "DETECTION",
    "DIRECTION",
    "REFUSED",
    "Pattern",
    "PatternParams",
    "Role",
    "Series",
    "Watch",
    "find_patterns",
    "levels_now",
    "open_watch",
    "pattern_confidence",
    "room_of",
    "run_patterns",
    "update_patterns",
]
