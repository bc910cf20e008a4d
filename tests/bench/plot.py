"""How late Jobs were, as a picture: a curve for each contender, the share of its Jobs that were there by then. Pure."""

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 50, 60
_COLOURS = ("#767676", "#0b6e4f", "#d9822b", "#a4262c")
_LEAST, _MOST = 0.01, 1000.0
_TICKS = {0.01: "10 ms", 0.1: "0.1 s", 1: "1 s", 10: "10 s", 100: "100 s", 1000: "1,000 s"}


def lateness_svg(title: str, curves: Mapping[str, Sequence[float]]) -> str:
    """An SVG with lateness in seconds on a logarithmic axis. `curves` are sorted values; names become the legend."""
    font = 'font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {font} role="img">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{escape(title)}</text>',
        *_grid(),
    ]
    for number, (name, values) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{_points(values)}"/>')
        parts.append(_legend(number, name, colour))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(seconds: float) -> float:
    share = math.log(min(max(seconds, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _points(values: Sequence[float]) -> str:
    return " ".join(f"{_x(value):.1f},{_y((rank + 1) / len(values)):.1f}" for rank, value in enumerate(values))


def _grid() -> list[str]:
    line = '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="#ddd"/>'
    parts = []
    for seconds, label in _TICKS.items():
        x = _x(seconds)
        parts.append(line.format(x, _y(0), x, _y(1)))
        parts.append(f'<text x="{x:.1f}" y="{_y(0) + 18:.1f}" text-anchor="middle">{label}</text>')
    for percent in range(0, 101, 25):
        y = _y(percent / 100)
        parts.append(line.format(_x(_LEAST), y, _x(_MOST), y))
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    axis = "time from when the Jobs were due until they were there"
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 16}" fill="#555">{axis}</text>')
    return parts


def _legend(number: int, name: str, colour: str) -> str:
    y = _TOP + 20 + 18 * number
    x = _LEFT + 12
    return (
        f'<rect x="{x}" y="{y - 9}" width="14" height="4" fill="{colour}"/>'
        f'<text x="{x + 20}" y="{y - 3}">{escape(name)}</text>'
    )
