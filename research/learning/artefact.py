"""Artefacts: a trained agent as canonical JSON, in a file whose name is the SHA-256 of its bytes. No pickle, no torch.

It holds what the kernel needs (features, observer, network) and what a person needs to judge it: how it was trained, on
which files, by which code, what it made on the parts it has not been trained on.
"""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from policies.catalogue import policy_named
from policies.intents import DeskKind
from policies.model_plans import check_model
from policies.plan import ModelPlan
from research.hashed import read_hashed, save_hashed
from research.learning.spec import TrainSpec
from research.params import DataFile
from research.scores import Score

VERSION: Final = 1
SHORT: Final = 12
"""Characters of a hash that people see; a prefix of at least four names an artefact."""


class ArtefactError(ValueError):
    """An artefact cannot be used; the message names it and what is wrong."""


class Span(Struct, frozen=True, kw_only=True):
    """A part of one market: its first and last row's time, and what the agent made of it."""

    market: str
    first_ns: int
    last_ns: int
    score: Score


class Artefact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trained agent. `numbers` is the network as the kernel reads it, `chunk` the training's chunk it is from."""

    version: int = VERSION
    desk: str
    policy: str
    features: tuple[str, ...]
    observer: tuple[float, ...]
    numbers: tuple[float, ...]
    params: dict[str, float]
    spec: TrainSpec
    seed: int
    chunk: int
    data: tuple[DataFile, ...]
    plans: dict[str, str]
    revision: str
    libraries: dict[str, str]
    validation: tuple[Span, ...]
    test: tuple[Span, ...]

    @property
    def kind(self) -> DeskKind:
        """The desk it is for."""
        return DeskKind[self.desk.upper()]


def model_of(artefact: Artefact, sha256: str, desk: int = 0, *, shadow: bool = False) -> ModelPlan:
    """Return what a plan carries of an artefact."""
    return ModelPlan(
        desk=desk, sha256=sha256, features=artefact.features, observer=artefact.observer, numbers=artefact.numbers,
        shadow=shadow,
    )  # fmt: skip


def save_artefact(folder: Path, artefact: Artefact) -> Path:
    """Write an artefact below `folder`, named by its hash; return the path. The same one is the same file."""
    return save_hashed(folder, artefact)


def load_artefact(path: Path) -> tuple[str, Artefact]:
    """Read an artefact; return (its hash, it). ArtefactError: the bytes are not what its name says, or no model."""
    found, content = read_hashed(path, ArtefactError)
    try:
        artefact = msgspec.json.decode(content, type=Artefact)
        if artefact.version != VERSION:
            raise ArtefactError(f"{path}: version {artefact.version}; this program reads version {VERSION}")
        spec = policy_named(artefact.policy)
        check_model(spec.kind, artefact.kind, model_of(artefact, found))
    except (msgspec.MsgspecError, KeyError) as error:
        raise ArtefactError(f"{path}: not a trained agent ({error})") from error
    if not (np.isfinite(artefact.numbers).all() and np.isfinite(artefact.observer).all()):
        raise ArtefactError(f"{path}: a number of it is not finite")
    return found, artefact


def find_artefact(folder: Path, name: str) -> Path:
    """Return the artefact of a hash or of its beginning, or a path; ArtefactError says what there is instead."""
    if name.endswith(".json"):
        return Path(name)
    if len(name) < 4 or not all(c in "0123456789abcdef" for c in name):
        raise ArtefactError(f"{name}: a path, or at least four digits of an artefact's SHA-256, is allowed")
    found = sorted(folder.glob(f"{name}*.json"))
    if len(found) != 1:
        there = ", ".join(sorted(path.stem[:SHORT] for path in folder.glob("*.json"))) or "none"
        raise ArtefactError(f"{name}: {len(found)} artefacts in {folder} begin so; there are {there}")
    return found[0]
