"""Hearing: agents take market rows into their views and ask their policies. Compiled, used everywhere.

A proposal is made when the policy's view changes side or has held it long enough to be said again, not on every bar:
an agent does not know the book, so it must not repeat itself.

Rows are taken one by one, or, where one feed speaks alone for a while, as a stretch: the same updates, features first.
A chain (`policies.signals`) takes its bars one by one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded, inlined
from market.features import run_stretch
from market.quotes import update_price
from market.records import Record, Records
from market.tape import Role, Tape, any_flaw
from policies import binary, forex, sma_cross
from policies.genome import HOLD, genome_action
from policies.masks import ACTIONS, Action
from policies.models import SIDES, allowed, network_action, say, see
from policies.proposals import DAY_END, Agent, PolicyKind, propose_bar
from policies.signals.desk import hear_chain
from policies.signals.outcomes import CHANGES_MAX, WRITTEN
from policies.signals.sources import JUDGED_COUNT
from policies.stance import follow_stance
from policies.view import update_view

BLOCK: Final = 64
"""Bars that are looked at together for one on which something happens."""
SHORT: Final = 8
"""A stretch of fewer rows is taken row by row."""


@compiled
def hear_rows(agent: Agent, tape: Tape, begin: int, end: int, intents: Records, count: int) -> tuple[int, int]:
    """Take whole instants of rows [begin, end) into the views; write what is proposed from intents[count] on.

    Returns (row it came to, new count). It stops before an instant of a later day than its budgets are for, and
    before one that could overfill `intents`, or the chains' changes of standing.
    """
    row = begin
    end = begin + int(np.searchsorted(tape.time_ns[begin:end], agent.control[DAY_END]))
    changes = CHANGES_MAX - len(agent.feeds) * JUDGED_COUNT
    while row < end and count + len(agent.feeds) <= len(intents) and agent.chains.listener.control[WRITTEN] <= changes:
        last = stretch_end(agent, tape, row, min(end, row + len(intents) - count - len(agent.feeds)))
        if last - row >= SHORT:
            count = hear_stretch(agent, tape, row, last, intents, count)
            row = last
        else:
            row, count = hear_instant(agent, tape, row, end, intents, count)
    return row, count


@inlined
def hear_instant(agent: Agent, tape: Tape, row: int, end: int, intents: Records, count: int) -> tuple[int, int]:
    """Take all rows of one instant: prices first, then the bars; return (row behind them, new count)."""
    feeds = agent.feeds
    now = tape.time_ns[row]
    last = row
    while last < end and tape.time_ns[last] == now:
        feed = feeds[tape.feed[last]]
        if feed.roles & Role.MATCH.value:
            update_price(agent.quotes, feed.instrument, tape, last)
        last += 1
    for j in range(row, last):
        heard = feeds[tape.feed[j]].roles & Role.VIEW.value and tape.flaws[j] == 0
        if heard and hear_bar(agent, tape, j, intents[count]) and propose_bar(agent, tape, j, intents[count]):
            count += 1
    return last, count


@inlined
def hear_bar(agent: Agent, tape: Tape, row: int, out: Record) -> bool:
    """Take one closed bar into its view and ask the policy; True when it has something new to propose.

    Writes the opinion (votes, strength, confidence) to `out`; `propose_bar` makes it an intent.
    """
    feed = agent.feeds[tape.feed[row]]
    number = feed.view_number
    kind = agent.policies[feed.desk]
    view, features, params = agent.views.views[number], agent.views.features[number], agent.params[feed.desk]
    if kind == PolicyKind.CONFLUENCE:
        view.bars, view.time_ns = view.bars + 1, tape.time_ns[row]
        stands = hear_chain(agent.chains, number, feed.bar_ns, tape, row, features, out)
        return stands and _speaks(view, out, params[forex.P_CANDIDATE], params[forex.P_REARM])
    update_view(agent.views, feed.desk, number, tape, row)
    if kind >= PolicyKind.NETWORK:
        return hear_model(agent, feed, tape, row, out)
    if kind == PolicyKind.SMA_CROSS:
        before = view.last_side
        view.last_side = sma_cross.side_of(before, features[sma_cross.FAST], features[sma_cross.SLOW])
        out.strength, out.votes_count = view.last_side, 0
        return before != 0 and view.last_side != before
    return asked(view, kind, features, params, tape.close[row], out)


@compiled
def hear_model(agent: Agent, feed: Record, tape: Tape, row: int, out: Record) -> bool:
    """Ask a desk's model about a closed bar that its view has taken; True when it wants something."""
    view, kind, models = agent.views.views[feed.view_number], agent.policies[feed.desk], agent.models
    params = agent.params[feed.desk]
    if not show_model(agent, feed, tape, row):
        return False
    binary_desk = kind == PolicyKind.NETWORK_DIGITAL
    count = SIDES if binary_desk else ACTIONS
    if kind == PolicyKind.GENOME:
        features = agent.views.features[feed.view_number]
        wanted = genome_action(models.numbers[feed.desk], features, models.scratch[3], view.last_side)
        action = wanted if models.mask[wanted] else HOLD
    else:
        action = network_action(models, feed.desk, models.mask, count)
    return say(view, action, params[binary.P_EDGE] if binary_desk else params[forex.P_CANDIDATE], out)


