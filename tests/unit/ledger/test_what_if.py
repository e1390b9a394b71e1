import random
from collections import defaultdict

import pytest

from steelyard.domain.errors import InvalidRequest
from steelyard.domain.usage import Usage
from steelyard.journal.segment import Journal
from steelyard.ledger.cells import Prices, Sold
from steelyard.ledger.reports import Query
from steelyard.ledger.scan import Question
from steelyard.ledger.scribe import Scribe
from steelyard.ledger.what_if import Row, Unpriced, WhatIf
from steelyard.pricebook.book import END_COUNT, END_NS, Card, Period, card_of, flat, price, unpriced
from steelyard.store.books import NS_PER_DAY, NS_PER_HOUR
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

DAY_NS = CALLED_AT_NS // NS_PER_DAY * NS_PER_DAY
NOW_NS = DAY_NS + 10 * NS_PER_DAY
ALWAYS = (0, END_NS)
LINES = 400


def card(prices, **changes):
    found = Card(0, END_COUNT, 0, END_COUNT, -1, "", prices, {}, (), (), ("r",))
    return found._replace(**changes)


def period(*cards, span=ALWAYS, denominator=1):
    return Period(*span, denominator, cards, (0, 0, 0))


BY_LENGTH = [
    card((5, 9, 5, 5, 9, 1), input_to=500, output_to=100),
    card((6, 10, 6, 6, 10, 1), input_to=500, output_from=100),
    card((7, 11, 2, 7, 11, 1), input_from=500, input_to=900),
]
PRICES = {
    "flat": Prices("CNY", [flat(ALWAYS, (20, 50, 3, 25, 60, 7), ("r",))]),
    "long": Prices("CNY", [period(*BY_LENGTH)]),
    "marginal": Prices(
        "USD",
        [period(card((10, 30, 4, 12, 40, 0), steps=((0, 200, 5), (1, 50, -3), (2, 10, 2))))],
    ),
    "thinking": Prices(
        "USD",
        [period(card((2, 3, 2, 2, 3, 0), thinking=0), card((2, 3, 2, 2, 8, 0), thinking=1))],
    ),
    "served": Prices(
        "USD",
        [period(card((8, 9, 8, 8, 9, 0)), card((4, 5, 4, 4, 5, 0), tier="batch"))],
    ),
    "dated": Prices(
        "CNY",
        [
            flat((0, DAY_NS + NS_PER_DAY), (4, 4, 4, 4, 4, 0), ("a",)),
            flat((DAY_NS + NS_PER_DAY, DAY_NS + 3 * NS_PER_DAY), (3, 3, 3, 3, 3, 0), ("b",)),
            flat((DAY_NS + 4 * NS_PER_DAY, END_NS), (2, 2, 2, 2, 2, 0), ("c",)),
        ],
    ),
    "ended": Prices(
        "CNY",
        [flat((DAY_NS + NS_PER_DAY, END_NS), (3, 3, 3, 3, 3, 0), ("b",))],
        is_priced_at_end=True,
    ),
    "hours": Prices(
        "CNY",
        [
            flat((0, 8 * NS_PER_HOUR), (1, 1, 1, 1, 1, 0), ("night",)),
            flat((8 * NS_PER_HOUR, NS_PER_DAY), (2, 2, 2, 2, 2, 0), ("day",)),
        ],
        is_daily=True,
    ),
    "fine": Prices("CNY", [flat(ALWAYS, (1, 2, 1, 1, 2, 0), ("r",), 3)]),
    "audible": Prices(
        "CNY",
        [period(card((9, 9, 9, 9, 9, 0), extras={"input_audio": (90, 1), "search": (10**9, 7)}))],
    ),
    "half": Prices("CNY", [period(card((9, 0, 9, 9, 0, 0), missing=("output",)))]),
}


