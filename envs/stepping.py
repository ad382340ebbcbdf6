"""Stepping: an engine moved from one decision to the next, with somebody else's action in place of the policy's.

One step is what the loop of `envs.engine` does between two decisions of one desk, turned by half a round: the action is
said, proposed, judged, ruled and sent; then rows arrive until the desk would be asked again. So an episode in which the
actions are those of a model is the rollout of that model's plan, to the bit.

A step is a far call, so that many engines are stepped by one small loop and the engine is compiled once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine import DECIDE, DUE, Engine, arrive, roll_day, run_dues
from envs.logs import NUMBER
from envs.rewarding import begin_pay, pay
from market.compiled import compiled, inlined
from market.far_calls import far_call, loaded
from market.paper import NEXT_DUE
from market.quotes import update_price
from market.records import Records
from market.tape import Int64, Role, Tape
from policies import binary, forex
from policies.bookkeeping import DAY_NS
from policies.breaking import PRICE
from policies.hearing import show_model
from policies.intents import TradingState
from policies.masks import Action
from policies.models import SIDES, say
from policies.proposals import DAY_END, PolicyKind, draft_pair, propose_bar, see_pair
from policies.routes import Scan, scan_rows
from policies.view import update_view

Floats32 = NDArray[np.float32]


class Stepper(NamedTuple):
    """One market and its account, and where its part of a vector environment is written.

    `control` are whole numbers by the names below; `terms`, `sharpe` and `drawdown` are what
    `envs.rewarding` keeps, one record each. `leak` is empty, or per row a
    number that is shown behind the inputs: what no agent may know, to see whether it would learn to use it. `seen`
    [inputs + leak], `mask` [actions] and `reward` [1] are what a step leaves.
    """

    engine: Engine
    tape: Tape
    control: Int64
    terms: Records
    sharpe: Records
    drawdown: Records
    leak: NDArray[np.float64]
    seen: Floats32
    mask: NDArray[np.bool_]
    reward: NDArray[np.float64]


ROW, NEXT, COUNT, STATE, KEEP, DENIED, STEPS, END = range(8)
"""Slots of `control`: the row that is shown; the next one to arrive; intents that wait for the action; 0 while the
episode goes on, else why it has ended; whether logs are kept (1) or begin anew at every step; actions that the mask
denied; steps; and the row before which the episode ends."""

GOES_ON, RUINED, OUT_OF_DATA = range(3)
"""Why an episode has ended: the account is worth nothing (terminated), or there is no more data (truncated)."""

BEGIN, STEP = 0, 1
"""What a stepper is asked by a far call."""


def enter(address: Stepper, asked: int, first: int, second: int, third: int) -> int:
    """Begin an episode (warm from row `first`, from row `second` on), or take a step with the action `first`."""
    if asked == BEGIN:
        return 1 + begin(loaded(address), first, second)
    return 1 + step(loaded(address), first)


@compiled
def step_all(handles: Int64, actions: Int64, states: Int64) -> int:
    """Take a step in every market [n, 2]; write each one's state; return how many episodes have ended."""
    ended = 0
    for k in range(len(handles)):
        states[k] = far_call(handles[k], STEP, actions[k], 0, 0)
        ended += states[k] != GOES_ON
    return ended


@compiled
def begin_one(handle: Int64, warm: int, start: int) -> int:
    """Begin an episode; return its state: without data it has ended before it began."""
    return far_call(handle, BEGIN, warm, start, 0)


@inlined
def begin(stepper: Stepper, warm: int, start: int) -> int:
    """Warm the views up by rows [warm, start), then let rows arrive until there is something to decide."""
    engine, tape, control = stepper.engine, stepper.tape, stepper.control
    for row in range(warm, start):
        feed = engine.agent.feeds[tape.feed[row]]
        if feed.roles & Role.VIEW.value != 0 and tape.flaws[row] == 0:
            update_view(engine.agent.views, feed.desk, feed.view_number, tape, row)
    control[ROW], control[NEXT], control[COUNT], control[STEPS] = -1, start, 0, 0
    control[DENIED], control[STATE] = 0, GOES_ON
    return advance(stepper)


@inlined
def step(stepper: Stepper, action: int) -> int:
    """Say the action, decide what is proposed, let rows arrive; return the episode's state."""
    engine, control = stepper.engine, stepper.control
    if control[STATE] != GOES_ON:
        return int(control[STATE])
    if control[KEEP] == 0:
        for k in range(NUMBER):
            engine.logs.counts[k] = 0
    if not (0 <= action < len(stepper.mask) and stepper.mask[action]):
        control[DENIED] += 1
        action = Action.HOLD.value
    count = _propose(stepper, action)
    control[COUNT] = 0
    now = stepper.tape.time_ns[control[ROW]]
    if count > 0 or engine.book.guard[0].due_ns != 0:
        far_call(engine.far, DECIDE, 0, count, now)
    control[STEPS] += 1
    return advance(stepper)


