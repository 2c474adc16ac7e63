"""The map: the parties' own geometry, in a picture and in words, without any request."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from detente.desk.map import HEIGHT, WIDTH, Item, draw
from detente.dossiers.grids import Grid, read

SVG = "{http://www.w3.org/2000/svg}"
KALININGRAD = (
    ("CIRCLE WGS84 54.7N 20.5E RADIUS 12 KM", "ours"),
    ("POLYGON WGS84 54.5N 19.6E; 54.9N 19.7E; 54.8N 20.4E; 54.6N 20.3E", "theirs"),
    ("ROUTE WGS84 54.3N 19.7E; 54.4N 20.4E; 54.75N 21E EACH SIDE 3 KM", "both"),
    ("ROUTE WGS84 54.3N 19.7E; 54.4N 20.4E EACH SIDE 0 KM", "both"),
    ("PLACE WGS84 54.65N 20.8E", "ours"),
)
MAPS = {
    "land": KALININGRAD,
    "pole": (
        ("POLYGON WGS84 80N 0E; 80N 90E; 80N 180E; 80N 90W", "ours"),
        ("CIRCLE WGS84 85S 170W RADIUS 200 NM", "theirs"),
    ),
    "north": (("CIRCLE WGS84 89.5N 10E RADIUS 200 KM", "ours"),),
    "date line": (("POLYGON WGS84 50N 177E; 53N 177W; 49N 178W", "ours"),),
    "flight": (("ROUTE WGS84 62.9N 40.5E; 57N 162E EACH SIDE 20 KM", "ours"),),
    "point": (("PLACE WGS84 50.4501N 30.5234E", "ours"),),
}


def items(texts):
    """What is to be drawn."""
    return [Item(f"notice {n}", read(text), whose) for n, (text, whose) in enumerate(texts, 1)]


def parsed(drawing):
    """The picture as a tree, as a browser within a page reads it."""
    return ET.fromstring(
        str(drawing.svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )


def numbers(tree):
    """Every x and y on the sheet that an item is drawn through."""
    for group in tree.iter(f"{SVG}g"):
        if group.get("class", "").startswith("place"):
            path = group.find(f"{SVG}path").get("d")
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path):
                yield float(x), float(y)


@pytest.mark.parametrize("name", MAPS)
def test_everything_said_is_on_the_sheet_and_in_words(name):
    """Each item has its number on the map and its line beside it, and none leaves the sheet."""
    drawing = draw(items(MAPS[name]))
    tree = parsed(drawing)
    groups = [g for g in tree.iter(f"{SVG}g") if g.get("class", "").startswith("place")]
    assert [g.find(f"{SVG}text").text for g in groups] == [
        str(number) for number in range(1, len(MAPS[name]) + 1)
    ]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in numbers(tree))
    for number, (item, line) in enumerate(zip(items(MAPS[name]), drawing.words, strict=True), 1):
        assert line == f"{number}. notice {number}: {item.shape}"


@pytest.mark.parametrize("name", MAPS)
def test_a_graticule_and_a_bar_say_where_and_how_large(name):
    """At least two parallels or meridians with their values, and one bar with its length."""
    tree = parsed(draw(items(MAPS[name])))
    texts = {
        kind: [g.find(f"{SVG}text").text for g in tree.iter(f"{SVG}g") if g.get("class") == kind]
        for kind in ("graticule", "scale")
    }
    assert len(set(texts["graticule"])) == len(texts["graticule"]) >= 4
    assert not {"90°N", "90°S"} & set(texts["graticule"])
    assert all(re.fullmatch(r"\d{1,3}°(\d\d′(\d\d″)?)?[NSEW]?", t) for t in texts["graticule"])
    (length,) = texts["scale"]
    assert re.fullmatch(r"[125]0* (km|m)", length)


def test_a_circle_is_as_large_as_the_bar_says():
    """12 km on the sheet, measured against the bar beside it."""
    tree = parsed(draw(items(KALININGRAD[:1])))
    (bar,) = (g for g in tree.iter(f"{SVG}g") if g.get("class") == "scale")
    pixels = float(re.search(r"h([\d.]+)", bar.find(f"{SVG}path").get("d"))[1])
    km = float(bar.find(f"{SVG}text").text.split()[0])
    across = max(x for x, _ in numbers(tree)) - min(x for x, _ in numbers(tree))
    assert across * km / pixels == pytest.approx(24, rel=0.01)


def test_who_cannot_see_it_reads_the_same():
    """A picture with a title and a description that names every item."""
    drawing = draw(items(KALININGRAD), ident="line-1")
    tree = parsed(drawing)
    assert tree.get("role") == "img"
    assert tree.get("aria-labelledby") == "line-1-t line-1-d"
    assert tree.find(f"{SVG}title").get("id") == "line-1-t"
    assert tree.find(f"{SVG}desc").text == "; ".join(drawing.words)


def test_the_words_are_in_the_grid_that_is_asked_for():
    """What is read aloud from the map is in the reader's own grid, and says so."""
    drawing = draw(items(KALININGRAD[:1]), Grid.SK42)
    assert drawing.words == ("1. notice 1: CIRCLE SK42 54.700285N 020.502028E RADIUS 12 KM",)


def test_what_has_no_coordinates_is_named_and_not_drawn():
    """A name and a quadrant stand in the words; with nothing else there is no picture."""
    names = (("AREA Barents Sea", "ours"), ("QUADRANT NE PACIFIC FROM WGS84 0N 160W", "ours"))
    drawing = draw(items((*names, *KALININGRAD[:1])))
    assert "not drawn" in drawing.words[0]
    assert "not drawn" in drawing.words[1]
    assert len([g for g in parsed(drawing).iter(f"{SVG}g") if "place" in g.get("class")]) == 1
    assert draw(items(names)).svg == ""
    assert len(draw(items(names)).words) == 2


@pytest.mark.parametrize("name", MAPS)
def test_the_strict_policy_of_the_desk_holds(name):
    """No style, no script, no address: nothing for a browser to fetch or refuse."""
    svg = str(draw(items(MAPS[name])).svg)
    tree = parsed(draw(items(MAPS[name])))
    allowed = {"svg", "title", "desc", "g", "path", "text"}
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} == allowed
    assert not re.search(r"style|href|url\(|https?:|on[a-z]+=", svg)


def test_a_label_from_outside_is_text_and_nothing_else():
    """Markup in what somebody wrote is shown, not obeyed; what moves text about is taken out."""
    hostile = Item("</desc><script>alert(1)</script>\u202e", read("PLACE WGS84 1N 2E"))
    drawing = draw([hostile])
    assert "<script" not in drawing.svg
    assert "script" not in {element.tag.removeprefix(SVG) for element in parsed(drawing).iter()}
    assert "\u202e" not in drawing.words[0]
