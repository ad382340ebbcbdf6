"""Benchmarks: commands that print ratios against a stated limit, taken in one run. Never tests, never installed."""
