"""Reference: the cases about regimes, which lie among those of signals."""

import pytest

from tests.reference.cases import Case, cases, check
from tests.reference.regimes import REGIME_ADAPTERS


@pytest.mark.parametrize("case", [found for found in cases("signals") if found.values[0].fn in REGIME_ADAPTERS])
def test_regimes_give_the_reference_value(case: Case) -> None:
    check(case, REGIME_ADAPTERS)
