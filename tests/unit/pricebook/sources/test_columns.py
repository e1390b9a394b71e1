from fractions import Fraction

import pytest

from steelyard.domain.rates import COUNTED, UNIT_COUNTS
from steelyard.pricebook.sources import columns
from steelyard.pricebook.sources.base import Findings
from steelyard.pricebook.sources.columns import (
    ITEM_NAMES,
    UNIT_NAMES,
    BadCell,
    Cells,
    RowReader,
    read_item,
)
from unit.pricebook.sources.lists import READING, ROW


def test_every_item_of_the_book_has_a_name_and_a_unit() -> None:
    items = {item for item, _ in ITEM_NAMES.values()}
    assert items == set(COUNTED)
    counted = {UNIT_COUNTS[unit] for unit in UNIT_NAMES.values()}
    assert counted == set(COUNTED.values())


def test_an_unknown_item_names_its_neighbour() -> None:
    assert read_item("batch_input") == ("input", "batch")
    with pytest.raises(BadCell, match="is it output"):
        read_item("outputs")


def test_a_factor_and_a_part_are_for_sheets() -> None:
    reader = RowReader(READING, Findings())
    listed = reader.read(Cells(**ROW), 7, ".2", Fraction(1000))
    assert listed is not None
    assert (listed.rate.rate_id, listed.rate.amount) == ("own:7.2", 800)


def test_texts_beyond_the_bound_are_read_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "SHARED_MAX", 1)
    reader = RowReader(READING, Findings())
    for number in range(3):
        listed = reader.read(Cells(**{**ROW, "note": f"note {number}"}), number)
        assert listed is not None
        assert listed.note == f"note {number}"


def test_a_row_that_is_wrong_gives_nothing_and_says_whose_it_is() -> None:
    findings = Findings()
    assert RowReader(READING, findings).read(Cells(**{**ROW, "price": "x"}), 3) is None
    (finding,) = findings.all()
    assert "[ByteDance doubao-pro-32k input]" in finding.message
