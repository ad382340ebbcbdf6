"""How much a pattern claims: size, place, trend and volume in one number, before anything has calibrated it."""

import math
from typing import Final

from market.compiled import compiled

SIZE_WEIGHT, LEVEL_WEIGHT, TREND_WEIGHT, VOLUME_WEIGHT = 0.4, 0.3, 0.2, 0.1
SIZE_FULL_ATR: Final = 1.5
TREND_FULL_Z: Final = 2.0
VOLUME_FULL_RATIO: Final = 2.0


@compiled
def pattern_confidence(size_atr: float, at_level: float, trend_z: float, direction: int, volume_ratio: float) -> float:
    """Return 0.4 min(size / 1.5, 1) + 0.3 at level + 0.2 (0.5 + 0.5 clip(z direction / 2)) + 0.1 min(volume / 2, 1).

    `at_level` is 1 or 0, `volume_ratio` the volume by its recent mean. In [0, 1]; what is not known (NaN) adds nothing:
    a feed without volume, an indicator that still warms up.
    """
    claim = LEVEL_WEIGHT if at_level > 0.0 else 0.0
    if size_atr > 0.0:
        claim += SIZE_WEIGHT * min(size_atr / SIZE_FULL_ATR, 1.0)
    lean = trend_z * direction / TREND_FULL_Z
    if not math.isnan(lean):
        claim += TREND_WEIGHT * (0.5 + 0.5 * min(max(lean, -1.0), 1.0))
    if volume_ratio > 0.0:
        claim += VOLUME_WEIGHT * min(volume_ratio / VOLUME_FULL_RATIO, 1.0)
    return min(claim, 1.0)
