"""The coast that an operator brings: what is taken, what is refused, and what of it is drawn."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from desk.parties import Parties
from desk.test_notices_page import adopted, launch

from detente.cli.main import main
from detente.core.errors import LocalError, Refusal
from detente.desk import coast as coasts
from detente.desk.coast import BYTES_MAX, Sheet, keep, kept_coast, read_coast, strokes
from detente.desk.map import HEIGHT, WIDTH, Item, draw
from detente.dossiers.grids import read
from detente.dossiers.position import position

CIRCLE = "CIRCLE WGS84 56 15N 162 30E RADIUS 20 NM"


def geojson(*lines: list[tuple[float, float]], kind: str = "LineString") -> bytes:
    """A collection of lines, as others write them."""
    wrapped = [[line] if kind == "Polygon" else line for line in lines]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": line}}
        for line in wrapped
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def ring(lat: float, lon: float, radius_deg: float, points: int) -> list[tuple[float, float]]:
    """An island: closed, as an area of GeoJSON is."""
    turns = [2 * math.pi * number / points for number in range(points)]
    ring = [(lon + radius_deg * math.cos(t), lat + radius_deg * math.sin(t)) for t in turns]
    return [*ring, ring[0]]


FINE = geojson(ring(56.25, 162.5, 0.3, 400), kind="Polygon")


def test_a_coast_lies_beneath_the_map_and_says_whose_it_is() -> None:
    """Below the graticule and what the parties have said; in words too."""
    made = read_coast(FINE, "coast<10>.geojson")
    drawing = draw([Item("a", read(CIRCLE))], coast=made)
    svg = str(drawing.svg)
    assert svg.index('class="coast"') < svg.index('class="graticule"') < svg.index('class="place')
    assert svg.count("L") > 100
    assert drawing.coast == "Coast: coast<10>.geojson, a point every 0.4 km. It is no chart."
    assert "coast" not in str(draw([Item("a", read(CIRCLE))]).svg)


def test_a_coast_too_coarse_for_a_map_is_not_drawn_and_said_so() -> None:
    """Beside exact corners it would look as exact; of a wider map it is fine."""
    made = read_coast(geojson(ring(56.25, 162.5, 3, 20)), "coarse.geojson")
    near = draw([Item("a", read(CIRCLE))], coast=made)
    assert 'class="coast"' not in near.svg
    assert "too few for this map" in near.coast
    far = draw([Item("a", read("CIRCLE WGS84 56N 162E RADIUS 1000 NM"))], coast=made)
    assert 'class="coast"' in far.svg


def test_what_is_kept_is_what_was_read(tmp_path: Path) -> None:
    """To a metre; nothing kept is no coast."""
    assert kept_coast(tmp_path) is None
    made = read_coast(FINE, "coast.geojson")
    keep(tmp_path, made)
    kept = kept_coast(tmp_path)
    assert kept is not None
    assert kept.name == "coast.geojson"
    assert len(kept.pieces) == len(made.pieces) > 1
    for one, other in zip(kept.pieces, made.pieces, strict=True):
        assert one.reach_m == pytest.approx(other.reach_m, abs=1)
        for point, same in zip(one.points, other.points, strict=True):
            assert point == pytest.approx(same, abs=1e-5)


def shown(data: bytes, lat: float, lon: float, reach_m: float) -> list[list[tuple[float, float]]]:
    """What is drawn of a coast on a map around a point."""
    sheet = Sheet(position(lat, lon), HEIGHT / 2 / reach_m, WIDTH, HEIGHT)
    return strokes(read_coast(data, "c"), sheet)


def test_only_what_is_on_the_map_is_drawn() -> None:
    """Nothing of what is far away or beside it; an edge that crosses the map though both of its
    ends lie beside it; across the date line without a gap."""
    assert shown(FINE, 0.0, 0.0, 50_000) == []
    assert shown(FINE, 56.25, 161.9, 4_000) == []  # near, and beside
    (line,) = shown(geojson([(-30.0, 10.0), (30.0, 10.0)]), 10.0, 0.0, 300_000)
    assert len(line) == 2
    (line,) = shown(geojson([(179.0, 0.0), (-179.0, 0.5)]), 0.0, 180.0, 300_000)
    assert math.dist(*line) < WIDTH
    half = [(lon / 100, 56.25) for lon in range(16_250, 16_400)]
    (line,) = shown(geojson(half), 56.25, 162.5, 50_000)
    assert all(-WIDTH < x < 2 * WIDTH for x, _y in line)
    there_and_back = [(0.0, 0.0), (5.0, 0.0), (5.0, 0.1), (0.0, 0.1)]
    assert len(shown(geojson(there_and_back), 0.0, 0.0, 100_000)) == 2


def test_a_map_holds_a_bounded_number_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """However fine the coast: it is thinned until it fits, and islands smaller than that vanish."""
    monkeypatch.setattr(coasts, "DRAWN_MAX", 50)
    islands = [ring(lat, lon, 0.001, 12) for lat in range(10) for lon in range(10)]
    wide = ring(5, 5, 4, 5_000)
    found = shown(geojson(*islands, wide), 5.0, 5.0, 700_000)
    assert 20 <= sum(map(len, found)) <= 50


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"[]",
        b"{}",
        b'{"type": "Feature", "geometry": null}',
        b'{"type": "Point", "coordinates": [1, 2]}',
        geojson([(1.0, 91.0), (1.0, 2.0)]),
        geojson([("east", 1.0), (1.0, 2.0)]),  # type: ignore[list-item]
        geojson([(1.0, 1.0)]),
        geojson([(180.0, -80.0), (180.0, 80.0)]),  # where areas are cut
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_coastline_is_refused(data: bytes) -> None:
    """By its name; nothing is kept."""
    with pytest.raises(LocalError, match=r"c\.geojson") as refused:
        read_coast(data, "c.geojson")
    assert refused.value.refusal is Refusal.MALFORMED


def test_borders_are_refused() -> None:
    """An edge that two areas share is no shore."""
    west = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
    east = [(lon + 1, lat) for lon, lat in west]
    with pytest.raises(LocalError, match="borders"):
        read_coast(geojson(west, east, kind="Polygon"), "countries.geojson")


def test_a_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes and in points."""
    with pytest.raises(LocalError) as bytes_:
        read_coast(b" " * (BYTES_MAX + 1), "c")
    monkeypatch.setattr(coasts, "POINTS_MAX", 100)
    with pytest.raises(LocalError) as points:
        read_coast(FINE, "c")
    assert bytes_.value.refusal is points.value.refusal is Refusal.OVERSIZE


