import re

import pytest

from steelyard.domain import errors
from steelyard.domain.errors import (
    BudgetExceeded,
    InvalidRequest,
    RequestError,
    SteelyardError,
    UpstreamError,
)

ALL = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SteelyardError)
]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_default_message_a_slug_and_a_status(kind: type[SteelyardError]) -> None:
    error = kind()
    assert str(error) == error.message == (kind.__doc__ or "").partition("\n")[0]
    assert re.fullmatch(r"[a-z_]+", error.code)
    assert 400 <= error.status < 600
    assert re.fullmatch(r"[a-z_]+", error.kind)


def test_codes_of_leaves_are_their_own() -> None:
    leaves = [kind for kind in ALL if not kind.__subclasses__() and "code" in vars(kind)]
    codes = [kind.code for kind in leaves]
    assert len(codes) == len(set(codes))


def test_an_error_can_say_more() -> None:
    error = InvalidRequest("n is wrong", param="n", code="n_wrong", retry_after_s=2.0)
    assert (error.message, error.param, error.code, error.retry_after_s) == (
        "n is wrong",
        "n",
        "n_wrong",
        2.0,
    )
    assert InvalidRequest.code == "invalid_request"
    assert isinstance(error, RequestError)
    assert not isinstance(error, UpstreamError)


def test_a_used_up_budget_is_not_retried_blindly() -> None:
    assert (BudgetExceeded.status, BudgetExceeded.code) == (402, "insufficient_quota")
