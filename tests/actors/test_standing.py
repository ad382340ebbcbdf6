"""How an account stands towards its floors, for those who look on."""

from actors.standing import standing
from policies.assembly import book_of
from policies.bookkeeping import close_instant
from policies.floors import Mode
from tests.builders import MONEY, START_NS, a_plan
from tests.policies.account_books import a_floor, some_rules


def test_every_floor_shows_its_room_what_is_used_and_the_level_that_was_told() -> None:
    floors = (a_floor(Mode.STATIC, amount=10_000 * MONEY), a_floor(Mode.PEAK, of_top=1, ppm=100_000, inclusive=1))
    plan = a_plan(rules=some_rules(*floors))
    book = book_of(plan)
    account = book.ledger.account[0]
    account.cash -= 7_500 * MONEY
    close_instant(book, START_NS)
    shown = standing(book, plan)["floors"]
    told = {"used_ppm": 750_000, "alert_percent": 70, "latched": 0, "waits_for_a_person": 0}
    assert shown["STATIC"] == {"floor": 90_000 * MONEY, "room": 2_500 * MONEY} | told
    assert shown["PEAK"] == shown["STATIC"]
    assert standing(book_of(a_plan()), a_plan())["floors"] == {}
