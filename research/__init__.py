"""The workshop: data catalogue, backtest, sweeps, metrics and reports."""
