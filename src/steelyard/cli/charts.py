"""Charts for a terminal and as SVG files: bars of two amounts, and steps over time. Pure text.

Only here may an amount become a float: as a place on paper. Labels come ready for people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from html import escape
from typing import NamedTuple

_BLOCKS = " ▏▎▍▌▋▊▉█"
_MARKS = "●▲■◆○△□◇"
_COLOURS = ("#1f6fb4", "#d9822b", "#2a9d5c", "#b03a5b", "#6a51a3", "#7f7f7f", "#8c6d31", "#17a2b8")
_LOG_FROM = 20
"""The largest value over the smallest from which on an axis is logarithmic."""
_Point = Callable[[datetime, Fraction], tuple[float, float]]
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'


class Bar(NamedTuple):
    """A thing with what it cost then and would cost now, in one currency."""

    label: str
    then: Fraction
    now: Fraction
    then_text: str
    now_text: str


class Series(NamedTuple):
    """Values that each hold until the next one."""

    name: str
    points: Sequence[tuple[datetime, Fraction | None]]
    """Ascending: from when on which value holds; None from where there is none."""


class _Axis(NamedTuple):
    """Where values and instants lie, from 0 to 1."""

    low: float
    high: float
    is_log: bool
    since: datetime
    until: datetime

    def height(self, value: Fraction) -> float:
        if self.is_log and value <= 0:
            return 0.0  # free: on the ground
        number = math.log10(value) if self.is_log else float(value)
        return (number - self.low) / (self.high - self.low)

    def place(self, at: datetime) -> float:
        share = (at - self.since) / (self.until - self.since)
        return min(1.0, max(0.0, share))


def bar_chart(bars: Sequence[Bar], width: int = 48) -> str:
    """Two lines for each bar, then above now, at one scale; ``width`` columns for the longest."""
    largest = max((max(bar.then, bar.now) for bar in bars), default=Fraction(0))
    indent = max((len(bar.label) for bar in bars), default=0)
    lines = []
    for bar in bars:
        for label, word, amount, text in (
            (bar.label, "then", bar.then, bar.then_text),
            ("", "now ", bar.now, bar.now_text),
        ):
            lines.append(f"{label:<{indent}}  {word} {_bar(amount, largest, width)} {text}")
    return "\n".join(lines)


def svg_bar_chart(
    bars: Sequence[Bar], title: str, width: int = 860, notes: Sequence[str] = ()
) -> str:
    """The same as an SVG document, with ``notes`` as lines below."""
    label_width, text_width, top, row = 220, 170, 56, 46
    largest = max((max(bar.then, bar.now) for bar in bars), default=Fraction(0)) or Fraction(1)
    span = width - label_width - text_width
    body = [
        f'<text x="16" y="24" font-size="15" font-weight="600">{escape(title)}</text>',
        *_legend((("then", _COLOURS[0]), ("now", _COLOURS[1])), label_width, 44),
    ]
    for number, bar in enumerate(bars):
        y = top + number * row
        body.append(
            f'<text x="{label_width - 10}" y="{y + 22}" text-anchor="end">'
            f"{escape(_short(bar.label))}</text>"
        )
        for amount, text, colour, down in (
            (bar.then, bar.then_text, _COLOURS[0], 2),
            (bar.now, bar.now_text, _COLOURS[1], 20),
        ):
            long = float(max(amount, Fraction(0)) / largest) * span
            body.append(
                f'<rect x="{label_width}" y="{y + down}" width="{max(long, 1):.1f}" height="15"'
                f' fill="{colour}"/><text x="{label_width + max(long, 1) + 6:.1f}"'
                f' y="{y + down + 12}">{escape(text)}</text>'
            )
    bottom = top + row * len(bars) + 12
    for number, note in enumerate(notes):
        body.append(f'<text x="16" y="{bottom + 8 + 18 * number}">{escape(note)}</text>')
    return _document(width, bottom + 18 * len(notes), body)


def step_chart(series: Sequence[Series], until: datetime, width: int = 64, height: int = 12) -> str:
    """Values over time as lines of text, each series with a mark of its own; empty for none.

    Args:
        series: at most as many as there are marks; further ones share them.
        until: the end of the time shown; the last values hold until then.
        width: columns of the plot.
        height: lines of the plot.
    """
    axis = _axis(series, until)
    if axis is None:
        return ""
    grid = [[" "] * width for _ in range(height)]
    for number, one in enumerate(series):
        mark = _MARKS[number % len(_MARKS)]
        for begin, end, value in _spans(one, until):
            line = height - 1 - round(axis.height(value) * (height - 1))
            first, last = (round(axis.place(at) * (width - 1)) for at in (begin, end))
            for column in range(first, last + 1):
                if grid[line][column] in " ─":
                    grid[line][column] = "─"
            grid[line][first] = mark
    ticks = _ticks(axis, height)
    indent = max(map(len, ticks.values()))
    lines = [f"{ticks.get(n, ''):>{indent}} ┤{''.join(row)}" for n, row in enumerate(grid)]
    first_day, last_day = f"{axis.since:%Y-%m-%d}", f"{axis.until:%Y-%m-%d}"
    lines.append(" " * indent + " └" + "─" * width)
    lines.append(" " * (indent + 2) + first_day + last_day.rjust(width - len(first_day)))
    names = "   ".join(f"{_MARKS[n % len(_MARKS)]} {one.name}" for n, one in enumerate(series))
    scale = "   (logarithmic)" if axis.is_log else ""
    return "\n".join([*lines, " " * (indent + 2) + names + scale])


def svg_step_chart(
    series: Sequence[Series], until: datetime, title: str = "", width: int = 860
) -> str:
    """The same as an SVG document."""
    left, top, tall, right = 90, 44, 300, 24
    axis = _axis(series, until)
    body = [f'<text x="16" y="24" font-size="15" font-weight="600">{escape(title)}</text>']
    if axis is None:
        return _document(width, 60, [*body, '<text x="16" y="48">no prices</text>'])
    span = width - left - right

    def point(at: datetime, value: Fraction) -> tuple[float, float]:
        return left + axis.place(at) * span, top + (1 - axis.height(value)) * tall

    for line, text in _ticks(axis, 7).items():
        y = top + line / 6 * tall
        body.append(
            f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
        )
    for at in _days(axis):
        x = left + axis.place(at) * span
        body.append(f'<text x="{x:.1f}" y="{top + tall + 20}">{at:%Y-%m-%d}</text>')
    for number, one in enumerate(series):
        body.append(_path(one, until, point, _COLOURS[number % len(_COLOURS)]))
    names = [(one.name, _COLOURS[n % len(_COLOURS)]) for n, one in enumerate(series)]
    for number, name in enumerate(names):
        body.extend(_legend([name], left, top + tall + 44 + 18 * number))
    return _document(width, top + tall + 56 + 18 * len(names), body)


def _path(one: Series, until: datetime, point: _Point, colour: str) -> str:
    steps, before = [], None
    for begin, end, value in _spans(one, until):
        (x, y), (to, _) = point(begin, value), point(end, value)
        steps.append(f"{'L' if before == begin else 'M'}{x:.1f},{y:.1f} H{to:.1f}")
        before = end
    return f'<path d="{" ".join(steps)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _bar(amount: Fraction, largest: Fraction, width: int) -> str:
    if amount <= 0 or largest <= 0:
        return ""
    # At least an eighth of a column: what is not zero is seen.
    eighths = max(1, round(amount / largest * width * 8))
    return _BLOCKS[8] * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def _axis(series: Sequence[Series], until: datetime) -> _Axis | None:
    """The axes that hold all values, in the zone of the first instant; None without any value."""
    values = [value for one in series for _, value in one.points if value is not None]
    instants = [at for one in series for at, value in one.points if value is not None]
    if not values:
        return None
    since = min(instants)
    until = max(until, *instants, since + timedelta(days=1)).astimezone(since.tzinfo)
    positive = [value for value in values if value > 0]
    if positive and max(positive) >= _LOG_FROM * min(positive):
        low, high = math.log10(min(positive)), math.log10(max(positive))
        # Room below the smallest for what is free.
        return _Axis(low - (high - low) * 0.15, high, True, since, until)
    return _Axis(0.0, float(max(values)) or 1.0, False, since, until)


def _spans(one: Series, until: datetime) -> Iterable[tuple[datetime, datetime, Fraction]]:
    for number, (begin, value) in enumerate(one.points):
        end = one.points[number + 1][0] if number + 1 < len(one.points) else max(until, begin)
        if value is not None:
            yield begin, end, value


def _ticks(axis: _Axis, lines: int) -> dict[int, str]:
    """Line (0 on top) -> its value as text; some lines only."""
    found = {}
    for line in range(0, lines, max(1, lines // 5)):
        share = 1 - line / (lines - 1)
        number = axis.low + share * (axis.high - axis.low)
        found[line] = f"{10**number if axis.is_log else number:.3g}"
    return found


def _days(axis: _Axis) -> list[datetime]:
    return [axis.since + (axis.until - axis.since) * share / 5 for share in range(5)]


def _legend(names: Iterable[tuple[str, str]], x: float, y: float) -> list[str]:
    found = []
    for name, colour in names:
        found.append(
            f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>'
            f'<text x="{x + 18}" y="{y}">{escape(name)}</text>'
        )
        x += 90
    return found


def _short(label: str) -> str:
    return label if len(label) <= 34 else label[:33] + "…"


def _document(width: int, height: float, body: Sequence[str]) -> str:
    inside = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" {_FONT}>\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{inside}\n</svg>\n'
    )
