"""The network of the kernel: what the trainer's network says within 1e-6, and refusals of what is no network."""

from typing import Any

import numpy as np
import pytest

from policies.network import LAYERS_MAX, WIDTH_MAX, Activation, forward, network_of, numbers_of, outputs_of

INPUTS, ACTIONS = 9, 5


def agent(algorithm: str, activation: str, net: list[int]) -> Any:
    """Return an agent of SB3 as it is made, its weights drawn anew and wider: a net at rest says next to nothing."""
    gymnasium = pytest.importorskip("gymnasium")
    torch = pytest.importorskip("torch")
    contrib = pytest.importorskip("sb3_contrib")
    import stable_baselines3 as sb3

    class Still(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (INPUTS,), np.float32)
        action_space = gymnasium.spaces.Discrete(ACTIONS)

        def action_masks(self) -> Any:
            return np.ones(ACTIONS, np.bool_)

    make = {"ppo": sb3.PPO, "dqn": sb3.DQN, "maskable_ppo": contrib.MaskablePPO}[algorithm]
    layers = {"net_arch": net, "activation_fn": getattr(torch.nn, activation)}
    made = make("MlpPolicy", Still(), policy_kwargs=layers, seed=3, device="cpu")
    with torch.no_grad():
        for one in made.policy.parameters():
            one.normal_(0.0, 0.4)
    return made


def said_by_torch(made: Any, rows: np.ndarray) -> np.ndarray:
    """Return the logits or values that SB3's own policy computes."""
    import torch

    policy, seen = made.policy, torch.as_tensor(rows)
    with torch.no_grad():
        if hasattr(policy, "q_net"):
            return np.asarray(policy.q_net(seen))
        latent = policy.mlp_extractor.forward_actor(policy.extract_features(seen, policy.pi_features_extractor))
        return np.asarray(policy.action_net(latent))


def said(network: np.ndarray, row: np.ndarray) -> np.ndarray:
    scratch = np.full((4, WIDTH_MAX), 7.0)  # what others have left there counts for nothing
    scratch[0, : len(row)] = row
    forward(network, scratch)
    return scratch[3, : outputs_of(network)].copy()


@pytest.mark.parametrize("activation", ["Tanh", "ReLU"])
@pytest.mark.parametrize(("algorithm", "net"), [("ppo", [64, 64]), ("maskable_ppo", [24, 16, 8]), ("dqn", [40])])
def test_the_kernel_says_what_the_trainers_network_says(algorithm: str, activation: str, net: list[int]) -> None:
    made = agent(algorithm, activation, net)
    from research.learning.export import layers_of

    network = network_of(*layers_of(made))
    rows = np.random.default_rng(5).normal(0.0, 2.0, (200, INPUTS)).astype(np.float32)
    theirs = said_by_torch(made, rows)
    ours = np.array([said(network, row) for row in rows])
    spread = float(np.abs(theirs).max())
    assert spread > 1.0
    np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=1e-6 * max(spread, 1.0))
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()


def test_a_network_that_is_no_chain_of_plain_layers_is_not_exported() -> None:
    made = agent("ppo", "ELU", [8])
    from research.learning.export import ExportError, layers_of

    with pytest.raises(ExportError, match="PPO: a layer ELU; Linear, Tanh, ReLU are allowed"):
        layers_of(made)
    with pytest.raises(ExportError, match="MlpPolicy"):
        layers_of(type("Odd", (), {"policy": object()})())


def test_a_forward_pass_is_what_its_formula_says() -> None:
    rng = np.random.default_rng(1)
    shapes = [(3, 4), (4, 2)]
    layers = [(rng.normal(size=shape), rng.normal(size=shape[1])) for shape in shapes]
    row = rng.normal(size=3)
    for activation, function in ((Activation.TANH, np.tanh), (Activation.RELU, lambda x: np.maximum(x, 0.0))):
        network = network_of(layers, activation)
        hidden = function(row @ layers[0][0] + layers[0][1])
        np.testing.assert_allclose(said(network, row), hidden @ layers[1][0] + layers[1][1], rtol=1e-12)
        assert (numbers_of(network), outputs_of(network)) == (len(network), 2)


def layer(inputs: int, units: int, value: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    return np.full((inputs, units), value), np.zeros(units)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([], "a network of 0 layers; 1 to 5 are allowed"),
        ([layer(2, 2)] * (LAYERS_MAX + 2), "a network of 6 layers; 1 to 5 are allowed"),
        ([layer(2, 3), layer(4, 1)], r"layer 1: weights \(4, 1\), expected \(3, 1\)"),
        ([layer(2, WIDTH_MAX + 1)], "layer 0: 2 by 257 units; 1 to 256 are allowed"),
        ([layer(2, 2, float("nan"))], "layer 0"),
        ([layer(2, 2, float("inf"))], "layer 0"),
    ],
)
def test_what_is_no_network_is_refused(layers: list[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        network_of(layers, Activation.TANH)
