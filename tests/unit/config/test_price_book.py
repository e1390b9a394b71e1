from __future__ import annotations

import pytest
from pydantic import ValidationError

from steelyard.config.price_book import Watch, every_s


def test_nothing_is_followed_told_or_fetched_by_itself() -> None:
    watch = Watch()
    assert (watch.follow, watch.webhook, watch.fetch) == ("none", None, ())


def test_what_is_watched_may_be_said() -> None:
    watch = Watch.model_validate(
        {
            "follow": "cuts",
            "webhook": {"url": "https://example.org/x", "secret": "hush"},
            "fetch": [{"source": "litellm", "url": "https://lists/p.json", "every": "12h"}],
        }
    )
    assert "hush" not in repr(watch)
    assert every_s(watch.fetch[0].every) == 12 * 3600


@pytest.mark.parametrize("text", ["", "0d", "1w", "1.5h", "d", "99999h"])
def test_a_pause_is_hours_or_days(text: str) -> None:
    with pytest.raises(ValueError, match="write hours or days"):
        every_s(text)
    with pytest.raises(ValidationError):
        Watch.model_validate({"fetch": [{"source": "own", "url": "https://x/y", "every": text}]})


@pytest.mark.parametrize("url", ["ftp://x/y", "x", "file:///etc/passwd", "http://a b"])
def test_lists_and_listeners_are_reached_over_http(url: str) -> None:
    with pytest.raises(ValidationError):
        Watch.model_validate({"fetch": [{"source": "own", "url": url}]})
    with pytest.raises(ValidationError):
        Watch.model_validate({"webhook": {"url": url, "secret": "s"}})


@pytest.mark.parametrize(
    "url", ["http://lists/p.json", "http://[x/p", "https:///p", "http://10.0.0.1/"]
)
def test_lists_are_fetched_where_nobody_changes_them_on_the_way(url: str) -> None:
    with pytest.raises(ValidationError, match="over https, since whoever"):
        Watch.model_validate({"fetch": [{"source": "own", "url": url}]})
    for own in ("http://localhost:1/p", "http://127.0.0.1/p", "http://[::1]/p"):
        assert Watch.model_validate({"fetch": [{"source": "own", "url": own}]}).fetch
