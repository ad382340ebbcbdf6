"""Binary contracts in integer money: what a stake pays back at expiry."""

from market.compiled import compiled
from market.costs import PPM


@compiled
def contract_payment(direction: int, strike: int, price: int, stake: int, payout_ppm: int, tie_returns: int) -> int:
    """Return what a contract pays at expiry: stake and payout (rounded down) on a win, the stake or nothing on a tie.

    `direction` is 1 for above, -1 for below; the comparison is strict. `strike` and `price` share one unit.
    """
    if price == strike:
        return stake if tie_returns != 0 else 0
    if (price > strike) == (direction > 0):
        return stake + stake * payout_ppm // PPM
    return 0
