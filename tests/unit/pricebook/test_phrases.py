"""The table of phrases: each means what the list that words it so means, and no two rates tie."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations

import pytest

from steelyard.domain.conditions import ALWAYS, Clock, Condition, deciding, is_narrower
from steelyard.domain.listings import ListedRate, Parsed
from steelyard.pricebook import shipped
from steelyard.pricebook.phrases import PhraseTable, merge, read_phrases
from unit.pricebook import shipped_rig

TABLE = shipped.phrases()
ROWS = list(csv.DictReader(io.StringIO(shipped.read("prices.csv").decode("utf-8"))))


def test_the_table_holds_every_phrase_of_the_list_and_no_other() -> None:
    used = {row["condition"] for row in ROWS}
    assert len(used) == 97
    assert all(TABLE.look_up(phrase) is not None for phrase in used)
    assert len(TABLE) == 96  # and the empty one
    assert "" not in TABLE
    assert "input>128k" in TABLE


@pytest.mark.parametrize(
    ("phrase", "condition"),
    [
        ("", ALWAYS),
        ("input 0k-32k", Condition(input_to=32_001)),
        ("input 128k-252k", Condition(input_from=128_001, input_to=252_001)),
        ("prompt<=272k", Condition(input_to=272_001)),
        ("prompt>272k (whole request)", Condition(input_from=272_001)),
        ("input 0k-32k; output 0k-0.2k", Condition(input_to=32_001, output_to=201)),
        ("input 0k-32k; output>0.2k", Condition(input_to=32_001, output_from=201)),
        ("[0, 0.128]_[false]", Condition(input_to=128_001, thinking=False)),
        ("[0.256, infinity]_[true]", Condition(input_from=256_001, thinking=True)),
        ("international (Singapore)", Condition(region="intl")),
        ("hosted by Groq", Condition(seller="Groq")),
        ("1024x1024 high", Condition(variant="1024x1024 high")),
        ("Message Batches", Condition(tier="batch")),
        ("batch at 50%, input 0-32k", Condition(tier="batch", input_to=32_001)),
        ("off-peak (all other hours)", ALWAYS),
        ("V3.1", ALWAYS),
        ("lowest tier", ALWAYS),
        (
            "peak 09:00-12:00 and 14:00-18:00 Asia/Shanghai Mon-Fri (CN holidays excluded)",
            Condition(
                clock=Clock("Asia/Shanghai", ((540, 720), (840, 1080)), frozenset(range(5)), "CN")
            ),
        ),
        ("UTC 16:30-00:30 off-peak", Condition(clock=Clock("UTC", ((990, 30),)))),
        ("list price", Condition(is_list_price=True)),
    ],
)
def test_what_decides_in_a_phrase(phrase: str, condition: Condition) -> None:
    found = TABLE.look_up(phrase)
    assert found is not None
    assert deciding(found) == condition


def test_parts_joined_by_a_semicolon_are_looked_up_one_by_one() -> None:
    assert TABLE.look_up("input>32k; thinking;hosted by Groq") == Condition(
        input_from=32_001, thinking=True, seller="Groq"
    )
    assert TABLE.look_up("input>32k; on Tuesdays") is None
    assert TABLE.look_up("on Tuesdays") is None
    with pytest.raises(ValueError, match="two things of input_to"):
        TABLE.look_up("input 0k-32k; input 0k-128k")


def test_merging_joins_what_only_tells() -> None:
    one, other = Condition(remark="a", tier="batch"), Condition(remark="b", version="V3")
    assert merge(one, other) == Condition(remark="a; b", tier="batch", version="V3")
    assert merge(one, ALWAYS) == one


def test_exceptions_are_of_some_models() -> None:
    assert TABLE.look_up("Batch API, 24h window", "gpt-4o") == Condition(
        tier="batch", remark="within 24 hours"
    )
    found = TABLE.look_up("Batch API, 24h window", "gpt-5.4")
    assert found is not None
    assert found.input_to == 272_001


def test_zones_are_of_vendors() -> None:
    assert TABLE.zone_of("DeepSeek").key == "Asia/Shanghai"
    assert TABLE.zone_of("OpenAI").key == "UTC"
    vendors = {row["vendor"] for row in ROWS}
    chinese = {vendor for vendor in vendors if TABLE.zone_of(vendor).key == "Asia/Shanghai"}
    assert vendors - chinese == {"OpenAI", "Anthropic", "Meta Llama", "Deepbricks"}


def test_a_table_of_ones_own_goes_first() -> None:
    own = read_phrases(
        "phrases: {on Tuesdays: {clock: {zone: UTC, windows: ['00:00-00:00'], "
        "weekdays: [1]}}, thinking: {}}\nzones: {Asia/Tokyo: [Example]}"
    )
    joined = TABLE.joined(own)
    assert joined.look_up("thinking") == ALWAYS
    assert joined.look_up("on Tuesdays") == Condition(clock=Clock("UTC", ((0, 0),), frozenset([1])))
    assert joined.look_up("input>32k") == TABLE.look_up("input>32k")
    assert joined.zone_of("Example").key == "Asia/Tokyo"


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "- a",
        "phrase: {}",
        "phrases: {a: 3}",
        "phrases: {a: {length: 3}}",
        "phrases: {a: {input_from: 3, input_to: 2}}",
        "phrases: {a: {clock: {zone: UTC, windows: ['9-12']}}}",
        "phrases: {a: {clock: {zone: Mars, windows: ['09:00-12:00']}}}",
        "phrases: {a: {clock: {zone: UTC, windows: ['09:00-99:00']}}}",
        "phrases: {a: {clock: {windows: []}}}",
        "zones: {Mars/Base: [A]}",
    ],
)
def test_tables_that_say_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="phrase|table|zone"):
        read_phrases(text)


def meets(one: Condition, other: Condition) -> bool:
    """Whether a call may be of both; hours are taken to meet."""
    for name in ("input", "output", "volume"):
        begin = max(getattr(one, f"{name}_from"), getattr(other, f"{name}_from"))
        ends = (getattr(one, f"{name}_to"), getattr(other, f"{name}_to"))
        if any(end is not None and begin >= end for end in ends):
            return False
    for name in ("thinking", "tier", "region", "seller", "variant"):
        mine, its = getattr(one, name), getattr(other, name)
        free = getattr(ALWAYS, name)
        if mine != its and free not in (mine, its):
            return False
    return True


def ties(rates: list[ListedRate]) -> list[str]:
    """Pairs that hold at one instant for one call, neither the narrower, with none below both."""
    found = []
    for one, other in combinations((listed.rate for listed in rates), 2):
        if one.valid_to is not None and one.valid_to <= other.valid_from:
            continue
        if other.valid_to is not None and other.valid_to <= one.valid_from:
            continue
        mine, its = one.condition, other.condition
        if not meets(mine, its) or is_narrower(mine, its) or is_narrower(its, mine):
            continue
        below = (rate.rate.condition for rate in rates)
        if not any(is_narrower(c, mine) and is_narrower(c, its) for c in below):
            found.append(f"{one.rate_id} and {other.rate_id}")
    return found


@pytest.mark.parametrize("parsed", [shipped_rig.own, shipped_rig.genai])
def test_no_two_rates_of_a_shipped_list_tie(parsed: Callable[[], Parsed]) -> None:
    groups = defaultdict(list)
    for listed in parsed().rates:
        groups[listed.listing, listed.rate.item].append(listed)
    assert len(groups) > 500
    assert [tie for group in groups.values() for tie in ties(group)] == []


def test_an_empty_table_knows_no_phrase() -> None:
    assert PhraseTable({}).look_up("thinking") is None
