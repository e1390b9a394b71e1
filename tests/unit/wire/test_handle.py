from steelyard.wire.call import Failure, Timeouts
from steelyard.wire.handle import Handle


class Desk:
    """A pool and a connection in one, which only take notes."""

    def __init__(self) -> None:
        self.notes: list[object] = []

    def withdraw(self, handle: Handle) -> None:
        self.notes.append("withdraw")

    def count_failure(self, kind: str) -> None:
        self.notes.append(kind)

    def drop(self) -> None:
        self.notes.append("drop")

    def pause(self) -> None:
        self.notes.append("pause")

    def resume(self) -> None:
        self.notes.append("resume")

    def on_failed(self, failure: Failure) -> None:
        self.notes.append(failure.phase)


def make_handle() -> tuple[Handle, Desk]:
    desk = Desk()
    return Handle(desk, b"REQUEST", desk, Timeouts(), False), desk  # type: ignore[arg-type]


def test_a_call_that_waits_is_withdrawn():
    handle, desk = make_handle()
    handle.pause_reading()
    handle.resume_reading()
    handle.cancel()
    handle.cancel()
    handle.fail("timeout", "connect", "too late to be told")
    assert desk.notes == ["withdraw"]


def test_a_call_under_way_is_paused_once_and_dropped_once():
    handle, desk = make_handle()
    handle.connection = desk
    for step in (handle.pause_reading, handle.resume_reading, handle.cancel):
        step()
        step()
    assert desk.notes == ["pause", "resume", "drop"]


def test_a_failure_is_told_once():
    handle, desk = make_handle()
    handle.fail("timeout", "connect", "no connection in time")
    handle.fail("timeout", "connect", "no connection in time")
    handle.cancel()
    assert desk.notes == ["timeout", "connect"]
    assert handle.is_done
