"""The how-to's grader is a real one: it runs, and meets its own examples."""

import re
from pathlib import Path

from steelyard.weigh.graders.base import Grader, grade_answer

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "add-a-grader.md"


def test_the_grader_of_the_howto_works_as_written() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", HOWTO.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, HOWTO.name, "exec"), names)
    grader = names["GRADER"]
    assert isinstance(grader, Grader)
    for example in grader.examples:
        assert grader.fits(example.sample) == ""
        assert grade_answer(grader, example.answer, example.sample, {}) == example.grade
