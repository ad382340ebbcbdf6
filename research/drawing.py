"""A drawing as plain shapes: written as SVG, as a page that holds it, or as PNG, all from the same list."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

SCALE: Final = 2
"""Pixels of a PNG per unit of the drawing."""
KINDS: Final = (".svg", ".png", ".html")


class Box(NamedTuple):
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    ink: str


class Line(NamedTuple):
    """A straight line."""

    x0: float
    y0: float
    x1: float
    y1: float
    ink: str
    width: float = 1.0


class Words(NamedTuple):
    """Text on its base line; `anchor` is where x is: start, middle or end."""

    x: float
    y: float
    text: str
    size: int
    ink: str = "#222222"
    anchor: str = "start"
    bold: bool = False


Shape: TypeAlias = Box | Line | Words


class Drawing(NamedTuple):
    """Shapes on a white ground, later ones on top; `title` says what it is to those who cannot see it."""

    title: str
    width: int
    height: int
    shapes: Sequence[Shape]


def require_kind(path: Path) -> Path:
    """Return a file's path if a drawing can be written to it; ValueError names what is allowed."""
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"--picture {path}: a file name that ends in {', '.join(KINDS)} is allowed")
    return path


def write_drawing(drawing: Drawing, path: Path) -> None:
    """Write a drawing in the form that the file's name asks for."""
    kind = require_kind(path).suffix.lower()
    if kind == ".png":
        _write_png(drawing, path)
    else:
        path.write_text(svg_of(drawing) if kind == ".svg" else page_of(drawing), encoding="utf-8")


def svg_of(drawing: Drawing) -> str:
    """Return a drawing as SVG."""
    body = "\n".join(_svg(shape) for shape in drawing.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{drawing.width}" height="{drawing.height}" '
        f'viewBox="0 0 {drawing.width} {drawing.height}" role="img" '
        f'style="font-family:system-ui,sans-serif"><title>{escape(drawing.title)}</title>\n'
        f'<rect width="{drawing.width}" height="{drawing.height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def page_of(drawing: Drawing) -> str:
    """Return a page with the drawing, which becomes narrower with the window."""
    picture = svg_of(drawing).replace(f'width="{drawing.width}" height="{drawing.height}" viewBox', "viewBox", 1)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(drawing.title)}</title>'
        '<meta name="viewport" content="width=device-width"></head>\n'
        f'<body style="margin:1rem auto;max-width:{drawing.width}px">{picture}</body></html>\n'
    )


def _svg(shape: Shape) -> str:
    match shape:
        case Box(x, y, width, height, ink):
            return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{ink}"/>'
        case Line(x0, y0, x1, y1, ink, width):
            return (
                f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{ink}" '
                f'stroke-width="{width:g}"/>'
            )
        case Words(x, y, text, size, ink, anchor, bold):
            weight = ' font-weight="600"' if bold else ""
            return (
                f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{ink}" text-anchor="{anchor}"{weight}>'
                f"{escape(text)}</text>"
            )


def _write_png(drawing: Drawing, path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), "#ffffff")
    canvas = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        match shape:
            case Box(x, y, width, height, ink):
                corners = [x * SCALE, y * SCALE, (x + width) * SCALE - 1, (y + height) * SCALE - 1]
                if corners[2] >= corners[0] and corners[3] >= corners[1]:
                    canvas.rectangle(corners, fill=ink)
            case Line(x0, y0, x1, y1, ink, width):
                ends = [x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE]
                canvas.line(ends, fill=ink, width=max(round(width * SCALE), 1))
            case Words(x, y, text, size, ink, anchor, bold):
                place = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
                font = ImageFont.load_default(size * SCALE)
                heavy = SCALE / 4 if bold else 0
                canvas.text((x * SCALE, y * SCALE), text, ink, font, place, stroke_width=heavy)
    image.save(path, "PNG")
