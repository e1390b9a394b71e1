"""Both READMEs show the figures as they were measured."""

from bench.readme import HEADS, ROOT, filled


def test_the_readmes_show_the_results_as_they_are() -> None:
    for name, head in HEADS.items():
        text = (ROOT / name).read_text("utf-8")
        assert filled(text, head) == text, "run: python -m bench.readme"
