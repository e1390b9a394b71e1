import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.pairs import of_kind, paired
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer


def test_answers_meet_by_probe_and_keep_their_order() -> None:
    ours = [ProbeAnswer("open-en-01", "1"), ProbeAnswer("open-en-00", "Cat")]
    theirs = [ProbeAnswer("open-en-00", "Dog"), ProbeAnswer("open-en-00", "Ant")]
    (pair,) = paired(ours, theirs)
    assert pair.probe.id == "open-en-00"
    assert [answer.text for answer in pair.suspect] == ["Dog", "Ant"]
    assert of_kind([pair], Kind.OPEN) == [pair]
    assert of_kind([pair], Kind.NEEDLE) == []


def test_an_answer_to_a_probe_that_is_not_ours_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="no probe open-en-99"):
        paired([], [ProbeAnswer("open-en-99", "Dog")])


def test_a_probe_without_reference_is_left_out() -> None:
    assert paired([], [ProbeAnswer("open-en-00", "Dog")]) == []
