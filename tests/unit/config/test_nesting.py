from __future__ import annotations

import pytest
import yaml

from steelyard.config.nesting import DEPTH_MAX, check_nesting


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{? "])
def test_a_text_that_would_fill_the_stack_is_refused_at_once(opening: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError, match=f"nested deeper than {DEPTH_MAX}"):
        check_nesting(opening * 200_000)


def test_what_is_no_yaml_is_told_as_the_reader_tells_it() -> None:
    with pytest.raises(yaml.YAMLError, match="did not find"):
        check_nesting(b"[")


def test_only_depth_counts_and_not_length() -> None:
    check_nesting("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    check_nesting("- []\n" * 1000)


def test_repetition_is_refused_where_it_must_not_be() -> None:
    text = "a: &a [1]\nb: *a\n"
    check_nesting(text)
    with pytest.raises(yaml.MarkedYAMLError, match="no aliases") as error:
        check_nesting(text, may_repeat=False)
    mark = error.value.problem_mark
    assert mark is not None and mark.line == 1
