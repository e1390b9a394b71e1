from fractions import Fraction

from steelyard.weigh.authenticity import equality
from steelyard.weigh.authenticity.pairs import Pair, of_kind, paired
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, find_probe
from weigh.authenticity.probing import OTHERS, OURS, model

ERROR = Fraction(1, 100)


def _opens(words: dict[str, int], seed: int) -> list[Pair]:
    reference = model(OURS, seed=1, samples=20)
    return of_kind(paired(reference, model(words, seed=seed)), Kind.OPEN)


def test_another_model_answers_otherwise() -> None:
    found = equality.test(_opens(OTHERS, 2), error_answers=ERROR, error_length=ERROR, seed=0)
    assert found.p_answers <= ERROR
    assert found.distance > 0.3
    assert 0.2 < found.share_lower <= 1
    assert found.n == 240


def test_the_same_model_does_not() -> None:
    found = equality.test(_opens(OURS, 2), error_answers=ERROR, error_length=ERROR, seed=0)
    assert found.p_answers > ERROR
    assert found.p_length > ERROR
    assert found.distance < 0.1
    assert found.share_lower == 0


def test_longer_answers_of_the_same_words_are_told_by_their_length() -> None:
    pairs = [
        Pair(
            find_probe("open-en-06"),
            tuple(ProbeAnswer("open-en-06", "word " * n) for n in (20, 21, 22, 23) * 5),
            tuple(ProbeAnswer("open-en-06", "word " * n) for n in (24, 25, 26) * 3),
        )
    ]
    found = equality.test(pairs, error_answers=ERROR, error_length=ERROR, seed=0)
    assert found.p_length <= ERROR
    assert found.p_answers == 1  # the first pieces are all the same


def test_one_answer_a_side_cannot_be_compared() -> None:
    one = ProbeAnswer("open-en-00", "Dog")
    pair = Pair(find_probe("open-en-00"), (one, one), (one,))
    found = equality.test([pair], error_answers=ERROR, error_length=ERROR, seed=0)
    assert (found.n, found.p_answers, found.distance) == (0, 1.0, 0.0)
