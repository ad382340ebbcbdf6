"""Signals: the chain from closed bars to a calibrated opinion that explains itself; see `policies.signals.chain`."""
