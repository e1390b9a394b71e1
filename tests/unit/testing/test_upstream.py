"""The scripted vendor's script and settings; its sockets have their integration test."""

import asyncio
from pathlib import Path

import pytest

from steelyard.testing.replies import Answer, Fault, Pause, Raw
from steelyard.testing.upstream import ScriptedVendor, Settings, read_script
from testing.turns import received, written


def test_a_script_is_read_line_by_line(tmp_path: Path):
    script = tmp_path / "script.jsonl"
    script.write_text('{"fault": "429", "argument": 2}\n\n{"parts": ["a", "b"], "delay_s": 1}\n')
    assert read_script(script) == [Fault("429", "2"), Answer(parts=("a", "b"), delay_s=1)]


@pytest.mark.parametrize("line", ["[1]", '{"fault":"nope"}', '{"nope":1}', "{"])
def test_a_script_mistake_names_its_line(tmp_path: Path, line: str):
    script = tmp_path / "script.jsonl"
    script.write_text('{"events": 1}\n' + line)
    with pytest.raises(ValueError, match=r"script\.jsonl:2: "):
        read_script(script)


def test_entries_are_taken_in_order_and_then_the_ordinary_answer_holds():
    vendor = ScriptedVendor(Settings(answer=Answer(parts=("plain",)), received_max=2))
    vendor.script([Raw((b"raw", Pause(1.0))), Fault("503")])
    said = [written(vendor.on_request(received())) for _ in range(3)]
    assert said[0] == b"raw"
    assert b"503" in said[1]
    assert b"plain" in said[2]
    assert len(vendor.received) == 2


def test_an_unknown_fault_is_refused_when_it_is_scripted():
    with pytest.raises(ValueError, match="usage-twice"):
        ScriptedVendor().script([Fault("usage-twise")])


def test_waiting_for_what_never_comes_ends():
    async def story() -> None:
        with pytest.raises(TimeoutError):
            await ScriptedVendor().until(lambda v: len(v.received) > 0, 0.01)

    asyncio.run(story())
