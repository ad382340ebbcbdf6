"""Walk-forward study of votes on real bars: what claims were worth once calibrated, and what learned weights added."""
