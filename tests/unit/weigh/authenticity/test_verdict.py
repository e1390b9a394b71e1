from dataclasses import replace
from fractions import Fraction

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, find_probe
from steelyard.weigh.authenticity.verdict import SHARES, AuthenticityState, judge
from weigh.authenticity.probing import OTHERS, OURS, inflated, model


def test_the_shares_are_the_whole_error() -> None:
    assert sum(SHARES.values()) == 1


def test_the_same_model_is_genuine() -> None:
    verdict = judge(model(OURS, seed=1, samples=20), model(OURS, seed=2))
    assert verdict.state is AuthenticityState.GENUINE
    assert verdict.alarms == ()
    assert verdict.specimens == ()
    assert {finding.name for finding in verdict.findings} == SHARES.keys()
    assert {hint.name for hint in verdict.hints} == {"first_token", "speed"}


def test_another_model_is_not_and_the_evidence_says_why() -> None:
    verdict = judge(model(OURS, seed=1, samples=20), model(OTHERS, seed=2))
    assert verdict.state is AuthenticityState.NOT_GENUINE
    names = {alarm.name for alarm in verdict.alarms}
    assert names >= {"answers_differ", "part_swapped"}
    assert {specimen.finding for specimen in verdict.specimens} == names
    assert "not drawn as the reference's" in verdict.why
    assert 0.3 < verdict.swapped_at_least <= 1


def test_inflated_counts_are_told_by_factor_and_constant() -> None:
    suspect = inflated(model(OURS, seed=2), factor=1.1, constant=5)
    verdict = judge(model(OURS, seed=1, samples=20), suspect)
    (alarm,) = verdict.alarms
    assert alarm.name == "prompt_count"
    assert "for each token 1.10" in alarm.words


def test_a_cut_context_is_told_by_depth() -> None:
    suspect = [
        replace(one, text="?") if (find_probe(one.probe_id).depth or 0) > 0.5 else one
        for one in model(OURS, seed=2)
    ]
    (alarm,) = judge(model(OURS, seed=1, samples=20), suspect).alarms
    assert alarm.name == "context_cut"
    assert "lost at depths 56%, 69%, 81%, 94%" in alarm.words
    # A smaller model finds fewer, too: nobody is accused of more than was seen.
    assert "a cut context, or a weaker model" in alarm.words


def test_few_answers_leave_it_open() -> None:
    reference = model(OURS, seed=1, samples=20)
    few = [one for one in model(OURS, seed=2) if one.probe_id.startswith("open-en-00")]
    verdict = judge(reference, few)
    assert verdict.state is AuthenticityState.UNSURE
    assert "too few" in verdict.why
    assert judge(reference, []).state is AuthenticityState.UNSURE
    assert judge([], []).state is AuthenticityState.UNSURE


def test_a_p_value_near_an_alarm_leaves_it_open() -> None:
    reference = model(OURS, seed=1, samples=20)
    suspect = model(OURS, seed=2)
    strict = judge(reference, suspect, error=Fraction(9, 10))
    assert strict.state is not AuthenticityState.GENUINE


def test_a_verdict_follows_from_answers_and_seed_alone() -> None:
    reference, suspect = model(OURS, seed=1), model(OURS, seed=2)
    assert judge(reference, suspect, seed=3) == judge(reference, suspect, seed=3)


def test_figures_of_findings_hold_no_text_of_answers() -> None:
    verdict = judge(model(OURS, seed=1, samples=20), model(OTHERS, seed=2))
    words = " ".join(finding.words for finding in (*verdict.findings, *verdict.hints))
    assert not any(word in words for word in OTHERS)


def test_impossible_counts_are_a_hint() -> None:
    suspect = [replace(one, completion_tokens=500) for one in model(OURS, seed=2)]
    hints = {hint.name: hint for hint in judge(model(OURS, seed=1), suspect).hints}
    assert hints["impossible_counts"].words.startswith(f"{len(suspect)} counts that cannot be")
    assert not hints["impossible_counts"].is_alarm


def test_every_kind_of_probe_may_be_missing() -> None:
    for kind in Kind:
        suspect = [o for o in model(OURS, seed=2) if find_probe(o.probe_id).kind is not kind]
        verdict = judge(model(OURS, seed=1, samples=20), suspect)
        assert verdict.state is not AuthenticityState.NOT_GENUINE


@pytest.mark.parametrize("count", [-5, 0, 10**400])
def test_absurd_counts_and_texts_are_judged_like_any(count: int) -> None:
    suspect = [
        replace(one, prompt_tokens=count, completion_tokens=count, text="\ud83d" * 9)
        for one in model(OURS, seed=2)
    ]
    verdict = judge(model(OURS, seed=1), suspect)
    assert {alarm.name for alarm in verdict.alarms} >= {"prompt_count", "answers_differ"}


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        judge([], [], error=Fraction(0))
    with pytest.raises(ConfigError):
        judge([], [ProbeAnswer("nobody's", "")])