@compiled
def show_model(agent: Agent, feed: Record, tape: Tape, row: int) -> bool:
    """Move the stance by a closed bar, write what is allowed and what the model sees; False: it sees nothing yet."""
    view, models = agent.views.views[feed.view_number], agent.models
    params = agent.params[feed.desk]
    follow_stance(view, tape, row)
    if agent.policies[feed.desk] == PolicyKind.NETWORK_DIGITAL:
        allowed(view, 0.0, params[binary.P_REARM], models.mask)
        models.mask[Action.CLOSE.value] = False  # a contract runs to its end
    else:
        allowed(view, params[forex.P_ADDS], params[forex.P_REARM], models.mask)
    features = agent.views.features[feed.view_number]
    return see(models, feed.desk, view, features, float(tape.close[row]), tape.time_ns[row])


@compiled
def stretch_end(agent: Agent, tape: Tape, row: int, end: int) -> int:
    """Return the end of the stretch that begins at a row: sound bars of one viewed feed, each an instant of its own."""
    number = tape.feed[row]
    feed = agent.feeds[number]
    if feed.roles & Role.VIEW.value == 0 or agent.policies[feed.desk] >= PolicyKind.CONFLUENCE:
        return row
    end = min(end, row + agent.views.ahead.shape[1])
    times, feeds, flaws = tape.time_ns[row:end], tape.feed[row:end], tape.flaws[row:end]
    if len(times) == 0 or flaws[0] != 0:
        return row
    length = unbroken(times, feeds, flaws, number, 1, min(SHORT, len(times)))
    if length == SHORT:
        length = unbroken(times, feeds, flaws, number, SHORT, len(times))
    last = row + length
    if last < len(tape.time_ns) and tape.time_ns[last] == times[length - 1]:
        last -= 1  # it shares its instant with the next row
    return last


@inlined
def unbroken(
    times: NDArray[np.int64], feeds: NDArray[np.int64], flaws: NDArray[np.uint8], number: int, begin: int, end: int
) -> int:
    """Return the first row of [begin, end) that is of another feed, flawed, or not later than the one before; or end.

    Blocks without a branch per row first, then the rest row by row.
    """
    while begin + BLOCK <= end:
        foreign = early = 0
        after, before = times[begin : begin + BLOCK], times[begin - 1 : begin - 1 + BLOCK]
        its_feeds, its_flaws = feeds[begin : begin + BLOCK], flaws[begin : begin + BLOCK]
        for i in range(BLOCK):
            foreign |= its_feeds[i] ^ number
        for i in range(BLOCK):
            early |= int(after[i] <= before[i])
        if foreign != 0 or early != 0 or any_flaw(its_flaws):
            break
        begin += BLOCK
    while begin < end and feeds[begin] == number and flaws[begin] == 0 and times[begin] > times[begin - 1]:
        begin += 1
    return begin


