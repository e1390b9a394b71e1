"""From events to lines: which response takes which room, and when the session must end."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.plain_session import MONEY, WORST, Desk, created, done, event, said
from steelyard.domain.calls import Outcome
from steelyard.domain.errors import SteelyardError, Unauthenticated
from steelyard.gateway.realtime_turns import ATTEMPTS_MAX, RESPONSES_MAX, Turns

TRANSCRIBED = "conversation.item.input_audio_transcription.completed"


class Owner:
    """A session that writes down what it is told."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.held: list[bool] = []

    def stop(self, error: SteelyardError) -> None:
        self.stopped.append(error.code)

    def hold(self, is_waiting: bool) -> None:
        self.held.append(is_waiting)


class Play:
    def __init__(self, *meters: Any, **options: Any) -> None:
        self.desk = Desk(*meters, **options)
        self.turns = Turns(
            self.desk.books, self.desk.stands, self.desk.turn(), lambda: self.desk.now_s
        )
        self.turns.owner = self.owner = Owner()

    def note(self, *told: dict[str, Any]) -> None:
        for each in told:
            self.turns.note(event(**each))


def test_a_response_settles_its_room_and_takes_the_next() -> None:
    play = Play(MONEY)
    play.note(created("a"), said("a", "hello"), done("a"))
    assert play.desk.booked == [(1, "completed", 5, 20)]
    assert [i.attempt for i in play.desk.journal.intents] == [1, 2]
    assert play.desk.journal.intents[1].input_tokens_expected == 15
    play.turns.close(Outcome.CUT, "why")
    play.turns.close(Outcome.CUT, "why")
    assert play.desk.booked[1:] == [(2, "not_sent", 0, 0)]
    play.note(done("b"))
    assert len(play.desk.booked) == 2


def test_a_response_whose_beginning_nobody_saw_is_booked_all_the_same() -> None:
    play = Play()
    play.note(done("a"), done("a"))
    assert [line[:2] for line in play.desk.booked] == [(1, "completed"), (2, "completed")]


def test_a_response_begins_once() -> None:
    play = Play()
    play.note(created("a"), created("a"))
    assert len(play.turns.running) == 1
    assert len(play.desk.journal.intents) == 1


def test_what_is_under_way_at_the_end_is_booked_as_seen() -> None:
    play = Play()
    play.note(created("a"), said("a", "12345"), said("other", "12345"))
    play.turns.close(Outcome.CLIENT_GONE, "client gone")
    assert play.desk.booked == [(1, "client_gone", 3, 1 + 3 * 2)]
    assert play.desk.journal.settlements[0].detail == "client gone"


def test_a_refusal_ends_the_session_after_the_response_is_booked() -> None:
    play = Play(MONEY, room=WORST + 19)
    play.note(created("a"), done("a"))
    assert play.owner.stopped == ["insufficient_quota"]
    assert play.desk.booked == [(1, "completed", 5, 20)]


def test_a_key_that_is_no_longer_good_ends_it_too() -> None:
    play = Play()
    play.desk.standing_error = Unauthenticated()
    play.note(created("a"), created("b"), done("b"), done("a"))
    assert play.owner.stopped == ["invalid_api_key"] * 2
    # What the vendor did before is booked to who asked for it.
    assert [line[1:] for line in play.desk.booked] == [("completed", 5, 20)] * 2


def test_the_client_waits_while_room_is_asked_for() -> None:
    play = Play(MONEY, room=WORST)
    play.desk.source.is_slow = True
    play.desk.source.room = 10**9
    play.note(created("a"), done("a"))
    assert (play.owner.held, play.owner.stopped) == ([True], [])
    play.note(created("b"))  # the vendor does not wait
    assert play.desk.journal.intents[-1].reserved_pico == 0
    play.desk.source.answer()
    assert play.owner.held == [True, False]
    assert [i.reserved_pico for i in play.desk.journal.intents] == [WORST, 0, WORST]
    play.note(done("b"))
    assert len(play.desk.journal.intents) == 3  # there is room for the next one already


def test_room_that_comes_after_the_end_is_given_back() -> None:
    play = Play(MONEY, room=WORST)
    play.desk.source.is_slow = True
    play.desk.source.room = 10**9
    play.note(created("a"), done("a"))
    play.turns.close(Outcome.CUT, "why")
    play.desk.source.answer()
    assert play.desk.booked[1:] == [(2, "not_sent", 0, 0)]


def test_who_is_leaving_takes_no_more_room() -> None:
    play = Play()
    play.note(created("a"))
    play.turns.takes_more = False
    play.note(done("a"))
    assert len(play.desk.journal.intents) == 1


def test_a_failed_response_is_cut() -> None:
    play = Play()
    play.note(created("a"), done("a", status="failed"))
    assert play.desk.booked == [(1, "cut", 5, 20)]
    assert play.desk.journal.settlements[0].detail == "vendor_error"


def test_a_response_without_usage_is_estimated() -> None:
    play = Play()
    play.note(created("a"), said("a", "123"), done("a", usage=None))
    [settled] = play.desk.journal.settlements
    assert (settled.outcome, settled.usage_source) == ("completed", "estimated")
    assert (settled.usage.output_tokens, settled.detail) == (2, "usage missing")
    assert settled.vendor_call_id == "a"


def test_messages_nobody_could_read_are_on_record_once() -> None:
    play = Play()
    play.turns.unread = 2
    play.note(created("a"), done("a"))
    play.turns.close(Outcome.CUT, "why")
    details = [settled.detail for settled in play.desk.journal.settlements]
    assert details == ["2 messages too long to be read", "the session ended"]


def test_responses_and_attempts_have_an_end() -> None:
    play = Play()
    play.note(*[created(f"r{number}") for number in range(RESPONSES_MAX)])
    assert play.owner.stopped == []
    play.note(created("one more"))
    assert play.owner.stopped == ["upstream_protocol_error"]
    play = Play()
    play.desk.books.attempts = ATTEMPTS_MAX
    play.note(done("a"))
    assert play.owner.stopped == ["overloaded"]


@pytest.mark.parametrize(
    ("model", "offer", "detail"),
    [
        ("words", "c1/words", ""),
        ("nobody", "c1/m", "transcription at the session's own rates"),
        ("", "c1/m", "transcription at the session's own rates"),
    ],
)
def test_what_is_transcribed_is_a_line_of_its_own(model: str, offer: str, detail: str) -> None:
    play = Play(MONEY)
    session = {"input_audio_transcription": {"model": model}}
    usage = {"input_tokens": 4, "output_tokens": 3}
    play.note(
        {"type": "session.updated", "session": session},
        {"type": TRANSCRIBED, "item_id": "i", "usage": usage},
    )
    [settled] = play.desk.journal.settlements
    assert (settled.cost_pico, settled.detail, settled.attempt) == (10, detail, 2)
    assert (play.desk.journal.intents[1].offer, play.desk.journal.intents[1].reserved_pico) == (
        offer,
        10,
    )
    assert play.owner.stopped == []


def test_transcriptions_too_end_with_the_budget() -> None:
    play = Play(MONEY, room=WORST + 5)
    play.note({"type": TRANSCRIBED, "usage": {"input_tokens": 4, "output_tokens": 3}})
    assert [line[3] for line in play.desk.booked] == [10]
    assert play.owner.stopped == ["insufficient_quota"]


def test_a_transcription_without_usage_is_on_record() -> None:
    play = Play()
    play.note({"type": TRANSCRIBED, "item_id": "i"})
    [settled] = play.desk.journal.settlements
    assert (settled.usage_source, settled.detail) == ("estimated", "usage missing")
