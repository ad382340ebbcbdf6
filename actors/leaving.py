"""What is asked right before an order leaves: the last hop at which a kill switch can keep it back."""

from collections.abc import Callable
from typing import TypeAlias

from actors.order_entry import OrderSpec

Stops: TypeAlias = Callable[[OrderSpec], str]


def nothing_stops(_: OrderSpec) -> str:
    """Let every order leave: there are no kill switches here."""
    return ""
