"""The gym: the loops over time, used by backtest, sweep and training alike."""
