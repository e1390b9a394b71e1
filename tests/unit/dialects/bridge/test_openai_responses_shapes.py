from steelyard.dialects.bridge import openai_responses_shapes as shapes


def test_an_items_kind_is_read_whatever_else_it_holds() -> None:
    head = shapes.head_decoder.decode(b'{"type":"mcp_call","content":7,"arguments":{}}')
    assert head.type == "mcp_call"


def test_what_is_known_of_a_request_is_named() -> None:
    assert {"input", "tools", "text"} <= shapes.KNOWN_REQUEST
    assert "previous_response_id" not in shapes.KNOWN_REQUEST


def test_an_events_fields_may_all_be_missing() -> None:
    event = shapes.event_decoder.decode(b"{}")
    assert (event.type, event.delta, bytes(event.response)) == ("", None, b"null")
