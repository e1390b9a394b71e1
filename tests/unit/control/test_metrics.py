"""Counters of many workers as one."""

from __future__ import annotations

from steelyard.control.metrics import summed

ONE = """# HELP steelyard_calls_total Calls.
# TYPE steelyard_calls_total counter
steelyard_calls_total{door="openai_chat"} 3
steelyard_calls_total{door="other"} 1
# HELP steelyard_snapshot_revision Revision.
# TYPE steelyard_snapshot_revision gauge
steelyard_snapshot_revision 7
"""
TWO = """# HELP steelyard_calls_total Calls.
# TYPE steelyard_calls_total counter
steelyard_calls_total{door="openai_chat"} 9007199254740993
# HELP steelyard_snapshot_revision Revision.
# TYPE steelyard_snapshot_revision gauge
steelyard_snapshot_revision 6
steelyard_share 0.5
"""


def test_counts_add_up_exactly_and_heads_stand_once() -> None:
    lines = summed([ONE, TWO]).splitlines()
    assert 'steelyard_calls_total{door="openai_chat"} 9007199254740996' in lines
    assert 'steelyard_calls_total{door="other"} 1' in lines
    assert lines.count("# TYPE steelyard_calls_total counter") == 1
    assert "steelyard_share 0.5" in lines


def test_a_state_is_not_summed_but_shows_who_lags() -> None:
    assert "steelyard_snapshot_revision 6" in summed([ONE, TWO]).splitlines()


def test_no_worker_is_no_text() -> None:
    assert summed([]) == ""
