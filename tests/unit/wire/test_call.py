import dataclasses

import pytest

from steelyard.wire.call import Failure, Origin, Timeouts


def test_a_failure_prints_what_a_log_needs():
    failure = Failure("reset", "idle", is_sent=True, has_head=True, detail="ConnectionResetError")
    assert repr(failure) == "Failure(reset in idle, is_sent=True: ConnectionResetError)"


def test_what_is_configured_cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Origin().port = 1  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Timeouts().idle_s = 1.0  # type: ignore[misc]
