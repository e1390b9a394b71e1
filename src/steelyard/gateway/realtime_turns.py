"""The responses of one realtime session, from its events: which are under way, and what is booked.

Every response is an attempt that was reserved for before it began, as far as anybody could know: a
vendor may begin one unasked. What cannot be refused any more is booked without, and the session
ends with the first refusal. No sockets here; the session is told by ``Owner``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from steelyard.dialects.base import Answer
from steelyard.dialects.openai_realtime import CREATED, DELTA, DONE, SESSION, TRANSCRIBED, Event
from steelyard.domain.calls import Outcome
from steelyard.domain.errors import DialectViolated, Overloaded, SteelyardError
from steelyard.domain.usage import Usage
from steelyard.gateway.realtime_booking import Books, Standing, Turn
from steelyard.gateway.steps import start

RESPONSES_MAX = 64
"""Responses under way at once; a vendor with more has lost count, or we have."""
ATTEMPTS_MAX = 9_000
"""Attempts of one session: their numbers have four digits, and some are needed to end it."""


class Owner(Protocol):
    """What the books say to the session."""

    def stop(self, error: SteelyardError) -> None:
        """Ends it: nothing more can be reserved."""

    def hold(self, is_waiting: bool) -> None:
        """Makes the client wait while room for the next response is asked for, or lets it go on."""


class Turns:
    """What is under way, what is kept for the next response, and the way from one to the other.

    Args:
        books: of the session.
        stands: says anew who pays and for what, or raises a ``SteelyardError`` that ends it.
        turn: room for the first response.
        clock: monotonic seconds.
    """

    __slots__ = (
        "_books",
        "_clock",
        "_is_over",
        "_is_renewing",
        "_running",
        "_spare",
        "_standing",
        "_stands",
        "_transcriber",
        "owner",
        "takes_more",
        "unread",
    )

    owner: Owner

    def __init__(
        self,
        books: Books,
        stands: Callable[[], Standing],
        turn: Turn,
        clock: Callable[[], float],
    ) -> None:
        self._books = books
        self._clock = clock
        self._stands = stands
        self._standing = turn.standing
        self._spare: Turn | None = turn
        self._running: dict[str, Turn] = {}
        self._transcriber = ""
        self._is_over = False
        self._is_renewing = False
        self.takes_more = True
        """Whether there shall be another response after those under way."""
        self.unread = 0
        """Messages that were too long to be read since the last settlement."""

    @property
    def running(self) -> Collection[Turn]:
        """Responses under way."""
        return self._running.values()

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self._books.call_id

    def note(self, event: Event) -> None:
        """Books along with one event of the vendor's."""
        if self._is_over:
            return
        if event.kind == DELTA:
            self._measure(event)
        elif event.kind == CREATED:
            self._begin(event.response_id)
        elif event.kind == DONE:
            self._settle(event)
        elif event.kind == TRANSCRIBED:
            start(self._transcribed(event))
        elif event.kind == SESSION:
            self._transcriber = event.transcriber

    def close(self, outcome: Outcome, detail: str) -> None:
        """Books what is still open; again does nothing."""
        if self._is_over:
            return
        self._is_over = True
        running, self._running = self._running, {}
        detail = self._remark() or detail
        for turn in running.values():
            self._books.settle(turn, turn.seen(), outcome, detail)
        spare, self._spare = self._spare, None
        if spare is not None:
            self._unused(spare)

    def _begin(self, response_id: str) -> None:
        if response_id in self._running:
            return
        if len(self._running) >= RESPONSES_MAX:
            self.owner.stop(DialectViolated("The vendor has too many responses under way."))
            return
        turn = self._take_spare()
        if turn is not None:
            turn.begun_s = self._clock()
            self._running[response_id] = turn

    def _measure(self, event: Event) -> None:
        turn = self._running.get(event.response_id)
        if turn is not None:
            turn.first_s = turn.first_s or self._clock()
            turn.text_bytes += event.text_bytes
            turn.sound_bytes += event.sound_bytes

    def _settle(self, event: Event) -> None:
        """Books a response that is done, and takes room for the next one."""
        turn = self._running.pop(event.response_id, None) or self._take_spare()
        if turn is None:
            return
        answer, detail = event.answer, event.answer.usage_fault
        usage = answer.usage
        if usage is None:
            answer = turn.seen()._replace(call_id=answer.call_id, finish=answer.finish)
        else:
            self._books.context = max(1, usage.input_tokens + usage.output_tokens)
        if event.is_failed:
            detail = "vendor_error"  # its words are for the client alone: they may quote him
        detail = detail or self._remark()
        outcome = Outcome.CUT if event.is_failed else Outcome.COMPLETED
        self._books.settle(turn, answer, outcome, detail)
        if self.takes_more and self._spare is None and not self._is_renewing:
            self._is_renewing = True
            start(self._renew())
            if self._is_renewing:
                # What the client asks for meanwhile would be reserved for by nobody.
                self.owner.hold(True)

    def _take_spare(self) -> Turn | None:
        """Room for a response that has begun; also where none could be reserved."""
        turn, self._spare = self._spare, None
        if turn is not None:
            return turn
        try:
            return self._books.overrun(self._standing)
        except SteelyardError as error:
            self.owner.stop(error)
            return None

    def _stand(self) -> Standing:
        standing = self._standing = self._stands()
        return standing

    async def _renew(self) -> None:
        try:
            if self._books.attempts >= ATTEMPTS_MAX:
                raise Overloaded("The session had too many responses; begin another one.")
            turn = await self._books.open(self._stand())
        except SteelyardError as error:
            self._is_renewing = False
            self.owner.stop(error)
            return
        self._is_renewing = False
        if self._is_over:
            self._unused(turn)
            return
        self._spare = turn
        self.owner.hold(False)

    async def _transcribed(self, event: Event) -> None:
        """Books what the vendor transcribed: by its own model's price, where that is known."""
        answer, detail = event.answer, event.answer.usage_fault
        if answer.usage is None:
            # Nobody knows how long the sound was; that there was some is on record.
            answer = answer._replace(usage=Usage(), is_partial=True)
        refused: SteelyardError | None = None
        try:
            try:
                standing = self._of_transcriber(self._stand())
                turn = await self._books.open(standing, known=answer.usage)
            except SteelyardError as error:
                refused = error
                turn = self._books.overrun(self._of_transcriber(self._standing))
        except SteelyardError as error:
            self.owner.stop(error)
            return
        if turn.standing.candidate.name == self._standing.candidate.name:
            detail = detail or "transcription at the session's own rates"
        self._books.settle(turn, answer, Outcome.COMPLETED, detail)
        if refused is not None:
            self.owner.stop(refused)

    def _of_transcriber(self, standing: Standing) -> Standing:
        """The same for the model that transcribes, if its channel offers it apart."""
        candidates = standing.view.candidates(self._transcriber) if self._transcriber else None
        channel = standing.candidate.channel.name
        own = [found for found in candidates or () if found.channel.name == channel]
        return standing._replace(candidate=own[0]) if own else standing

    def _remark(self) -> str:
        """What the books cannot know, for the next line that is booked."""
        unread, self.unread = self.unread, 0
        return f"{unread} messages too long to be read" if unread else ""

    def _unused(self, turn: Turn) -> None:
        """Room that no response came to: a line of cost 0."""
        detail = self._remark() or "the session ended"
        self._books.settle(turn, Answer(None), Outcome.NOT_SENT, detail)
