"""Draws switch.svg from switch.json: python docs/draw_switch.py > docs/switch.svg."""

import json
import sys
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 860, 300
LEFT, TOP, FLOOR = 56, 72, 236
COLORS = {"blue": "#3573e0", "green": "#2f9e62"}
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


def draw(record: dict[str, Any]) -> str:
    """The picture: answers per second by color, and what the release did meanwhile."""
    answers, first = record["answers"], record["from"]
    step = (WIDTH - LEFT - 16) / len(answers)
    most = max(sum(each.values()) for each in answers)
    scale = (FLOOR - TOP) / most

    def across(second: float) -> float:
        return LEFT + float(second - first) * step

    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' {FONT} "
        "font-size='12' role='img' aria-label='Answers per second while a release goes from blue "
        "to green'>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' rx='8' fill='#ffffff'/>",
        _text(LEFT, 24, "Answers per second, by the color that gave them", size=15),
        _text(
            LEFT,
            42,
            f"{record['requests']:,} requests in {record['seconds']} s, {record['failed']} failed",
            fill="#555555",
        ),
    ]
    for value in range(0, most + 1, 200):
        y = round(FLOOR - value * scale, 1)
        parts.append(
            f"<path d='M{LEFT} {y}H{WIDTH - 16}' stroke='#e4e4e4'/>"
            + _text(LEFT - 8, y + 4, str(value), anchor="end", fill="#555555")
        )
    for number, counts in enumerate(answers):
        y = float(FLOOR)
        for color, fill in COLORS.items():
            height = counts.get(color, 0) * scale
            if height:
                y -= height
                parts.append(
                    f"<rect x='{across(first + number) + 1:.1f}' y='{y:.1f}' "
                    f"width='{step - 2:.1f}' height='{height:.1f}' fill='{fill}'/>"
                )
    at = across(record["switch"])
    parts.append(f"<path d='M{at:.1f} {TOP - 8}V{FLOOR}' stroke='#222222' stroke-dasharray='3 3'/>")
    parts.append(_text(at, TOP - 12, "switch", anchor="middle"))
    for name, begin, end in record["phases"]:
        x, width = across(begin), max(across(end) - across(begin), 3)
        parts.append(
            f"<rect x='{x:.1f}' y='{FLOOR + 10}' width='{width:.1f}' height='8' rx='2' "
            "fill='#888888'/>" + _text(x + width / 2, FLOOR + 32, name, anchor="middle")
        )
    length = f"{len(answers)} s of a release under a steady load"
    parts.append(_text(WIDTH - 16, HEIGHT - 10, length, anchor="end", fill="#555555"))
    return "\n".join([*parts, "</svg>\n"])


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", fill: str = "#222222"
) -> str:
    where = f"x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'"
    return f"<text {where} font-size='{size}' fill='{fill}'>{text}</text>"


if __name__ == "__main__":
    sys.stdout.write(draw(json.loads(Path(__file__).with_name("switch.json").read_text())))
