"""The examples of the documentation are what the API takes and answers."""

import re

import pytest
from pydantic import ValidationError

from serve.models import DecisionPage, ErrorAnswer, HealthAnswer, PositionsAnswer, PreviewAnswer, ProposalRequest
from tests.research.files import REPO

MODELS = (ErrorAnswer, HealthAnswer, DecisionPage, PositionsAnswer, ProposalRequest, PreviewAnswer)


def examples():
    return re.findall(r"```json\n(.*?)```", (REPO / "docs" / "serving.md").read_text(encoding="ascii"), re.DOTALL)


def fits(model, text):
    try:
        model.model_validate_json(text)
    except ValidationError:
        return False
    return True


def test_every_example_fits_one_model_and_every_model_has_an_example():
    assert [[model for model in MODELS if fits(model, text)] for text in examples()] == [[model] for model in MODELS]


@pytest.mark.parametrize("text", examples())
def test_a_field_that_the_api_does_not_have_would_be_seen(text):
    assert not any(fits(model, text.replace("{", '{"made_up": 1, ', 1)) for model in MODELS)
