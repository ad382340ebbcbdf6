"""Columns: what a study says of every row, as arrays that can be compared whatever they hold."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
"""Name -> one value per row: float64 with NaN for nothing, or objects (texts) with None for nothing."""

EXACT_MAX: Final = 2**53
"""Whole numbers beyond this are compared as texts: a float would make several of them equal."""

KINDS_OF_NUMBERS: Final = "biuf"


class ShapeError(ValueError):
    """What a study returned is no column of its data; one line says what came and what is allowed."""


def as_columns(result: Any, rows: int) -> dict[str, NDArray[Any]]:
    """Return a function's result as columns of `rows` values; ShapeError when it is none.

    Allowed are an array (rows,) or (rows, columns), a pandas Series or DataFrame, or a mapping of names to arrays.
    """
    if isinstance(result, Mapping) or hasattr(result, "columns"):
        named = {str(name): result[name] for name in result}
    else:
        array = _array(result)
        if array.ndim == 2:
            named = {f"signal[{k}]": array[:, k] for k in range(array.shape[1])}
        else:
            named = {"signal": array}
    if not named:
        raise ShapeError("no column was returned; one value per row of bars is allowed")
    return {name: _column(name, values, rows) for name, values in named.items()}


def _column(name: str, values: Any, rows: int) -> NDArray[Any]:
    array = _array(values)
    if array.ndim != 1 or len(array) != rows:
        shape = " x ".join(map(str, array.shape)) or "one"
        raise ShapeError(f"column {name!r} has {shape} values; one per row of bars is allowed, that is {rows}")
    if array.dtype.kind in KINDS_OF_NUMBERS:
        whole = array.dtype.kind in "iu" and len(array) > 0 and int(np.abs(array.astype(object)).max()) > EXACT_MAX
        return _objects(array) if whole else array.astype(np.float64)
    if array.dtype.kind == "O":
        try:
            return np.array([np.nan if value is None else value for value in array], np.float64)
        except (TypeError, ValueError):
            return _objects(array)
    return _objects(array)


def _array(values: Any) -> NDArray[Any]:
    to_numpy = getattr(values, "to_numpy", None)
    return np.asarray(values if to_numpy is None else to_numpy())


def _objects(array: NDArray[Any]) -> NDArray[Any]:
    out = np.empty(len(array), object)
    out[:] = [None if _missing(value) else str(value) for value in array]
    return out


def _missing(value: Any) -> bool:
    return value is None or bool(value != value)  # noqa: PLR0124 - NaN, NaT and NA alike


def missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which rows hold no value."""
    if column.dtype.kind == "f":
        return np.isnan(column)
    return np.array([value is None for value in column], np.bool_)


def scale_of(column: NDArray[Any]) -> float:
    """Return the mean size of a column's finite values, 0 where there is none: differences are measured by it."""
    if column.dtype.kind != "f":
        return 0.0
    finite = np.abs(column[np.isfinite(column)])
    return float(finite.mean()) if len(finite) else 0.0


def differing(known: NDArray[Any], whole: NDArray[Any], tolerance: float, scale: float) -> NDArray[np.bool_]:
    """Tell where two columns of one length differ by more than tolerance * max(|a|, |b|, scale); NaN equals NaN."""
    if known.dtype.kind != "f" or whole.dtype.kind != "f":
        pairs = zip(_plain(known), _plain(whole), strict=True)
        return np.array([one != other for one, other in pairs], np.bool_)
    same = (known == whole) | (np.isnan(known) & np.isnan(whole))
    if tolerance > 0.0:
        with np.errstate(invalid="ignore", over="ignore"):
            size = np.maximum(np.maximum(np.abs(known), np.abs(whole)), scale)
            same |= np.isfinite(known) & np.isfinite(whole) & (np.abs(known - whole) <= tolerance * size)
    return np.asarray(~same)


def _plain(column: NDArray[Any]) -> list[Any]:
    if column.dtype.kind != "f":
        return list(column)
    return [None if np.isnan(value) else str(float(value)) for value in column]


def shown(column: NDArray[Any] | None, row: int) -> float | str | None:
    """Return one value for people and for JSON: a finite number, a text, or None for nothing."""
    if column is None:
        return None
    value = column[row]
    if column.dtype.kind == "f":
        return float(value) if np.isfinite(value) else (None if np.isnan(value) else str(float(value)))
    return None if value is None else str(value)
