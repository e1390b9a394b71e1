import pytest

from steelyard.weigh.authenticity.pieces import PIECES_MAX, likeness, pieces


def test_words_digits_characters_and_marks_are_pieces() -> None:
    assert pieces("It's 37 雾灯, ok")[:8] == ("It's", "3", "7", "雾", "灯", ",", "ok", "")
    assert len(pieces("")) == len(pieces("word " * 99)) == PIECES_MAX


def test_line_breaks_are_one_piece() -> None:
    assert pieces("a\n\nb")[:3] == ("a", "\n\n", "b")


def test_likeness_is_1_for_equal_answers_and_0_for_wholly_others() -> None:
    words = "a b c d e f g h i j k l"
    assert likeness(pieces(words), pieces(words)) == 1
    assert likeness(pieces(words), pieces(words.upper())) == 0


def test_likeness_is_the_mean_of_equal_places_and_equal_start() -> None:
    one = pieces("a b c d e f g h i j k l")
    other = pieces("a b X d e f g h i j k l")
    assert likeness(one, other) == pytest.approx((11 / 12 + 2 / 12) / 2)
    assert likeness(other, one) == likeness(one, other)


def test_where_an_answer_ends_counts() -> None:
    assert likeness(pieces("Dog"), pieces("Dog")) > likeness(pieces("Dog"), pieces("Dog and cat"))
