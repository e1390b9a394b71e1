import pytest

from steelyard.domain.offers import Channel, ChannelKind, Offer, Vendor, check_name


def test_sound_values_are_made() -> None:
    assert Vendor("openai", "OpenAI").title_zh == ""
    assert (
        Channel("openai", "openai", ChannelKind.OFFICIAL, "https://x/v1").dialect == "openai_chat"
    )
    assert Offer("openai/gpt", "gpt", "openai", "gpt-4", 8192, 8192).enabled


@pytest.mark.parametrize("name", ["", "a b", "a\r\nb", "-a", "ä", "a" * 129])
def test_names_are_safe_in_headers_and_logs(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        check_name("offer", name)
    with pytest.raises(ValueError, match="vendor"):
        Vendor(name, "x")
    with pytest.raises(ValueError, match="channel"):
        Channel(name, "v", ChannelKind.CLOUD, "")
    with pytest.raises(ValueError, match="model"):
        Offer("o", name, "c", "m", 10, 5)


@pytest.mark.parametrize(("context", "output"), [(10, 0), (10, 11), (0, 0)])
def test_an_offer_holds_its_output_within_its_context(context: int, output: int) -> None:
    with pytest.raises(ValueError, match="output_tokens_max"):
        Offer("o", "m", "c", "m", context, output)
