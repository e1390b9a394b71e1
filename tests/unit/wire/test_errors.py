from steelyard.wire.errors import BadField, BadRequest, WireError


def test_a_refusal_says_how_to_answer():
    refusal = BadRequest(431, "headers_too_large", "Too long.")
    assert (refusal.status, refusal.code, refusal.message) == (
        431,
        "headers_too_large",
        "Too long.",
    )
    assert isinstance(refusal, WireError)
    assert str(refusal) == "Too long."


def test_a_bad_field_is_a_malformed_header_unless_it_says_more():
    assert BadField("x").code == "malformed_header"
