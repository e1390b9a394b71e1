from steelyard.pricebook.sources.base import FINDINGS_MAX, Findings
from steelyard.pricebook.sources.intervals import check_intervals
from unit.pricebook.sources.lists import kinds, line, read


def test_adjoining_intervals_do_not_overlap() -> None:
    parsed = read(line(effective_to="2024-06-01"), line(effective_from="2024-06-01"))
    assert parsed.is_sound


def test_a_long_interval_overlaps_all_within_it() -> None:
    parsed = read(
        line(effective_from="2024-01-01"),
        line(effective_from="2024-02-01", effective_to="2024-03-01"),
        line(effective_from="2024-04-01", effective_to="2024-05-01"),
    )
    assert kinds(parsed) == [("overlap", 3), ("overlap", 4)]
    assert all("lines 2 and" in finding.message for finding in parsed.findings)


def test_equal_prices_for_equal_days_are_duplicates() -> None:
    parsed = read(line(), line(), line(price="9"))
    assert [(f.kind, f.line) for f in parsed.findings] == [("duplicate", 3), ("duplicate", 4)]
    assert "the same price" in parsed.findings[0].message
    assert "two prices" in parsed.findings[1].message


def test_overlaps_beyond_the_bound_are_counted() -> None:
    parsed = read(*[line()] * (FINDINGS_MAX + 3))
    assert len(parsed.findings) == FINDINGS_MAX + 1
    assert parsed.findings[-1].message.startswith("2 more")


def test_other_listings_items_and_conditions_are_apart() -> None:
    parsed = read(
        line(),
        line(item="output"),
        line(currency="USD"),
        line(channel="reseller"),
        line(condition="thinking"),
    )
    assert parsed.is_sound
    findings = Findings()
    check_intervals(parsed.rates, findings)
    assert findings.all() == ()
