from steelyard.testing.records import make_intent, make_settlement


def test_a_settlement_is_that_of_its_intent():
    intent = make_intent(9, attempt=2, currency="USD")
    settlement = make_settlement(intent, status=503)
    assert settlement[:3] == intent[:3] == (18, 9, 2)
    assert (settlement.currency, settlement.status) == ("USD", 503)
    settlement.usage.check()
