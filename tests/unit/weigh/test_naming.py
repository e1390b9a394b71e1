import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.catalog import shipped_tasks
from steelyard.weigh.naming import find_meant


@pytest.mark.parametrize(
    ("words", "language", "name"),
    [
        ("bank/intent", "", "bank/intent"),
        ("bank-intent", "", "bank/intent"),
        ("Bank_Intent", "en", "bank/intent"),
        ("after-sales-intent", "", "after-sales/intent-zh"),
        ("after-sales-intent", "zh", "after-sales/intent-zh"),
        ("after-sales-intent", "en", "bank/intent"),
        ("after-sales/intent", "", "after-sales/intent-zh"),
        ("data-analysis-sql", "", "data/sql"),
        ("data-sql", "", "data/sql"),
        ("data-sql", "zh", "data/sql-zh"),
        ("shopping-guide-wish-slots", "", "shop/wish-slots-zh"),
        ("translation-en-zh", "", "translation/en-zh"),
        ("knowledge-qa-reading", "zh", "knowledge/reading-zh"),
    ],
)
def test_a_task_is_found_as_people_call_it(words: str, language: str, name: str) -> None:
    assert find_meant(words, shipped_tasks(), language).task.name == name


def test_other_tasks_that_the_words_fit_are_told() -> None:
    found = find_meant("after-sales-intent", shipped_tasks())
    assert [task.name for task in found.others] == ["bank/intent"]
    assert find_meant("bank/intent", shipped_tasks()).others == ()


@pytest.mark.parametrize(
    ("words", "language", "message"),
    [
        ("bank-intents", "", "did you mean bank/intent"),
        ("zzz", "", "steelyard tasks list"),
        ("bank-intent", "zh", "no shipped task bank-intent in zh"),
    ],
)
def test_a_name_that_fits_nothing_names_the_nearest(
    words: str, language: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        find_meant(words, shipped_tasks(), language)


def test_every_task_can_be_had_with_hyphens() -> None:
    for name in shipped_tasks():
        assert find_meant(name.replace("/", "-"), shipped_tasks()).task.name == name
