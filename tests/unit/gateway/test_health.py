from steelyard.gateway.health import REST_MAX_S, Health


def test_a_channel_nobody_spoke_of_is_well() -> None:
    health = Health()
    assert health.why_not("c", 0.0) == ""
    assert health.state("c") == "up"
    health.succeeded("c")


def test_single_failures_rest_nobody_but_three_in_a_row_do() -> None:
    health = Health()
    for _ in range(2):
        health.failed("c", "reset", 10.0)
        assert health.why_not("c", 10.0) == ""
    health.failed("c", "reset", 10.0)
    assert "rests after failures: reset" in health.why_not("c", 10.9)
    assert health.why_not("c", 11.0) == ""
    health.failed("c", "reset", 11.0)
    assert health.why_not("c", 12.9)
    health.succeeded("c")
    assert health.why_not("c", 12.0) == ""
    health.failed("c", "reset", 12.0)
    assert health.why_not("c", 12.0) == ""


def test_rests_double_up_to_a_bound() -> None:
    health = Health()
    for _ in range(100):
        health.failed("c", "x", 0.0)
    assert health.why_not("c", REST_MAX_S - 0.1)
    assert health.why_not("c", REST_MAX_S) == ""


def test_a_vendor_that_asks_for_rest_gets_it_at_once_within_the_bound() -> None:
    health = Health()
    health.failed("c", "429", 0.0, 5.0)
    health.failed("c", "429", 0.0, 2.0)
    assert health.why_not("c", 4.9)
    assert health.why_not("c", 5.0) == ""
    health.failed("c", "429", 10.0, 1e9)
    assert health.why_not("c", 10.0 + REST_MAX_S) == ""


def test_control_says_who_is_down() -> None:
    health = Health()
    health.told({"c": ("loading", "40 %"), "d": ("down", "")})
    assert health.why_not("c", 0.0) == "channel is loading: 40 %"
    assert health.why_not("d", 0.0) == "channel is down"
    assert health.state("c") == "loading"
    for _ in range(3):
        health.failed("c", "x", 0.0)
    health.told({"d": ("down", "crashed")})
    assert health.why_not("c", 0.0) == ""
    assert health.why_not("d", 0.0) == "channel is down: crashed"
