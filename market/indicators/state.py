"""The state of indicators: slices of one float64 array, zero before the first bar."""

import math
from typing import Any, Final, TypeAlias

from numpy.typing import NDArray

State: TypeAlias = NDArray[Any]
NAN: Final = math.nan
