"""Params on disk: the best set of a sweep as canonical JSON, in a file whose name is the SHA-256 of its bytes."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from market.tape import Tape
from policies.catalogue import params_of, policy_named
from research.hashed import read_hashed, save_hashed

VERSION: Final = 1


class ParamsError(ValueError):
    """A file of parameters cannot be used; the message names it and what is wrong."""


class DataFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of market data that the parameters were chosen on."""

    path: str
    sha256: str
    rows: int


class ParamsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a policy, and how they came to be chosen: the best of so many sets by which metric, on what.

    `plan_hash` stands for instruments, costs and limits; first and last are the times of the rows they were chosen on.
    """

    version: int = VERSION
    policy: str
    params: dict[str, float]
    metric: str
    value: float
    sets: int
    symbols: tuple[str, ...]
    first_ns: int
    last_ns: int
    data: tuple[DataFile, ...]
    plan_hash: str
    revision: str


def save_params(folder: Path, params: ParamsFile) -> Path:
    """Write parameters below `folder`, named by their hash; return the path. The same ones are the same file."""
    return save_hashed(folder, params)


def load_params(path: Path) -> ParamsFile:
    """Read parameters; ParamsError when the bytes are not what the name says, or this program cannot use them."""
    _, content = read_hashed(path, ParamsError)
    try:
        params = msgspec.json.decode(content, type=ParamsFile)
    except msgspec.MsgspecError as error:
        raise ParamsError(f"{path}: not a file of parameters ({error})") from error
    if params.version != VERSION:
        raise ParamsError(f"{path}: version {params.version}; this program reads version {VERSION}")
    spec = policy_named(params.policy)
    missing = [bound.name for bound in spec.params if bound.name not in params.params]
    if missing:
        raise ParamsError(f"{path}: {', '.join(missing)} missing; policy {spec.name} has got more parameters since")
    params_of(spec, params.params)
    return params


def chosen_on(params: ParamsFile, data: tuple[tuple[str, str, int], ...], tape: Tape) -> bool:
    """Tell whether a tape shares rows with those that the parameters were chosen on: its result is in-sample then."""
    if not len(tape.time_ns) or not {sha256 for _, sha256, _ in data} & {file.sha256 for file in params.data}:
        return False
    return int(tape.time_ns[0]) <= params.last_ns and int(tape.time_ns[-1]) >= params.first_ns