def draw(seed):
    """Lines of every kind as (intent, settlement)."""
    draws = random.Random(seed)
    for sequence in range(1, LINES + 1):
        offer = draws.choice([*PRICES, "unheard"])
        incoming, outgoing = draws.randrange(1200), draws.randrange(1, 300)
        read = draws.choice([0, draws.randrange(incoming // 2 + 1)])
        extras = ()
        if offer in ("audible", "flat") and draws.random() < 0.4:
            extras = (("input_audio", (incoming - read) // 3), ("search", 2))
        usage = Usage(
            *(incoming, outgoing, read, draws.choice([0, incoming // 4])),
            reasoning_tokens=draws.choice([0, outgoing // 2]),
            extras=extras,
        )
        intent = make_intent(
            sequence,
            offer=offer,
            model=f"m-{offer}",
            task=draws.choice(["", "a", "b"]),
            account_path=draws.choice(["acc_1", "acc_1/acc_2", "acc_1/acc_3"]),
            called_at_ns=DAY_NS + draws.randrange(6 * NS_PER_DAY),
            currency=draws.choice(["CNY", "CNY", "USD"]),
        )
        settlement = make_settlement(
            intent,
            usage=usage,
            cost_pico=draws.randrange(10**6),
            settled_at_ns=intent.called_at_ns + draws.randrange(NS_PER_DAY),
            tier=draws.choice(["", "", "batch", "odd"]) if offer in ("served", "flat") else "",
        )
        yield intent, settlement


def cost_now(intent, settlement):
    """What one line costs, line by line as the worker prices; None for unpriced."""
    prices = PRICES.get(intent.offer)
    if prices is None:
        return None
    at_ns = settlement.settled_at_ns if prices.is_priced_at_end else intent.called_at_ns
    if prices.is_daily:
        at_ns %= NS_PER_DAY
    for found in prices.periods:
        if found.from_ns <= at_ns < found.to_ns:
            chosen = card_of(found, settlement.usage, settlement.tier)
            if chosen is None or unpriced(chosen, settlement.usage):
                return None
            return price(found, chosen, settlement.usage)
    return None


@pytest.fixture
def make_lines(home, database, make_journal):
    """Books lines in several parts, the last ones in the tail; gives the question's answerer."""

    def make(lines):
        journal = make_journal(segment_bytes=2**20)
        with Scribe(home, database) as scribe:
            for number, (intent, settlement) in enumerate(lines, start=1):
                journal.append_intent(intent)
                journal.append_settlement(settlement)
                if number % 100 == 0 and number < LINES:
                    scribe.run_once(NOW_NS)
        return WhatIf(home, database, clock=lambda: NOW_NS)

    return make


def prices_of(sold):
    return PRICES.get(sold.offer)


KNOWN = [Sold(offer, f"m-{offer}") for offer in PRICES]


@pytest.mark.parametrize("known", [KNOWN, KNOWN[:3], []], ids=["known", "some", "none"])
def test_sums_are_priced_as_each_line_is(make_lines, known):
    lines = list(draw(7))
    answer = make_lines(lines).ask(Question(["task"]), prices_of, known)
    expected = defaultdict(lambda: [0, 0, 0, 0, 0])
    left_out = defaultdict(lambda: [0, 0])
    for intent, settlement in lines:
        now = cost_now(intent, settlement)
        if now is None:
            sums = left_out[intent.offer, intent.currency]
            sums[0] += 1
            sums[1] += settlement.cost_pico
            continue
        sums = expected[(intent.task,), intent.currency, PRICES[intent.offer].currency]
        usage = settlement.usage
        for place, number in enumerate(
            (1, usage.input_tokens, usage.output_tokens, settlement.cost_pico, now)
        ):
            sums[place] += number
    # Two offers have prices that are no whole pico-units: half of one per line at most.
    assert answer.is_rounded
    found = {row[:3]: list(row[3:]) for row in answer.rows}
    assert found.keys() == expected.keys()
    for key, sums in expected.items():
        assert found[key][:4] == sums[:4]
        assert abs(found[key][4] - sums[4]) <= sums[0]
    assert {
        (one.offer, one.currency): [one.lines, one.then_pico] for one in answer.unpriced
    } == left_out
    assert answer.lines == LINES


def test_whole_prices_are_equal_to_the_last_digit(make_lines):
    whole = {name for name in PRICES if name not in ("fine", "audible")}
    lines = [line for line in draw(8) if line[0].offer in whole]
    answer = make_lines(lines).ask(Question(), prices_of, KNOWN)
    assert not answer.is_rounded
    costs = defaultdict(int)
    for line in lines:
        now = cost_now(*line)
        if now is not None:
            costs[line[0].currency, PRICES[line[0].offer].currency] += now
    assert {row[1:3]: row.now_pico for row in answer.totals} == costs
    assert answer.rows == answer.totals


def test_without_cache_hits_every_input_token_costs_the_plain_price(make_lines):
    lines = [line for line in draw(9) if line[0].offer in ("flat", "long", "marginal")]
    answer = make_lines(lines).ask(Question(has_cache_hits=False), prices_of, KNOWN)
    costs = defaultdict(int)
    for intent, settlement in lines:
        usage = settlement.usage._replace(cache_read_tokens=0, cache_write_tokens=0)
        now = cost_now(intent, settlement._replace(usage=usage))
        if now is not None:
            costs[intent.currency, PRICES[intent.offer].currency] += now
    assert {row[1:3]: row.now_pico for row in answer.totals} == costs


def test_an_account_holds_those_below_it_and_totals_count_once(make_lines):
    lines = [line for line in draw(10) if line[0].offer == "dated" and line[0].currency == "CNY"]
    answer = make_lines(lines).ask(Question(["account", "model"]), prices_of, KNOWN)
    rows = {row.groups[0]: row for row in answer.rows}
    assert rows.keys() == {"acc_1", "acc_2", "acc_3"}
    (total,) = answer.totals
    assert rows["acc_1"][3:] == total[3:]
    assert rows["acc_2"].lines + rows["acc_3"].lines < total.lines
    assert all(row.groups[1] == "m-dated" for row in answer.rows)


def test_a_difference_is_within_one_currency():
    row = Row((), "CNY", "CNY", 1, 1, 1, 10, 4)
    assert row.difference_pico == -6
    assert row._replace(currency_now="USD").difference_pico is None


def test_only_calls_within_the_time_and_conditions_count(make_lines):
    lines = list(draw(11))
    since_ns, until_ns = DAY_NS + NS_PER_DAY, DAY_NS + 2 * NS_PER_DAY
    wanted = [
        line
        for line in lines
        if since_ns <= line[0].called_at_ns < until_ns and line[0].task == "a"
    ]
    query = Query({"task": ["a", "' OR 1=1"]}, since_ns, until_ns)
    answer = make_lines(lines).ask(Question(["day"], query), prices_of, KNOWN)
    assert sum(row.lines for row in answer.totals) + sum(
        one.lines for one in answer.unpriced
    ) == len(wanted)
    assert {row.groups for row in answer.rows} == {(since_ns // NS_PER_DAY,)}


def test_what_did_not_exist_is_told_and_not_counted(make_lines):
    intent = make_intent(1, offer="new", model="newest")
    answer = make_lines([(intent, make_settlement(intent))]).ask(
        Question(["model"]), lambda sold: None, [Sold("new", "newest")]
    )
    assert answer.rows == answer.totals == []
    assert answer.unpriced == [Unpriced("new", "newest", "CNY", 1, 12, 30, 700)]


def test_attempts_under_way_and_an_empty_ledger(home, database, make_journal):
    ask = WhatIf(home, database, clock=lambda: NOW_NS).ask
    assert ask(Question(["task"]), prices_of).lines == 0
    make_journal().append_intent(make_intent(1))
    assert ask(Question(["task"]), prices_of).lines == 0


def test_adjustments_change_what_it_cost_then_and_its_tokens(make_lines, home, database):
    intent = make_intent(1, offer="flat", model="m-flat")
    first = make_settlement(intent, usage=Usage(10, 10))
    answerer = make_lines([(intent, first)])
    with Scribe(home, database) as scribe:
        scribe.run_once(NOW_NS)
        late = first._replace(usage=Usage(4, 12), cost_pico=500)
        journal = Journal(home / "journal", 19, 2**16)
        journal.append_settlement(late._replace(incarnation=18))
        scribe.run_once(NOW_NS)
        journal.close()
    answer = answerer.ask(Question(), prices_of, KNOWN)
    (total,) = answer.totals
    assert total.then_pico == 500
    assert total[4:6] == (4, 12)
    assert total.now_pico == price(
        PRICES["flat"].periods[0],
        BY_LENGTH[0]._replace(prices=(20, 50, 3, 25, 60, 7)),
        Usage(4, 12),
    )


@pytest.mark.parametrize(
    "question", [Question(["mood"]), Question(["task"], Query({"mood": ["x"]}))]
)
def test_unknown_names_are_refused(home, database, question):
    with pytest.raises(InvalidRequest, match="one of"):
        WhatIf(home, database).ask(question, prices_of)


def test_progress_is_told_and_may_end_the_scan(make_lines):
    lines = list(draw(12))
    seen = []
    answerer = make_lines(lines)
    answerer.ask(Question(), prices_of, KNOWN, lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, LINES)
    assert seen[-1] == (LINES, LINES)
    assert seen == sorted(seen)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answerer.ask(Question(), prices_of, KNOWN, stop)
    answerer.ask(Question(), prices_of, [], lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2 * LINES, 2 * LINES), "what was not known needs a second scan"
