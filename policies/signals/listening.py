"""Listeners: a chain with the structure that it reads, as everybody else has it.

A listener shows what was said, and takes rows by a far call (`market.far_calls`): the chain is compiled once, for the
agents of a session, for a backtest, a scan and a series alike, and an agent does not carry its seventy arrays along.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import load_row
from market.compiled import compiled
from market.far_calls import far_call, handle_of, loaded
from market.records import Records, records
from market.structure import Structure
from market.tape import Int64, Tape, owned
from policies.signals.chain import Chain, step_chain, write_interval
from policies.signals.record import SIGNAL
from policies.signals.rule import ChainRule

Floats = NDArray[np.float64]

STEP, INTERVAL = 0, 1
"""What a listener is asked to do: take the row in `row`, or write the interval of the newest opinion."""


class Listener(NamedTuple):
    """What a chain over instruments shows: shapes as in `Chain` and `Structure`, whose memory it is.

    `row` is where the next row is put, `features` (instruments, timeframes, width), `changes` are changes of standing,
    `control` how many of them are written.
    """

    handle: Int64
    row: Records
    signals: Records
    votes: Floats
    weights: Floats
    features: Floats
    changes: Records
    control: Int64


class Heard(NamedTuple):
    """The whole state behind a listener."""

    structure: Structure
    chain: Chain
    rule: ChainRule


def listen(structure: Structure, chain: Chain, rule: ChainRule) -> Listener:
    """Return the listener of a chain and the structure that it reads."""
    handle = handle_of(Heard(structure, chain, rule), _enter)
    learning = chain.learning
    return Listener(
        handle, structure.builder.row, chain.signals, chain.votes, chain.weights, structure.features,
        learning.changes, learning.control,
    )  # fmt: skip


@compiled
def take_row(listener: Listener, instrument: int) -> bool:
    """Take the row in `row` as an instrument's; True when there is a new opinion in `signals[instrument]`."""
    return far_call(listener.handle, STEP, instrument, 0, 0) != 0


@compiled
def show_interval(listener: Listener, instrument: int) -> None:
    """Write the interval of an instrument's newest opinion to it."""
    far_call(listener.handle, INTERVAL, instrument, 0, 0)


@compiled
def take_bars(listener: Listener, instrument: int, bars: Records) -> None:
    """Take closed bars of the first timeframe one after the other."""
    for i in range(len(bars)):
        listener.row[0] = bars[i]
        take_row(listener, instrument)


@compiled
def take_one_each(listener: Listener, bars: Records) -> int:
    """Take one closed bar of every instrument, row i that of instrument i; return how many have a new opinion."""
    news = 0
    for i in range(len(bars)):
        listener.row[0] = bars[i]
        if take_row(listener, i):
            news += 1
    return news


@compiled
def _take_series(listener: Listener, tape: Tape, bar_ns: int, out: Records, votes: Floats) -> int:
    said = 0
    for i in range(len(tape.time_ns)):
        load_row(tape, i, bar_ns, listener.row[0])
        if take_row(listener, 0):
            out[said] = listener.signals[0]
            for v in range(votes.shape[1]):
                votes[said, v] = listener.votes[0, v]
            said += 1
    return said


class Opinions(NamedTuple):
    """What a chain said at every closed bar of a series: rows of `SIGNAL`, and the votes [bars, votes]."""

    signals: Records
    votes: Floats


def opinions_of(listener: Listener, tape: Tape, bar_ns: int) -> Opinions:
    """Return what a chain says at every closed bar of one feed, instrument 0; `bar_ns`: length of the tape's bars."""
    rows = len(tape.time_ns)
    out, votes = records(rows, SIGNAL), np.full((rows, listener.votes.shape[1]), math.nan)
    said = int(_take_series(listener, owned(tape), bar_ns, out, votes))
    return Opinions(out[:said], votes[:said])


def _enter(address: Heard, asked: int, instrument: int, _second: int, _third: int) -> int:
    """Do what a listener asks for; 2 where there is a new opinion."""
    heard = loaded(address)
    if asked == INTERVAL:
        write_interval(heard.chain, instrument, heard.rule)
        return 1
    taken = heard.structure.builder.row[0]
    return 2 if step_chain(heard.chain, heard.structure, instrument, taken, heard.rule) else 1
