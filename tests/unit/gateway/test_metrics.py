from steelyard.gateway.metrics import Counters


def test_counters_are_told_in_prometheus_format() -> None:
    counters = Counters()
    counters.calls = 3
    counters.refused["no_offer"] += 2
    counters.refused["invalid_request"] += 1
    counters.attempts["completed"] += 1
    lines = counters.render().decode().splitlines()
    assert 'steelyard_calls_total{door="openai_chat"} 3' in lines
    assert 'steelyard_calls_refused_total{code="no_offer"} 2' in lines
    assert "# TYPE steelyard_calls_active gauge" in lines
    assert "# TYPE steelyard_attempts_total counter" in lines
    assert sum(line.startswith("# HELP steelyard_calls_refused_total") for line in lines) == 1
    assert counters.render().endswith(b"\n")
