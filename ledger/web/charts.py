"""Charts drawn here as SVG, without a script: columns beside each other over time, bars of shares. The table beside has the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

WIDTH: Final = 760
HEIGHT: Final = 190
_LEFT, _TOP, _FOOT = 96, 10, 22
_LABELS_MAX: Final = 12


class Series(NamedTuple):
    """One row of numbers; `css` is its colour's class."""

    name: str
    css: str
    values: Sequence[int]


class Mark(NamedTuple):
    """A rectangle, with what it says when pointed at."""

    x: str
    y: str
    width: str
    height: str
    css: str
    tip: str


class ChartText(NamedTuple):
    """A text at a place; `end` for one that ends there, `middle` for one that stands around it."""

    x: str
    y: str
    anchor: str
    text: str


class Chart(NamedTuple):
    """A drawn chart; `said` is what it says in a sentence, for who does not see it."""

    title: str
    said: str
    width: int
    height: int
    marks: Sequence[Mark]
    notes: Sequence[ChartText]
    rules: Sequence[str]
    """Heights of the lines across."""
    series: Sequence[Series]


def columns(
    title: str, labels: Sequence[str], series: Sequence[Series], shown: Callable[[int], str]
) -> Chart:
    """Columns beside each other, one group a label; below zero is drawn as nothing. `shown` says a number as people read it."""
    most = max((value for one in series for value in one.values), default=0)
    most = max(most, 1)
    high, wide = HEIGHT - _TOP - _FOOT, WIDTH - _LEFT - 8
    step = wide / max(len(labels), 1)
    bar = min(step * 0.8 / max(len(series), 1), 22)
    marks = []
    for n, label in enumerate(labels):
        for m, one in enumerate(series):
            tall = high * max(one.values[n], 0) / most
            x = _LEFT + step * n + (step - bar * len(series)) / 2 + bar * m
            tip = f"{label} {one.name} {shown(one.values[n])}"
            marks.append(Mark(_at(x), _at(_TOP + high - tall), _at(bar), _at(tall), one.css, tip))
    each = -(-len(labels) // _LABELS_MAX) or 1
    notes = [
        ChartText(_at(_LEFT + step * (n + 0.5)), str(HEIGHT - 6), "middle", label)
        for n, label in enumerate(labels)
        if n % each == 0
    ]
    heights = [(most, _TOP), (most // 2, _TOP + high / 2), (0, _TOP + high)]
    notes += [ChartText(str(_LEFT - 6), _at(y + 4), "end", shown(value)) for value, y in heights]
    said = f"{title}：{labels[0]}至{labels[-1]}，最高{shown(most)}" if labels else title
    return Chart(title, said, WIDTH, HEIGHT, marks, notes, [_at(y) for _, y in heights], series)


def shares(title: str, rows: Sequence[tuple[str, int, str]], goal: int, aimed: int) -> Chart:
    """Bars from left to right of shares in ten-thousandths; each row (label, share, what it says). The first `aimed` rows are held
    to the goal, by its line and their colour; the goal is none of the others'."""
    height, wide = 28 * len(rows) + 26, WIDTH - 160 - 130
    marks, notes = [], []
    for n, (label, share, text) in enumerate(rows):
        y = 6 + 28 * n
        marks.append(Mark("160", str(y), str(wide), "18", "rail", ""))
        marks.append(
            Mark(
                "160",
                str(y),
                _at(wide * min(max(share, 0), 10_000) / 10_000),
                "18",
                "s3" if n >= aimed else "s2" if share >= goal else "s1",
                text,
            )
        )
        notes += [
            ChartText("152", str(y + 14), "end", label),
            ChartText(_at(160 + wide + 8), str(y + 14), "start", text),
        ]
    line = 160 + wide * goal / 10_000
    marks.append(Mark(_at(line), "2", "2", str(28 * aimed), "goal", f"目标{goal // 100}%"))
    notes.append(ChartText(_at(line), str(height - 6), "middle", f"目标{goal // 100}%"))
    said = f"{title}：" + "，".join(f"{label}{text}" for label, _, text in rows)
    return Chart(title, said, WIDTH, height, marks, notes, (), ())


def _at(place: float) -> str:
    return f"{place:.1f}"
