import json
from pathlib import Path

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.codec import Target
from steelyard.dialects.bridge.openai_responses import CODEC
from steelyard.dialects.bridge.openai_responses_read import unsealed
from steelyard.dialects.openai_responses import DIALECT
from steelyard.wire.sse import events

FIXTURES = Path(__file__).parents[3] / "fixtures" / "dialects" / "openai_responses"
CASES = [folder for folder in sorted(FIXTURES.iterdir()) if folder.name != "error"]


def test_it_is_the_codec_of_its_dialect() -> None:
    assert CODEC.name == DIALECT.name


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_recorded_requests_come_back_as_they_were(folder: Path) -> None:
    body = (folder / "request.json").read_bytes()
    asked = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    gives_back = "include" in asked
    features = frozenset(("reasoning:back",) if gives_back else ())
    written = CODEC.build_request(
        CODEC.parse_request(asked), Target("model-a", 0, 4096, {}, features)
    )
    told, before = json.loads(written.body), json.loads(body)
    assert written.dropped == ()
    assert CODEC.parse_request({k: msgspec.Raw(json.dumps(v).encode()) for k, v in told.items()})
    for name in ("instructions", "reasoning", "tools", "include", "max_output_tokens", "stream"):
        assert told.get(name) == before.get(name)


def test_recorded_answers_say_the_same_plain_and_streamed() -> None:
    for plain, streamed in (("plain", "streamed"), ("tools_plain", "tools")):
        whole = (FIXTURES / plain / "upstream.http").read_bytes().partition(b"\r\n\r\n")[2]
        stream = (FIXTURES / streamed / "upstream.http").read_bytes().partition(b"\r\n\r\n")[2]
        reply = CODEC.parse_reply(whole)
        builder, parser = CODEC.event_builder(wants_usage=False), CODEC.event_parser()
        again = b"".join(builder.feed(parser.feed(data)) for data in events(stream))
        [*_, last] = events(again + builder.end())
        told = json.loads(CODEC.build_reply(reply))
        assert told["usage"] == json.loads(last)["response"]["usage"]
        seen = CODEC.parse_reply(json.dumps(json.loads(last)["response"]).encode())
        assert seen.usage == reply.usage is not None
        assert seen.choices[0].finish == reply.choices[0].finish
        for mine, its in zip(seen.choices[0].parts, reply.choices[0].parts, strict=True):
            if not isinstance(mine, n.Reasoning):
                assert mine == its
            elif isinstance(its, n.Reasoning):
                assert (mine.text, unsealed(mine.signature)[1]) == (its.text, "gAAAAABo_x")
                assert unsealed(its.signature) == ("rs_7", "gAAAAABo_x")
