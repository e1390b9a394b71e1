import pytest

from steelyard.domain.policies import Policy


def test_the_default_is_careful() -> None:
    policy = Policy()
    assert not policy.replay_uncertain
    assert not policy.drain_on_disconnect


@pytest.mark.parametrize("attempts_max", [0, 11])
def test_attempts_are_bounded(attempts_max: int) -> None:
    with pytest.raises(ValueError, match="attempts_max"):
        Policy(attempts_max=attempts_max)


@pytest.mark.parametrize("retries_max", [-1, 10])
def test_retries_are_bounded(retries_max: int) -> None:
    with pytest.raises(ValueError, match="retries_max"):
        Policy(retries_max=retries_max)