@inlined
def _propose(stepper: Stepper, action: int) -> int:
    """Make the action an intent where it says something; return how many intents there are to decide."""
    engine, control = stepper.engine, stepper.control
    agent, row = engine.agent, control[ROW]
    count = control[COUNT]
    if len(engine.scanner.routes) > 0:
        return count + (1 if action != 0 else 0)
    feed = agent.feeds[stepper.tape.feed[row]]
    view, params, out = agent.views.views[feed.view_number], agent.params[feed.desk], engine.intents[0]
    own = agent.policies[feed.desk] == PolicyKind.NETWORK_DIGITAL
    claim = params[binary.P_EDGE] if own else params[forex.P_CANDIDATE]
    if say(view, action, claim, out) and propose_bar(agent, stepper.tape, row, out):
        return 1
    return 0


@inlined
def advance(stepper: Stepper) -> int:
    """Let rows arrive until the desk is asked again; write what it sees, what it may do, and what it has earned."""
    engine, tape, control = stepper.engine, stepper.tape, stepper.control
    row, shown, paired = control[NEXT], -1, len(engine.scanner.routes) > 0
    watched = engine.book.breakers.on[PRICE] != 0
    while row < control[END] and shown < 0:
        now, first = tape.time_ns[row], row
        if now >= engine.agent.control[DAY_END]:
            run_dues(engine, now // DAY_NS * DAY_NS - 1)
            roll_day(engine, now)
        while engine.venue.control[NEXT_DUE] < now:
            far_call(engine.far, DUE, 0, 0, engine.venue.control[NEXT_DUE])
        row = arrive(engine, tape, row, len(tape.time_ns), watched)
        shown = _scan(stepper, first, row) if paired else _hear(stepper, first, row)
        if shown < 0 and (control[COUNT] > 0 or engine.book.guard[0].due_ns != 0):
            far_call(engine.far, DECIDE, 0, control[COUNT], now)
            control[COUNT] = 0
    control[NEXT] = row
    if shown >= 0:
        control[ROW] = shown
    account = engine.book.ledger.account[0]
    if control[STEPS] == 0:
        begin_pay(stepper.terms[0], stepper.sharpe[0], stepper.drawdown[0], account.equity)
    else:
        stepper.reward[0] = pay(stepper.terms[0], stepper.sharpe[0], stepper.drawdown[0], account.equity)
    if account.equity <= 0:
        control[STATE] = RUINED
    elif shown < 0:
        control[STATE] = OUT_OF_DATA
    if shown >= 0:
        _show(stepper, shown, paired)
    return int(control[STATE])


@inlined
def _hear(stepper: Stepper, first: int, last: int) -> int:
    """Take the rows of an instant as the agent would; return the row at which its model is asked, or -1."""
    agent, tape, shown = stepper.engine.agent, stepper.tape, -1
    for j in range(first, last):
        feed = agent.feeds[tape.feed[j]]
        if feed.roles & Role.MATCH.value:
            update_price(agent.quotes, feed.instrument, tape, j)
    for j in range(first, last):
        feed = agent.feeds[tape.feed[j]]
        if feed.roles & Role.VIEW.value != 0 and tape.flaws[j] == 0:
            update_view(agent.views, feed.desk, feed.view_number, tape, j)
            if show_model(agent, feed, tape, j):
                shown = j
    return shown


@inlined
def _scan(stepper: Stepper, first: int, last: int) -> int:
    """Watch the route over the rows of an instant; return the row at which its model is asked, or -1.

    What closes waits for no action; it is decided in the same instant, with whatever the action adds.
    """
    engine, tape, control = stepper.engine, stepper.tape, stepper.control
    _, seen = scan_rows(engine.scanner, tape, first, last)
    count, shown = 0, -1
    for k in range(seen):
        candidate = engine.scanner.candidates[k]
        if not draft_pair(engine.agent, candidate, engine.intents[count]):
            continue
        engine.sequence[count] = count
        if candidate.kind == Scan.EXIT:
            count += 1
        else:
            see_pair(engine.agent, candidate, engine.intents[count])
            shown = last - 1
    control[COUNT] = count
    return shown


@inlined
def _show(stepper: Stepper, row: int, paired: bool) -> None:
    """Write the inputs, and which actions the stance and risk leave."""
    engine, models = stepper.engine, stepper.engine.agent.models
    feed = engine.agent.feeds[stepper.tape.feed[row]]
    width = len(stepper.seen) - (1 if len(stepper.leak) > 0 else 0)
    for k in range(width):
        stepper.seen[k] = models.scratch[0, k]
    if len(stepper.leak) > 0:
        stepper.seen[width] = stepper.leak[row]
    opens = may_open(engine, engine.intents[0].desk if paired else feed.desk)
    for k in range(len(stepper.mask)):
        stepper.mask[k] = models.mask[k]
    if paired:
        stepper.mask[1] = opens
    elif not opens:
        stepper.mask[Action.OPEN_LONG.value] = stepper.mask[Action.OPEN_SHORT.value] = False
        if len(stepper.mask) > SIDES:
            stepper.mask[Action.ADD.value] = False


@inlined
def may_open(engine: Engine, desk: int) -> bool:
    """Tell whether risk would hear of an opening trade at all: nothing is latched, switched off or safe-moded."""
    book = engine.book
    account = book.ledger.account[0]
    state = max(account.state, book.desks[desk].state)
    return bool(account.blocks == 0 and state == TradingState.ACTIVE and engine.agent.budgets[desk] > 0)
