"""Profiles: named sets of limits, read from files, laid over each other, and combined by the most restrictive.

Desks' limits and gates of several profiles become one set, key by key. Account rules stay those of their profile: each
keeps its own calendar, and the least room wins. A profile that extends another may tighten it and never loosen it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from research.config_accounts import Guard, Objectives
from research.config_base import Section
from research.config_sections import AccountProfile, Profile, ProfileFile
from research.configuration import (
    SUFFIXES,
    ConfigurationError,
    checked,
    laid_over,
    packaged,
    read_values,
    refuse_retired,
    shown,
)
from research.strictness import direction_of, is_tighter

DESK_SECTIONS: Final = ("limits", "levels", "arbitrage", "forex", "binary")
ACCOUNT_SECTIONS: Final = ("firm", "objectives", "guard", "crypto", "portfolio")
LIMITS_WITHOUT: Final = "research"
GATES_WITHOUT: Final = "trifecta"
"""Where no active profile says what desks may do: wide limits, for the account's own rules bind, and these gates."""


def load_profile(names: str) -> Profile:
    """Read profiles by name, or by the path of a TOML or YAML file, several with commas between; combine them."""
    wanted = [name.strip() for name in names.split(",")]
    files = [read_profile(name) for name in dict.fromkeys(wanted)]
    desks = [file for file in files if file.limits is not None]
    wide = all(file.controls == "wide" for file in files)
    values = {
        "name": "+".join(file.name for file in files), "day_time_zone": "UTC",
        "controls": "wide" if wide else "configured",
    }  # fmt: skip
    if desks:
        values |= combined([_desk_values(file) for file in desks], [file.name for file in desks])
    else:
        values |= _desk_values(read_profile(GATES_WITHOUT))
        values["limits"] = _desk_values(read_profile(LIMITS_WITHOUT))["limits"]
    profile = Profile.model_validate(values)
    return profile.model_copy(update={"accounts": tuple(filter(None, map(_account, files)))})


def read_profile(name: str, folder: Path | None = None, above: tuple[Path, ...] = ()) -> ProfileFile:
    """Read one profile with what it extends; ConfigurationError names file, key, value and what is allowed.

    A relative path in a file is relative to it.
    """
    path = _path_of(name, folder)
    if path in above:
        raise ConfigurationError(f"{path}: extends = {shown(name)}: a profile that does not extend this one is allowed")
    own = read_values(path)
    refuse_retired(path, own)
    below = own.get("extends")
    if not isinstance(below, str) or not below:
        return _complete(checked(ProfileFile, own, str(path)), path)
    base = read_profile(below, path.parent, (*above, path))
    values = laid_over(base.model_dump(mode="json", exclude_none=True), own)
    file = _complete(checked(ProfileFile, values, str(path)), path)
    _refuse_looser(path, file, base)
    return file


def _path_of(name: str, folder: Path | None) -> Path:
    if Path(name).suffix in SUFFIXES:
        return folder / name if folder is not None else Path(name)
    path = packaged("profiles", f"{name}.toml")
    if "/" in name or not path.is_file():
        known = sorted(found.stem for found in packaged("profiles").glob("*.toml"))
        raise ConfigurationError(
            f"profile {name!r} is unknown; known are {', '.join(known)}, or the path of a .toml or .yaml file"
        )
    return path


def _complete(file: ProfileFile, path: Path) -> ProfileFile:
    """Refuse a profile that asks for nothing, or has some sections of the desks and not all of them."""
    missing = [name for name in DESK_SECTIONS if getattr(file, name) is None]
    if missing and len(missing) < len(DESK_SECTIONS):
        raise ConfigurationError(f"{path}: {missing[0]} is missing; {', '.join(DESK_SECTIONS)} stand together")
    if missing and all(getattr(file, name) is None for name in ACCOUNT_SECTIONS):
        raise ConfigurationError(
            f"{path}: it has no rules; {' or '.join((*DESK_SECTIONS, *ACCOUNT_SECTIONS))} is allowed"
        )
    return file


def _refuse_looser(path: Path, file: ProfileFile, base: ProfileFile) -> None:
    below = dict(leaves(_account_complete(base)))
    for key, value in leaves(_account_complete(file)):
        if not is_tighter(key, value, below.get(key)):
            allowed = direction_of(key)[1].format(shown(below[key]))
            raise ConfigurationError(
                f"{path}: {key} = {shown(value)} is looser than profile {base.name} has it: {allowed} is allowed"
            )


def _account_complete(file: ProfileFile) -> ProfileFile:
    """Return a profile with the values that its account rules have where it does not state them."""
    if file.firm is None and file.crypto is None:
        return file
    return file.model_copy(
        update={"guard": file.guard or Guard(), "objectives": file.objectives or Objectives()}
    )  # fmt: skip


def leaves(section: Section, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a section and of those below it with its dotted key; sections that are None are left out."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from leaves(value, f"{where}{name}.")
        elif value is not None or where:
            yield f"{where}{name}", value


def combined(parts: Sequence[Mapping[str, Any]], names: Sequence[str], where: str = "") -> dict[str, Any]:
    """Return the tightest value of every key; ConfigurationError where two values cannot be compared."""
    found: dict[str, Any] = dict(parts[0])
    origin = dict.fromkeys(found, names[0])
    for part, name in zip(parts[1:], names[1:], strict=True):
        for key, value in part.items():
            here = found.get(key)
            if isinstance(value, Mapping) and isinstance(here, Mapping):
                found[key] = combined([here, value], [origin[key], name], f"{where}{key}.")
            elif is_tighter(f"{where}{key}", value, here):
                found[key], origin[key] = value, name
            elif not is_tighter(f"{where}{key}", here, value):
                raise ConfigurationError(
                    f"profiles {origin[key]} and {name}: {where}{key} = {shown(here)} and {shown(value)}: neither is "
                    "tighter, so the same value in both is allowed"
                )
    return found


def _desk_values(file: ProfileFile) -> dict[str, Any]:
    return {name: getattr(file, name).model_dump() for name in DESK_SECTIONS}


def _account(file: ProfileFile) -> AccountProfile | None:
    timed = file.objectives is not None and file.objectives.minds_the_time
    if file.firm is None and file.crypto is None and file.portfolio is None and not timed:
        return None
    full = _account_complete(file)
    return AccountProfile(name=file.name, **{name: getattr(full, name) for name in ACCOUNT_SECTIONS})
