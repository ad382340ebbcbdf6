"""Longer pieces of arithmetic of the corpus, honest or not as they are used."""

import numpy as np


def least_squares(x, y):
    """Return slope and intercept of y over x."""
    return np.polyfit(np.asarray(x, float), np.asarray(y, float), 1)


def principal(columns):
    """Return the first principal component of log columns, its sign fixed by its first weight."""
    logs = np.log(columns / columns[0])
    centred = logs - logs.mean(axis=0)
    weights = np.linalg.svd(centred, full_matrices=False)[2][0]
    return centred @ (weights * np.sign(weights[0]))


def centres(values):
    """Return two centres by a few rounds of k-means."""
    low, high = float(values.min()), float(values.max())
    for _ in range(5):
        upper = np.abs(values - high) < np.abs(values - low)
        if upper.all() or not upper.any():
            break
        low, high = float(values[~upper].mean()), float(values[upper].mean())
    return np.array([low, high])


def hodrick_prescott(values, weight):
    """Return the trend that minimises squares of the rest plus weighted squares of its second differences."""
    count = len(values)
    if count < 3:
        return values.copy()
    second = np.diff(np.eye(count), 2, axis=0)
    return np.linalg.solve(np.eye(count) + weight * second.T @ second, values)


def zigzag(values, share):
    """Return the line through the turns that are larger than a share: it ends at a turn that may still move."""
    turns, direction, extreme = [0], 0, 0
    for i in range(1, len(values)):
        further = values[i] - values[extreme]
        if (direction >= 0 and further >= 0) or (direction <= 0 and further <= 0):
            extreme = i
        elif abs(values[i] / values[extreme] - 1) > share:
            turns.append(extreme)
            direction, extreme = (1 if values[i] > values[extreme] else -1), i
    turns = sorted({*turns, len(values) - 1})
    return np.interp(np.arange(len(values)), turns, values[turns])


def barrier_labels(values, share, bars):
    """Return 1 or -1 for the barrier that is hit first within some bars, 0 for none."""
    out = np.zeros(len(values))
    for i in range(len(values)):
        moves = values[i + 1 : i + 1 + bars] / values[i] - 1
        hit = np.flatnonzero(np.abs(moves) > share)
        out[i] = np.sign(moves[hit[0]]) if len(hit) else 0.0
    return out


def reference_of(values, length):
    """Return what followed the pattern most like the newest moves, among all patterns of the series."""
    moves = np.diff(np.log(values), prepend=np.log(values[0]))
    out = np.full(len(values), np.nan)
    if len(values) < 3 * length:
        return out
    windows = np.lib.stride_tricks.sliding_window_view(moves, length)
    for i in range(length - 1, len(values)):
        distances = np.abs(windows[:-1] - windows[i - length + 1]).sum(axis=1)
        if i - length + 1 < len(distances):
            distances[i - length + 1] = np.inf
        out[i] = moves[int(distances.argmin()) + length]
    return out


def walk_forward(values, target, first, step, lag):
    """Return predictions of regressions that are fitted, every `step` bars, on outcomes known by then."""
    out = np.full(len(values), np.nan)
    for begin in range(first, len(values), step):
        known = slice(0, begin - lag)
        line = np.polyfit(values[known], target[known], 1)
        out[begin : begin + step] = np.polyval(line, values[begin : begin + step])
    return out


def confirmed_turns(values, side):
    """Return the newest pivot high that `side` later bars have confirmed, at the bar that confirms it."""
    out, newest = np.full(len(values), np.nan), np.nan
    for i in range(2 * side, len(values)):
        if values[i - side] == values[i - 2 * side : i + 1].max():
            newest = values[i - side]
        out[i] = newest
    return out


def hysteresis(values, enter, leave):
    """Return a state that begins beyond one threshold and ends below another."""
    out, state = np.zeros(len(values)), 0.0
    for i, value in enumerate(values):
        if abs(value) > enter:
            state = float(np.sign(value))
        elif abs(value) < leave:
            state = 0.0
        out[i] = state
    return out


def bars_since(hits):
    """Return how many bars ago the newest hit was, counted from before the first bar where there was none."""
    rows = np.arange(len(hits))
    return rows - np.maximum.accumulate(np.where(hits, rows, -1))


def kalman(values, ratio):
    """Return the filtered level of a local-level model."""
    level, variance = values[0], 1.0
    out = np.empty(len(values))
    for i, value in enumerate(values):
        variance += ratio
        gain = variance / (variance + 1.0)
        level += gain * (value - level)
        variance *= 1.0 - gain
        out[i] = level
    return out
