from datetime import UTC, datetime
from fractions import Fraction
from xml.etree import ElementTree

from steelyard.cli.charts import (
    Bar,
    Series,
    bar_chart,
    step_chart,
    svg_bar_chart,
    svg_step_chart,
)

BARS = [
    Bar("large", Fraction(8), Fraction(4), "8 CNY", "4 CNY"),
    Bar("tiny", Fraction(0), Fraction(1, 10**9), "0", "0.000000001 CNY"),
]
END = datetime(2024, 12, 31, tzinfo=UTC)


def day(month):
    return datetime(2024, month, 1, tzinfo=UTC)


FALLING = Series("in <put>", [(day(1), Fraction(20)), (day(5), Fraction(1, 2)), (day(9), None)])
FREE = Series("output", [(day(3), Fraction(40)), (day(7), Fraction(0))])


def texts(svg):
    root = ElementTree.fromstring(svg)
    return [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")], root


def test_bars_have_one_scale_and_nothing_vanishes():
    lines = bar_chart(BARS, width=8).splitlines()
    assert lines == [
        "large  then ████████ 8 CNY",
        "       now  ████ 4 CNY",
        "tiny   then  0",
        "       now  ▏ 0.000000001 CNY",
    ]
    assert bar_chart([]) == ""


def test_svg_bars_are_xml_with_all_labels():
    found, root = texts(svg_bar_chart([*BARS, BARS[0]._replace(label="a<b" * 20)], "cost & more"))
    assert {"cost & more", "then", "now", "large", "8 CNY", "0.000000001 CNY"} <= set(found)
    bars = [*root.iter("{http://www.w3.org/2000/svg}rect")][3:7]
    widths = [float(bar.get("width")) for bar in bars]
    assert widths[0] == 2 * widths[1]
    assert widths[2:] == [1, 1]
    texts(svg_bar_chart([], "none"))


def test_steps_fall_on_a_logarithmic_axis():
    chart = step_chart([FALLING, FREE], END)
    lines = chart.splitlines()
    assert "(logarithmic)" in lines[-1]
    assert "● in <put>   ▲ output" in lines[-1]
    assert "2024-01-01" in lines[-2]
    assert lines[-2].endswith("2024-12-31")
    marked = [n for n, line in enumerate(lines[:-3]) for sign in line if sign in "●▲"]
    assert marked == [0, 2, 10, 11], "40, 20, 0.5 and, on the ground, free"


def test_close_values_have_a_plain_axis_from_zero():
    chart = step_chart([Series("x", [(day(1), Fraction(2)), (day(6), Fraction(1))])], END)
    assert "logarithmic" not in chart
    assert chart.splitlines()[0].lstrip().startswith("2 ┤●─")


def test_nothing_to_draw():
    assert step_chart([], END) == ""
    assert step_chart([Series("x", [(day(1), None)])], END) == ""
    assert "no prices" in texts(svg_step_chart([], END, "x"))[0]
    assert step_chart([Series("x", [(day(1), Fraction(0))])], day(1)) != ""


def test_svg_steps_break_where_there_is_no_price():
    gap = Series("gap", [(day(1), Fraction(1)), (day(2), None), (day(3), Fraction(1))])
    found, root = texts(svg_step_chart([gap, FALLING], END, "prices"))
    assert {"prices", "gap", "in <put>"} <= set(found)
    paths = [node.get("d") for node in root.iter("{http://www.w3.org/2000/svg}path")]
    assert [path.count("M") for path in paths] == [2, 1]
    assert paths[1].count("L") == 1
