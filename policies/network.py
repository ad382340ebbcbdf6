"""The network: the forward pass of a trained multilayer perceptron, part of the kernel; nothing of its trainer here.

Weights are stored input by input, so that a layer is a sum of rows, in one order everywhere: the same bits in training
environments, in a backtest and live. Against the trainer's own arithmetic (float32) it is held to 1e-6 by a test.
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled

Floats = NDArray[np.float64]

LAYERS_MAX: Final = 4
WIDTH_MAX: Final = 256
"""Units of a layer at most, and hidden layers: what a decision may take microseconds for."""


class Activation(IntEnum):
    """What is applied behind a hidden layer."""

    TANH = 0
    RELU = 1


INPUTS, LAYERS, ACTIVATION, SIZES = range(4)
"""Places of a coded network: inputs, layers with the last one, activation, then the units of each layer."""


def network_of(layers: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]], activation: Activation) -> Floats:
    """Return a network's numbers for the kernel: per layer a weight [inputs, units] and a bias [units].

    ValueError where shapes do not follow each other, a number is not finite, or the network is too large.
    """
    if not 1 <= len(layers) <= LAYERS_MAX + 1:
        raise ValueError(f"a network of {len(layers)} layers; 1 to {LAYERS_MAX + 1} are allowed")
    inputs = layers[0][0].shape[0]
    width, parts = inputs, [np.array([inputs, len(layers), activation, *(len(bias) for _, bias in layers)], np.float64)]
    for number, (weight, bias) in enumerate(layers):
        if weight.shape != (width, len(bias)):
            raise ValueError(f"layer {number}: weights {weight.shape}, expected {(width, len(bias))}")
        if not 1 <= len(bias) <= WIDTH_MAX or not 1 <= width <= WIDTH_MAX:
            raise ValueError(f"layer {number}: {width} by {len(bias)} units; 1 to {WIDTH_MAX} are allowed")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError(f"layer {number}: a weight is not finite")
        parts += [np.asarray(weight, np.float64).ravel(), np.asarray(bias, np.float64)]
        width = len(bias)
    return np.concatenate(parts)


def numbers_of(network: Floats) -> int:
    """Return how many numbers a network has by what its head says."""
    layers = int(network[LAYERS])
    widths = [int(network[INPUTS]), *map(int, network[SIZES : SIZES + layers])]
    return SIZES + layers + sum((a + 1) * b for a, b in pairwise(widths))


@compiled
def outputs_of(network: Floats) -> int:
    """Return how many actions a network has."""
    return int(network[SIZES + int(network[LAYERS]) - 1])


@compiled
def forward(network: Floats, scratch: Floats) -> None:
    """Run the network on the inputs in scratch[0]; the outputs (logits) are left in scratch[3].

    `scratch` is [4, widest layer]: rows 1 and 2 are used in between.
    """
    layers = int(network[LAYERS])
    tanh = int(network[ACTIVATION]) == Activation.TANH
    width, at, row = int(network[INPUTS]), SIZES + layers, 0
    for number in range(layers):
        units = int(network[SIZES + number])
        last = number == layers - 1
        into = 3 if last else 1 + number % 2
        _layer(network, at, scratch[row], width, scratch[into], units)
        if not last:
            _activate(scratch[into], units, tanh)
        at += (width + 1) * units
        width, row = units, into


@compiled
def _layer(network: Floats, at: int, inputs: Floats, width: int, out: Floats, units: int) -> None:
    """Write bias + inputs @ weights to `out`."""
    bias = network[at + width * units : at + (width + 1) * units]
    for j in range(units):
        out[j] = bias[j]
    for i in range(width):
        weights, value = network[at + i * units : at + (i + 1) * units], inputs[i]
        for j in range(units):
            out[j] += value * weights[j]


@compiled
def _activate(values: Floats, units: int, tanh: bool) -> None:
    """Apply the activation in place."""
    for j in range(units):
        values[j] = math.tanh(values[j]) if tanh else max(values[j], 0.0)