def test_every_kind_of_line_and_area_is_read() -> None:
    """Of all that RFC 7946 §3.1 has; points are passed over."""
    line, square = [[0, 0], [1, 0]], [[[2, 2], [3, 2], [3, 3], [2, 2]]]
    kinds: list[dict[str, Any]] = [
        {"type": "MultiLineString", "coordinates": [line]},
        {"type": "MultiPolygon", "coordinates": [square]},
        {"type": "Point", "coordinates": [9, 9]},
    ]
    data = json.dumps({"type": "GeometryCollection", "geometries": kinds}).encode()
    assert [len(one.points) for one in read_coast(data, "c").pieces] == [2, 4]


def test_the_command_keeps_a_coast_for_the_desk(parties: Parties, tmp_path: Path) -> None:
    """It is beneath the map of notices from the next start on; a wrong file changes nothing."""
    file = tmp_path / "coast.geojson"
    file.write_bytes(FINE)
    command = ["--home", str(parties.desk.home), "desk", "coast", str(file)]
    parties.desk.cabinet.settle("host", "alpha.localhost")
    parties.desk.cabinet.settle("port", "8471")
    done = CliRunner().invoke(main, command, env={"DETENTE_LANG": "en"})
    assert done.exit_code == 0, done.output
    assert re.search(r"coast\.geojson: \d+ pieces of coast, a point every 0\.4 km", done.output)
    file.write_bytes(b"{}")
    assert CliRunner().invoke(main, command).exit_code != 0
    officer = parties.enter("Officer", "watch")
    adopted(parties)
    launch(parties, parties.pair.alpha)
    page = officer.get(f"/line/{parties.line}/notices").text
    assert '<g class="coast">' in page
    assert "Coast: coast.geojson" in page
