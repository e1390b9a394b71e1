from steelyard.gateway.steps import Signal, start


def test_a_signal_may_be_fired_before_or_after_it_is_awaited() -> None:
    told: list[object] = []
    early: Signal[int] = Signal()
    late: Signal[int] = Signal()

    async def steps() -> None:
        told.append(await early)
        told.append(await late)
        told.append(await early)

    early.fire(1)
    start(steps())
    assert told == [1]
    late.fire(2)
    assert told == [1, 2, 1]


def test_only_the_first_firing_counts() -> None:
    signal: Signal[str] = Signal()
    told = []

    async def steps() -> None:
        told.append(await signal)

    signal.fire("a")
    signal.fire("b")
    start(steps())
    assert told == ["a"]


def test_an_error_comes_out_where_the_coroutine_was_resumed() -> None:
    signal: Signal[None] = Signal()

    async def steps() -> None:
        await signal
        raise LookupError

    start(steps())
    try:
        signal.fire(None)
    except LookupError:
        return
    raise AssertionError("the error was swallowed")
