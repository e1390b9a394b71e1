import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.probes import CONTEXT_CHARS, Kind, find_probe, probes


def test_all_probes_together_are_at_most_300_calls() -> None:
    assert sum(probe.samples for probe in probes()) <= 300
    assert {probe.kind for probe in probes()} == set(Kind)
    assert {probe.language for probe in probes()} == {"en", "zh"}


def test_ids_are_unique_and_lead_back() -> None:
    ids = [probe.id for probe in probes()]
    assert len(set(ids)) == len(ids)
    assert all(find_probe(probe.id) == probe for probe in probes())


def test_a_needle_stands_once_in_its_document_at_its_depth() -> None:
    for probe in probes():
        if probe.kind is Kind.NEEDLE:
            assert probe.expected is not None
            assert probe.depth is not None
            assert probe.prompt.count(probe.expected) == 1
            place = probe.prompt.index(probe.expected) / len(probe.prompt)
            assert place == pytest.approx(probe.depth, abs=0.06)


def test_documents_of_one_language_are_equal_up_to_the_question() -> None:
    starts = {
        (probe.language, probe.prompt.rsplit("\n", 1)[0])
        for probe in probes()
        if probe.kind is Kind.NEEDLE
    }
    assert len(starts) == 2


def test_a_longer_document_has_ids_of_its_own() -> None:
    long = [p for p in probes({"en": 8000}) if p.kind is Kind.NEEDLE]
    assert all(8000 <= len(probe.prompt) < 8400 for probe in long)
    assert find_probe("needle-en-8000-3") == long[3]
    assert find_probe(f"needle-en-{CONTEXT_CHARS['en']}-3") != long[3]


def test_steady_questions_alone_ask_for_a_temperature_of_their_own() -> None:
    for probe in probes():
        assert probe.sampling == ({"temperature": 0} if probe.kind is Kind.STEADY else {})


def test_repeats_hold_one_text() -> None:
    once, nine = find_probe("counted-en-00-x1"), find_probe("counted-en-00-x9")
    assert nine.prompt.split("\n") == [once.prompt] * 9
    assert once.group == nine.group


@pytest.mark.parametrize(
    "probe_id", ["", "open-en-99", "needle-fr-1600-1", "needle-en-1600-8", "needle-en-9999999999-1"]
)
def test_other_ids_are_refused(probe_id: str) -> None:
    with pytest.raises(ConfigError, match="no probe"):
        find_probe(probe_id)


def test_a_document_too_short_for_its_needles_is_refused() -> None:
    with pytest.raises(ConfigError, match="too few"):
        probes({"en": 300})
