import json
from typing import Any

import msgspec
import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.openai_responses_replies import (
    logprobs_of,
    read_reply,
    trouble_of,
    write_reply,
)
from steelyard.domain.errors import DialectViolated
from steelyard.domain.usage import Usage


def body(*output: Any, **fields: Any) -> bytes:
    shape = {"id": "resp_1", "model": "served", "created_at": 7, "status": "completed"}
    return json.dumps({**shape, "output": list(output), **fields}).encode()


def words(*content: Any) -> Any:
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(content)}


def said(text: str, **more: Any) -> Any:
    return {"type": "output_text", "text": text, "annotations": [], **more}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}


# read


def test_an_answer_is_read() -> None:
    empty = {"type": "reasoning", "id": "rs_0", "summary": []}
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "gAAA",
    }
    search = {"type": "web_search_call", "id": "ws_1", "content": 3, "arguments": {}}
    usage = {"input_tokens": 9, "output_tokens": 4}
    reply = read_reply(
        body(
            empty,
            thought,
            search,
            words(said("a"), said("b")),
            CALL,
            usage=usage,
            service_tier="flex",
        )
    )
    assert (reply.reply_id, reply.model, reply.created_s, reply.tier) == (
        *("resp_1", "served", 7),
        "flex",
    )
    assert reply.usage == Usage(9, 4, extras=(("search", 1),))
    [choice] = reply.choices
    assert choice.finish == n.TOOL_CALLS
    own = choice.parts.pop(1)
    assert isinstance(own, n.Private) and own.kind == "web_search_call"
    assert choice.parts == [
        n.Reasoning("Hm.", "rs_1:gAAA", "rs_1"),
        n.Text("a"),
        n.Text("b"),
        n.ToolCall("c1", "f", "{}"),
    ]


@pytest.mark.parametrize(
    ("output", "fields", "finish"),
    [
        ([words(said("a"))], {"service_tier": "default"}, n.STOP),
        ([words({"type": "refusal", "refusal": ""})], {}, n.REFUSED),
        ([words(said("a"), {"type": "refusal", "refusal": "no"})], {}, n.REFUSED),
        ([words(said("a"))], {"status": "incomplete"}, n.LENGTH),
        (
            [CALL],
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            n.LENGTH,
        ),
        (
            [],
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            n.FILTERED,
        ),
    ],
)
def test_why_an_answer_ended_is_read(output: list[Any], fields: Any, finish: str) -> None:
    reply = read_reply(body(*output, **fields))
    assert reply.choices[0].finish == finish
    assert (reply.tier, reply.usage) == ("", None)


def test_log_probabilities_are_read_in_chats_shape() -> None:
    entry = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    [choice] = read_reply(body(words(said("a", logprobs=[entry]), said("b")))).choices
    assert json.loads(bytes(choice.logprobs)) == {"content": [entry], "refusal": None}


def test_a_usage_that_cannot_be_is_not_told() -> None:
    assert read_reply(body(usage={"input_tokens": -1})).usage is None
    assert read_reply(body(usage={"input_tokens": "1"})).usage is None


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (b"", "no response"),
        (b"\xff", "no response"),
        (b"{}", "no output"),
        (body({"type": "message", "content": 3}), "no response"),
        (body(status="in_progress"), "in_progress"),
        (body(status="cancelled"), "cancelled"),
        (body(status="failed"), "no reason given"),
        (body(status="failed", error={"code": "server_error", "message": "broken"}), "broken"),
        (b'{"error":"out of order"}', "out of order"),
    ],
)
def test_what_is_no_answer_is_the_vendors_fault(broken: bytes, told: str) -> None:
    with pytest.raises(DialectViolated, match=told):
        read_reply(broken)


def test_troubles_are_told() -> None:
    assert trouble_of(msgspec.Raw(b'{"message":"m","code":7}')) == ("m", "7")
    assert trouble_of(msgspec.Raw(b"[]")) == ("no reason given", "")


# written


def written(*parts: n.Part, reply_id: str = "r-1", **choice: Any) -> Any:
    reply = n.Reply(reply_id, "m", 7, [n.Choice(list(parts), **choice)], Usage(9, 4, 3, 2, 1))
    return json.loads(write_reply(reply))


def test_an_answer_is_written_with_ids_of_its_own() -> None:
    told = written(
        n.Reasoning("Hm.", "c2ln"),
        n.Text("a"),
        n.Refusal("no"),
        n.ToolCall("c1", "f", ""),
        n.Private("web_search_call", msgspec.Raw(b'{"type":"web_search_call"}')),
        n.Private("server_tool_use", msgspec.Raw(b"{}")),
        n.Text("b"),
        n.Reasoning("", "rs_9:gAAA", "", True),
    )
    assert (told["id"], told["status"], told["created_at"]) == ("resp_r-1", "completed", 7)
    thought, message, call, search, later, own = told["output"]
    assert (thought["id"], thought["encrypted_content"]) == ("rs_r-1_0", "c2ln")
    assert thought["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert (message["id"], [part["type"] for part in message["content"]]) == (
        "msg_r-1_1",
        ["output_text", "refusal"],
    )
    assert (call["id"], call["arguments"], call["status"]) == ("fc_r-1_2", "{}", "completed")
    assert (search, later["id"]) == ({"type": "web_search_call"}, "msg_r-1_4")
    assert (own["id"], own["summary"], own["encrypted_content"]) == ("rs_9", [], "gAAA")
    assert told["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 13,
    }
    assert written(reply_id="resp_7")["id"] == "resp_7"


@pytest.mark.parametrize(
    ("finish", "reason"), [(n.LENGTH, "max_output_tokens"), (n.FILTERED, "content_filter")]
)
def test_a_cut_answer_is_incomplete(finish: str, reason: str) -> None:
    told = written(n.Text("a"), n.ToolCall("c", "f", '{"a'), finish=finish)
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["status"] for item in told["output"]] == ["completed", "incomplete"]


def test_a_refusal_without_words_is_told() -> None:
    told = written(n.Text("We"), finish=n.REFUSED)
    assert told["output"][0]["content"][1] == {"type": "refusal", "refusal": ""}


def test_words_that_follow_each_other_are_one_message() -> None:
    [message] = written(n.Text("a"), n.Text("b"))["output"]
    assert [part["text"] for part in message["content"]] == ["a", "b"]
    [message] = written(n.Refusal("no"), n.Text("b"))["output"]
    assert [part["type"] for part in message["content"]] == ["refusal", "output_text"]


def test_an_answer_of_nothing_is_written() -> None:
    told = json.loads(write_reply(n.Reply("r", "m", 7, [], tier="batch")))
    assert told["output"] == [] and "usage" not in told and "service_tier" not in told
    fast = n.Reply("r", "m", 7, [], tier="priority")
    assert json.loads(write_reply(fast))["service_tier"] == "priority"


def test_log_probabilities_are_completed() -> None:
    other = {"token": "e", "logprob": -2}
    told = {"token": "é", "logprob": -1, "bytes": None, "top_logprobs": [other]}
    [entry] = logprobs_of(msgspec.Raw(json.dumps({"content": [told]}).encode()))
    assert entry["bytes"] == [0xC3, 0xA9]
    assert entry["top_logprobs"] == [{"token": "e", "logprob": -2.0, "bytes": [101]}]
    for nothing in (b"null", b"[]", b'{"content":null}'):
        assert logprobs_of(msgspec.Raw(nothing)) == []
