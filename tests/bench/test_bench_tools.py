"""The benches' own arithmetic, and the streams' upstream against its load, without nginx."""

import json
import os
import time
from pathlib import Path

import pytest
from bench.results import Target

from bench import data_plane, load, payloads, peers, processes, results, subjects, upstreams


def test_percentile_takes_the_value_that_the_share_does_not_exceed():
    values = [float(number) for number in range(100, 0, -1)]
    assert load.percentile(values, 0.99) == 100.0
    assert load.percentile(values, 0.5) == 51.0
    assert load.percentile([7.0], 0.99) == 7.0


def test_cpu_time_grows_by_what_was_used():
    before = processes.cpu_s([os.getpid()])
    started_at = time.process_time()
    while time.process_time() - started_at < 0.1:
        pass
    assert 0.08 <= processes.cpu_s([os.getpid()]) - before < 0.3


def test_memory_and_process_tree_are_read_from_proc():
    assert processes.rss_mb([os.getpid()]) > 5
    assert processes.tree(os.getpid())[0] == os.getpid()


def test_a_target_knows_which_way_is_better():
    few = Target("few", "less is better", 3, 2)
    many = Target("many", "more is better", 30, 45, is_more_better=True)
    assert few.reaches(3, few.must) and not few.reaches(3, few.aim)
    assert many.reaches(30, many.must) and not many.reaches(30, many.aim)


def test_results_are_a_flat_map_and_meta(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    path = results.write("x", {"a": 1.23456789}, {"settings": {}, "spread": {}})
    found = json.loads(path.read_text("utf-8"))
    assert found["a"] == 1.2346
    assert {"commit", "machine", "measured_at", "settings", "spread"} == set(found["meta"])


def test_show_tells_whether_every_must_is_reached(capsys: pytest.CaptureFixture[str]):
    assert results.show("T", results.DATA_PLANE, {"memory_idle_mb": 79.0})
    assert not results.show("T", results.DATA_PLANE, {"memory_idle_mb": 81.0})
    assert "memory_idle_mb" in capsys.readouterr().out


def test_every_figure_has_a_target_and_the_other_way_round():
    assert set(data_plane.FIGURES) == {target.name for target in results.DATA_PLANE}
    costs = {"litellm": [2.0, 4.0], "portkey": [2.0, 2.0], "steelyard": [1.0, 1.0]}
    made = peers.figures(peers.Measured(costs, costs))
    assert set(made) == {target.name for target in results.PEERS}
    assert made["litellm_cpu_over_plain"] == 3.0


def test_request_is_about_600_bytes_and_the_answer_has_usage():
    assert 500 <= len(payloads.chat(is_stream=False)) <= 700
    assert json.loads(payloads.completion())["usage"] == payloads.USAGE
    assert len(payloads.events(3)) == 5


def test_streams_are_counted_to_the_last_event(tmp_path: Path):
    with upstreams.streaming(tmp_path, 20) as upstream:
        direct = subjects.Running("direct", upstream.url, os.getpid())
        assert load.streams(direct, 7).count == 7 * 22


def test_a_server_that_ends_at_once_is_one_clear_line(tmp_path: Path):
    command = ["sh", "-c", "echo went wrong; exit 3"]
    log = tmp_path / "log"
    with (
        pytest.raises(processes.BenchError, match="went wrong"),
        processes.started(command, core=0, is_ready=lambda: False, log=log),
    ):
        pass
