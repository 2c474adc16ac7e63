"""Where notices apply, and the messages of airmen, mariners and neutral parties."""

from __future__ import annotations

from fuzz.contract import Target, canonical, read, same, text_of

from detente.dossiers import geodesy, grids, shapes, whiteflag
from detente.dossiers.navarea import read_warning
from detente.dossiers.notam import read_notam
from detente.dossiers.position import parse_position
from detente.dossiers.shapes import Place

_GEOMETRY = (
    b"PLACE MGRS 36U UA 24182 91607",
    b"CIRCLE SK42 50.45N 30.52E RADIUS 20 NM",
    b"POLYGON UCS2000 50.45N 30.52E; 50.46N 30.52E; X 5593954 Y 6325226",
    b"ROUTE WGS84 502700N0303124E; 50-27.5N 031-31W EACH SIDE 10 KM",
    b"QUADRANT NE PACIFIC FROM MGRS ZAH 10000 20000",
    b"POLYGON WGS84 80N 0E; 80N 90E; 80N 180E; 80N 90W",
    b"BAND 300 M AGL TO FL100",
    "AREA Полігон 235".encode(),
)
_NOTAM = (
    b"A0001/26 NOTAMN Q)ZSHA/QRTCA/IV/BO/W/000/999/2343N11742E017 A)ZSHA B)2609172330 "
    b"C)2609180330 E) WI 5KM RADIUS OF N240013E1174036 AND 2343N11742E-2344N11742E-2343N11743E. "
    b"F)GND G)FL250"
)
_REPLACED = (
    b"(B0002/26 NOTAMR B0001/26 Q) UKBV/QRTCA/IV/BO/W/000/100/5020N03030E A) UKBV UKLV "
    b"B) 2601150000 C) 2602150000 EST D) DAILY 0100-0300 E) CLSD)"
)
_NAVAREA = (
    b"051200Z FEB 26\nNAVAREA XX 7/26(42).\nBARENTS SEA.\n1. FIRING 0300Z TO 2100Z DAILY 26 THRU\n"
    b"29 DEC, 051200Z TO 051800Z FEB IN AREAS BOUND BY:\nA. 72-20.0N 035-40.0E,\n"
    b"72-10.0N 038-00.0E, 71-00.0N 041-35.0E. B. WITHIN 20 MILES OF 70-15.0N 042-00.0E.\n"
    b"2. CANCEL NAVAREA XX 6/26.\n3. CANCEL THIS MSG 292200Z DEC 26."
)


def _geometry(data: bytes) -> None:
    """A text in any grid: what is taken has one text, and is measured and printed or refused."""
    text = text_of(data)
    found = read(grids.read, text)
    if found is None:
        return
    same(shapes.read(str(found)), found, "its one text")
    read(geodesy.check, found)
    for grid in grids.Grid:
        read(grids.geometry_in, found, grid)


def _messages(data: bytes) -> None:
    """A message of others: written again it reads the same, and its areas are areas."""
    text = text_of(data)
    notam = read(read_notam, text)
    if notam is not None:
        same(read_notam(str(notam)), notam, "a NOTAM")
        read(notam.shapes)
        read(notam.band)
    warning = read(read_warning, text)
    if warning is not None:
        same(read_warning(str(warning)), warning, "a warning")
        for one in (warning.shapes, warning.windows, warning.ends_s, warning.cancels):
            read(one)


def _whiteflag(data: bytes) -> None:
    message = canonical(data, whiteflag.decode, whiteflag.encode)
    if message is not None:
        read(message.at)


def _signs() -> list[bytes]:
    where = Place(parse_position("50.45N 30.52E"))
    made = [whiteflag.sign(code, "11", where, 1_770_292_800, 90) for code in whiteflag.SIGNS]
    return [*map(whiteflag.encode, made), b"WF10" + bytes(33) + b"text"]


TARGETS = (
    Target("geometry", _geometry, lambda: _GEOMETRY, words=(b"; ", b" SK42 ", b"9" * 9),
           bytes_max=2_000, tries=600),
    Target("messages", _messages, lambda: (_NOTAM, _REPLACED, _NAVAREA),
           words=(b" E) ", b" F) ", b"\n", b"N", b" Z"), bytes_max=2_000, tries=600),
    Target("whiteflag", _whiteflag, _signs, words=(b"WF10",), bytes_max=200),
)  # fmt: skip
