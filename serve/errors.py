"""Errors: one shape for all of them, `{"error": {"code", "message", "field"}}`, and one clear line in each."""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from serve.models import QUERY, ErrorAnswer, ErrorBody, ProposalRequest, ProposedLeg, allowed_values

CODES: Final[Mapping[int, str]] = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
VALUE_LENGTH_MAX: Final = 80


class ApiError(Exception):
    """A request that cannot be answered: HTTP status, code, one line, and the field it is about."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field


class InvalidFieldError(ApiError):
    """A field whose value is not allowed (422)."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(422, "invalid_field", f"{field} = {shown(value)}: {allowed}", field)


class UnavailableError(ApiError):
    """Somebody who would have to answer does not (503)."""

    def __init__(self, message: str) -> None:
        super().__init__(503, "unavailable", message)


def shown(value: object) -> str:
    """Return a value as it may stand in a line: JSON-like, short, without line breaks."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = " ".join(repr(value).split())
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}..."


def install_handlers(api: FastAPI) -> None:
    """Make every error of an application come out in the one shape."""

    async def known(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return _answer(error.status, error.code, error.message, error.field)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        code, message, field = explained(error.errors())
        return _answer(422, code, message, field)

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _answer(error.status_code, CODES.get(error.status_code, "refused"), str(error.detail))

    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        return _answer(500, "internal", f"this is a defect of the program: {type(error).__name__}")

    api.add_exception_handler(ApiError, known)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, http)
    api.add_exception_handler(Exception, unexpected)


def explained(errors: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """Return (code, line, field) of the first thing that is wrong with a request."""
    error = errors[0]
    source, *place = [str(part) for part in error["loc"]]
    if error["type"] == "json_invalid":
        return "not_json", f"the body is not JSON: {error['ctx']['error']} at character {place[0]}", "body"
    field = ".".join(place) or source
    allowed = QUERY if source == "query" else allowed_values()
    name = next((part for part in reversed(place) if not part.isdigit()), source)
    if error["type"] == "missing":
        return "invalid_field", f"{field} is missing: {allowed.get(name, 'it is needed')}", field
    if error["type"] == "extra_forbidden":
        known = sorted((ProposedLeg if len(place) > 1 else ProposalRequest).model_fields)
        near = get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return "invalid_field", f"{field} is unknown{hint} (allowed here: {', '.join(known)})", field
    line = f"{field} = {shown(error['input'])}: {allowed.get(name, error['msg'])}"
    return "invalid_field", line, field


def _answer(status: int, code: str, message: str, field: str | None = None) -> JSONResponse:
    body = ErrorAnswer(error=ErrorBody(code=code, message=message, field=field))
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)
