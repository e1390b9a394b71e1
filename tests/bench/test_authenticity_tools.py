import json
from pathlib import Path

import pytest

from bench import authenticity, record_pool
from steelyard.weigh.authenticity.pool import read_pool
from steelyard.weigh.authenticity.probes import Kind, find_probe


@pytest.mark.parametrize(
    ("hits", "n", "bounds"),
    [  # from the tables
        (0, 10, (0.0, 0.3085)),
        (5, 100, (0.0164, 0.1128)),
        (100, 100, (0.9638, 1.0)),
        (8, 1500, (0.0023, 0.0105)),
    ],
)
def test_exact_bounds_of_a_share(hits: int, n: int, bounds: tuple[float, float]) -> None:
    assert authenticity.clopper_pearson(hits, n, 0.05) == pytest.approx(bounds, abs=1e-4)


@pytest.mark.parametrize("way", sorted(authenticity.WAYS))
def test_a_suspect_answers_every_probe_in_at_most_300_calls(way: str) -> None:
    reference, suspect = authenticity._draw(way, 0)
    assert len(suspect) <= 300
    for probe_id in {answer.probe_id for answer in suspect}:
        asked = [answer for answer in suspect if answer.probe_id == probe_id]
        assert len(asked) == find_probe(probe_id).samples
    opens = [a for a in reference if find_probe(a.probe_id).kind is Kind.OPEN]
    assert len(opens) >= 200


def test_reference_and_suspect_share_no_answer() -> None:
    reference, suspect = authenticity._draw("genuine", 3)
    assert not {id(answer) for answer in reference} & {id(answer) for answer in suspect}
    assert authenticity._draw("genuine", 3) == (reference, suspect)
    assert authenticity._draw("genuine", 4) != (reference, suspect)


def test_a_cut_prompt_keeps_half() -> None:
    prompt = "".join(chr(97 + n) for n in range(20))
    assert record_pool.cut(prompt, "none") == prompt
    assert record_pool.cut(prompt, "head") == "klmnopqrst"
    assert record_pool.cut(prompt, "middle") == "abcdepqrst"


def test_recordings_are_packed_in_the_order_of_the_probes(tmp_path: Path) -> None:
    rows = [
        {"probe": "obey-en-01", "text": "1", "finish": "length", "in": 9, "out": 1, "s": 0.5},
        {"probe": "open-en-00", "text": "Cat", "finish": "stop", "in": 9, "out": 1, "s": 0.5}
        | {"logprobs": [["Cat", -0.5]]},
    ]
    (tmp_path / "genuine.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (tmp_path / "genuine.about.json").write_text('{"file": "m.gguf"}')
    record_pool.pack(tmp_path, tmp_path / "m.json.gz", "m")
    pool = read_pool(tmp_path / "m.json.gz")
    assert [answer.probe_id for answer in pool.genuine] == ["open-en-00", "obey-en-01"]
    assert pool.genuine[0].logprobs == (("Cat", -0.5),)
    assert (pool.model, pool.channels["genuine"].about["file"]) == ("m", "m.gguf")
