import pytest

from steelyard.dialects import openai_responses_shapes as shapes
from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.usage import Usage


def test_what_stands_where_is_read() -> None:
    request = shapes.request_decoder.decode(
        b'{"model":"m","input":[{"content":"x"},{"output":"y"}],"text":{"format":{"type":"text"}}}'
    )
    assert isinstance(request.input, list) and bytes(request.input[1].output) == b'"y"'
    assert request.text is not None and request.text.format is not None


def test_usage_is_counted_or_refused() -> None:
    assert shapes.counted(shapes.Answer()) is None
    told = shapes.answer_decoder.decode(b'{"usage":{"input_tokens":3,"output_tokens":2}}')
    assert shapes.counted(told) == Usage(3, 2)
    mad = shapes.answer_decoder.decode(b'{"usage":{"input_tokens":3,"output_tokens":-2}}')
    with pytest.raises(UnbalancedEntry):
        shapes.counted(mad)
