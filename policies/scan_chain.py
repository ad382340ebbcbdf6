"""The chain over closed bars, for a scan: one instrument's bars from the first to the newest, or one bar of each."""

from market.compiled import compiled
from market.records import Records
from market.structure import Structure
from policies.signals.chain import Chain, step_chain
from policies.signals.rule import ChainRule


@compiled
def run_bars(chain: Chain, structure: Structure, instrument: int, bars: Records, rule: ChainRule) -> None:
    """Take closed bars of the first timeframe one after the other; the newest opinion is in `chain.signals`."""
    for i in range(len(bars)):
        step_chain(chain, structure, instrument, bars[i], rule)


@compiled
def run_instruments(chain: Chain, structure: Structure, bars: Records, rule: ChainRule) -> int:
    """Take one closed bar of every instrument, row i that of instrument i; return how many have a new opinion."""
    news = 0
    for i in range(len(bars)):
        if step_chain(chain, structure, i, bars[i], rule):
            news += 1
    return news
