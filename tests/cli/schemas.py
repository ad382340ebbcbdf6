"""The schemas of what commands print with --json."""

import json

from jsonschema import Draft202012Validator

from tests.research.files import REPO


def schema(name: str) -> Draft202012Validator:
    """Return the validator of docs/json/NAME.schema.json."""
    found = json.loads((REPO / "docs" / "json" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)
