"""Looks a YAML text over before it is read: how deep it nests, and whether it repeats itself.

Reading by libyaml is twenty times quicker than in Python, but goes one level of the C stack down
for every level of the text: a file of brackets would end the process. Its events come without that,
so they are counted first. Called by whatever reads YAML that somebody else wrote; knows no schema.
"""

from __future__ import annotations

from typing import Any

import yaml

DEPTH_MAX = 64
"""Levels that a text may nest; no file of ours has a dozen."""


def check_nesting(text: str | bytes, *, may_repeat: bool = True) -> None:
    """Returns if the text can be read without harm.

    Args:
        text: YAML.
        may_repeat: Whether aliases are allowed; a few lines of them stand for more than any memory
            holds, once somebody walks through what they stand for.

    Raises:
        yaml.YAMLError: it is no YAML, nests too deep, or repeats itself and must not.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent) and not may_repeat:
            raise _refusal("write it out: no aliases", event)
        if depth > DEPTH_MAX:
            raise _refusal(f"nested deeper than {DEPTH_MAX}", event)


def _refusal(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark  # of libyaml's own type
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