@folded
def hear_stretch(agent: Agent, tape: Tape, begin: int, end: int, intents: Records, count: int) -> int:
    """Take a stretch of rows; return the new count of intents. As `hear_instant` row by row would have it."""
    views, feed = agent.views, agent.feeds[tape.feed[begin]]
    number, kind = feed.view_number, agent.policies[feed.desk]
    first, width = views.spans[feed.desk, 0], views.spans[feed.desk, 1]
    run_stretch(views.program[first : first + width], views.state[number], tape, begin, end, views.ahead)
    view, features = views.views[number], views.features[number]
    bars = view.bars - begin + 1
    row = begin
    while row < end:
        out = intents[count]
        if kind == PolicyKind.SMA_CROSS:
            row = begin + next_cross(views.ahead, row - begin, end - begin, view)
            if row == end:
                break
            out.strength, out.votes_count = view.last_side, 0
            speaks = True
        else:
            _show(views.ahead, row - begin, width, features)
            view.bars = bars + row
            speaks = asked(view, kind, features, agent.params[feed.desk], tape.close[row], out)
        if speaks:
            _show(views.ahead, row - begin, width, features)
            if feed.roles & Role.MATCH.value:
                update_price(agent.quotes, feed.instrument, tape, row)
            count += propose_bar(agent, tape, row, out)
        row += 1
    view.bars, view.time_ns = bars + end - 1, tape.time_ns[end - 1]
    _show(views.ahead, end - begin - 1, width, features)
    if feed.roles & Role.MATCH.value:
        update_price(agent.quotes, feed.instrument, tape, end - 1)
    return count


@compiled
def next_cross(ahead: NDArray[np.float64], at: int, end: int, view: Record) -> int:
    """Return the next bar of a stretch, from `at` on, on which the averages change sides; `end` for none.

    Moves the side that the view is on.
    """
    fasts, slows = ahead[sma_cross.FAST, at:end], ahead[sma_cross.SLOW, at:end]
    side = view.last_side
    for i in range(quiet_bars(fasts, slows, side), len(fasts)):
        before = side
        side = sma_cross.side_of(before, fasts[i], slows[i])
        if side != before and before != 0:
            view.last_side = side
            return at + i
    view.last_side = side
    return end


@inlined
def quiet_bars(fasts: NDArray[np.float64], slows: NDArray[np.float64], side: int) -> int:
    """Return a number of bars, in whole blocks, on which the averages stay on a side: without a branch per bar."""
    quiet = 0
    while side != 0 and quiet + BLOCK <= len(fasts):
        turned = 0
        for i in range(BLOCK):
            fast, slow = fasts[quiet + i], slows[quiet + i]
            turned |= (fast < slow) if side > 0 else (fast > slow)
        if turned:
            break
        quiet += BLOCK
    return quiet


@inlined
def _show(ahead: NDArray[np.float64], at: int, width: int, features: NDArray[np.float64]) -> None:
    """Let a view show its features as they are at one row of a stretch."""
    for k in range(width):
        features[k] = ahead[k, at]


@compiled
def asked(
    view: Record, kind: int, features: NDArray[np.float64], params: NDArray[np.float64], close: float, out: Record
) -> bool:
    """Ask a policy that forms its opinion on every bar; True when it is strong enough and new."""
    if kind == PolicyKind.TREND_REVERSION:
        if not forex.trend_reversion(features, params, close, out):
            return False
        return _speaks(view, out, params[forex.P_CANDIDATE], params[forex.P_REARM])
    if not binary.drifting_digital(features, params, close, out):
        return False
    return _speaks(view, out, 0.5 + params[binary.P_EDGE], params[binary.P_REARM])


@compiled
def _speaks(view: Record, out: Record, confidence_min: float, rearm_bars: float) -> bool:
    """Tell whether the opinion is strong enough to be proposed, and new: another side, or said long enough ago."""
    side = 1 if out.strength > 0.0 else -1
    if out.confidence < confidence_min or out.strength == 0.0:
        return False
    if view.last_side == side and view.bars - view.last_bar < rearm_bars:
        return False
    view.last_side, view.last_bar = side, view.bars
    return True
