"""From a trainer's network to the kernel's: the layers between an observation and the actions, as plain arrays."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.network import Activation

Layer = tuple[NDArray[np.float64], NDArray[np.float64]]


class ExportError(ValueError):
    """A trained agent that the kernel cannot run; the message says what it would have to be."""


class Layers(NamedTuple):
    """Weights [inputs, units] and bias [units] of every layer, and what is applied behind all but the last."""

    layers: tuple[Layer, ...]
    activation: Activation


def layers_of(agent: Any) -> Layers:
    """Return the network from observation to action logits (PPO, MaskablePPO) or values (DQN).

    ExportError: the agent has another kind of network.
    """
    import torch

    policy = agent.policy
    if hasattr(policy, "q_net"):
        parts = list(policy.q_net.q_net)
    elif hasattr(policy, "action_net") and hasattr(policy, "mlp_extractor"):
        parts = [*policy.mlp_extractor.policy_net, policy.action_net]
    else:
        raise ExportError(f"{type(agent).__name__}: a network of plain layers (MlpPolicy) is allowed")
    layers, activations = [], set()
    for part in parts:
        if isinstance(part, torch.nn.Linear):
            weight, bias = part.weight.detach().cpu().numpy(), part.bias.detach().cpu().numpy()
            layers.append((np.ascontiguousarray(weight.T, np.float64), np.asarray(bias, np.float64)))
        elif isinstance(part, torch.nn.Tanh | torch.nn.ReLU):
            activations.add(Activation.TANH if isinstance(part, torch.nn.Tanh) else Activation.RELU)
        else:
            raise ExportError(f"{type(agent).__name__}: a layer {type(part).__name__}; Linear, Tanh, ReLU are allowed")
    if len(activations) > 1:
        raise ExportError(f"{type(agent).__name__}: Tanh and ReLU in one network; one of them is allowed")
    return Layers(tuple(layers), activations.pop() if activations else Activation.TANH)
