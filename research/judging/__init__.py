"""Judging: whether a candidate beats what anybody could have done instead, out of sample, after costs."""
