"""Messages of others into notices and back: what goes over is the same, what does not is named."""

from __future__ import annotations

import pytest
from dossiers.places import rule
from dossiers.test_navarea import CIRCLE, GUNNERY, LAUNCH, SHOAL
from dossiers.test_notam import PUBLISHED
from regimes import shipped

from detente.core.errors import LocalError, PeerError
from detente.dossiers import shapes, whiteflag
from detente.dossiers.geometry import AsSent
from detente.dossiers.messages_in import Left, fill, read_message
from detente.dossiers.messages_out import write_message
from detente.dossiers.notice import check
from detente.dossiers.shapes import Place

SEA = shipped()["sea-danger-1972"]
WINDOW = "2031-06-10T06:00:30Z/2031-06-10T18:00:30Z"
AREA = "POLYGON WGS84 70.000000N 030.000000E; 71.000000N 030.000000E; 70.000000N 032.000000E"
ROUND = "CIRCLE WGS84 70.500000N 031.000000E RADIUS 5 NM"
SPOT = "PLACE WGS84 50.450000N 030.516670E"
DANGER = {"window": WINDOW, "action": "gunnery", "polygon": AREA, "warnings": "none"}
CIRCLED = {"polygon": "", "circle": ROUND}
NOTAM = {"number": "A0001/31", "fir": "ENOB", "code": "RTCA"}
NAVAREA = {"heading": "NAVAREA XIX 12/31", "region": "BARENTS SEA"}


def notice(profile, values, unknown=()):
    """A notice as it is held; its faults are no business of a message."""
    return check(profile, values, AsSent(), unknown=unknown)


def back(kind, profile, values, given, unknown=()):
    """A notice written and read again, and the names of what was not written."""
    text, left = write_message(kind, profile, notice(profile, values, unknown), given)
    return fill(profile, read_message(kind, text.encode())), {one.name for one in left}


@pytest.mark.parametrize(
    ("kind", "text", "taken", "left"),
    [
        ("notam", PUBLISHED["A4703/26"][0], {"polygon", "band", "window", "action"}, {"A"}),
        ("notam", PUBLISHED["E9876/25"][0], {"circle", "window", "action"}, {"number", "Q"}),
        ("notam", PUBLISHED["A1234/26"][0], {"circle", "band", "action"}, {"time"}),
        ("navarea", LAUNCH, {"polygon", "window", "action"}, {"area", "time", "unread", "cancels"}),
        ("navarea", GUNNERY, {"polygon", "window", "action"}, {"time", "ends", "heading"}),
        ("navarea", CIRCLE, {"circle", "window", "action"}, {"time", "ends"}),
        ("navarea", SHOAL, {"action"}, {"area", "heading"}),
    ],
)
def test_published_messages_fill_a_notice_and_the_rest_is_named(kind, text, taken, left):
    """What has a field is in it; a second area, further hours, numbers and headings are listed."""
    filled = fill(SEA, read_message(kind, text.encode()))
    assert set(filled.values) == taken
    assert left <= {one.name for one in filled.left}
    assert set(filled.missing) == {"window", "action", "warnings"} - taken
    faults = notice(SEA, filled.values).faults
    assert {one.rule.value for one in faults} <= {"missing-field"}


def test_what_could_not_be_read_is_listed():
    """Times, coordinates and outlines in no known form, heights in other words; nothing is lost."""
    said = read_message("navarea", LAUNCH.encode())
    assert [one.text for one in said.left if one.name == "unread"] == ["131606Z", "131854Z"]
    curved = LAUNCH.replace("AREAS BOUND BY", "AREA BY ARC ALONG COAST TO 28-39N 80-38W")
    unread = {one.text for one in read_message("navarea", curved.encode()).left}
    assert {"ARC", "COAST", "80-38W"} <= unread
    heights = PUBLISHED["A1234/26"][0].replace("FL660", "AS CHARTED")
    assert Left("F, G", "SFC / AS CHARTED") in read_message("notam", heights.encode()).left
    hours = PUBLISHED["E9876/25"][0].replace("2501271800", "2501271800 EST D) 0800-1000")
    left = read_message("notam", hours.encode()).left
    assert {Left("C", "EST"), Left("D", "0800-1000")} <= set(left)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("notam", PUBLISHED["A4703/26"][0].replace("N234042", "N239942")),
        ("navarea", GUNNERY.replace("72-20.0N", "72-60.0N")),
        ("navarea", GUNNERY.replace("29 DEC", "31 NOV")),
    ],
)
def test_coordinates_and_days_that_are_none_are_listed(kind, text):
    """The message is read all the same: a person sees its text, and what is wrong in it."""
    said = read_message(kind, text.encode())
    assert said.text
    assert any(one.name == "unread" for one in said.left)


@pytest.mark.parametrize(("kind", "data"), [("notam", b"\xff"), ("navarea", b"HELLO")])
def test_what_is_no_message_is_refused(kind, data):
    """By the name of its kind."""
    assert rule(read_message, kind, data) == kind


def test_a_sign_fills_a_place_and_a_time():
    """As hex or bytes; a request's objects and every field of the header stay listed."""
    site = shipped()["relief-site"]
    values = {"valid": WINDOW, "site": "School", "kind": "school", "position": SPOT}
    given = {"sign": "p", "subject": "20"}
    filled, left = back("whiteflag", site, values | {"operator": "Red Cross"}, given, ("people",))
    assert filled.values == {"valid": WINDOW, "position": SPOT}
    assert left == {"site", "kind", "operator", "people"}
    assert {"MessageCode", "SubjectCode", "DuressIndicator"} <= {one.name for one in filled.left}
    asked = whiteflag.sign("Q", "10", Place(at=read_message("notam", CALM).shapes[0].at), 0)
    data = whiteflag.encode(whiteflag.Message(asked.header, asked.body, (("22", "03"),)))
    said = read_message("whiteflag", data)
    assert said.windows == ((0, None),)
    assert Left("wanted", "22 03") in said.left
    with pytest.raises(PeerError):
        read_message("whiteflag", b"WF")


CALM = PUBLISHED["E9876/25"][0].replace("5055N00020E015", "5055N00020E").encode()


def test_a_sign_of_no_place_or_a_text_has_no_area():
    """A circle keeps its radius; a free text has neither place nor time."""
    test = whiteflag.sign("D", "10", Place(at=read_message("notam", CALM).shapes[0].at), 0)
    nowhere = dict(zip(("ObjectLatitude", "ObjectLongitude"), whiteflag.NOT_GIVEN, strict=True))
    said = read_message(
        "whiteflag",
        whiteflag.encode(whiteflag.Message(test.header, {**test.body, **nowhere})),
    )
    assert said.shapes == ()
    assert "ObjectLatitude" in {one.name for one in said.left}
    wide = whiteflag.sign("D", "10", shapes.read(ROUND.replace("5 NM", "5 KM")), 0)
    said = read_message("whiteflag", whiteflag.encode(wide))
    assert str(said.shapes[0]) == ROUND.replace("5 NM", "5000 M")
    text = whiteflag.Message({**test.header, "MessageCode": "F"}, {"Text": "all well"})
    said = read_message("whiteflag", whiteflag.encode(text))
    assert (said.windows, Left("Text", "all well") in said.left) == ((), True)


def test_a_text_too_long_for_a_field_is_listed():
    """It is not cut."""
    long = GUNNERY.replace("GUNNERY", "GUNNERY " * 300)
    filled = fill(SEA, read_message("navarea", long.encode()))
    assert "action" not in filled.values
    assert "text" in {one.name for one in filled.left}


def test_a_time_goes_where_a_field_takes_it():
    """Into an instant or a day as its beginning, and the whole stays listed."""
    found = fill(shipped()["unusual-2011"], read_message("navarea", GUNNERY.encode()))
    assert found.values["noticed"] == "2017-12-26T03:00:00Z"
    assert Left("time", "2017-12-26T03:00:00Z/2017-12-26T21:00:00Z") in found.left
    launch = fill(shipped()["launch-1988"], read_message("navarea", GUNNERY.encode()))
    assert launch.values["date"] == "2017-12-26"
    assert Left("time", "2017-12-26T03:00:00Z/2017-12-26T21:00:00Z") in launch.left
    assert launch.missing == ("launch-area", "missile")
    answer = fill(shipped()["unusual-reply-2011"], read_message("navarea", GUNNERY.encode()))
    assert set(answer.values) == {"explanation"}


def test_a_notice_goes_out_as_a_notam_and_comes_back():
    """Times to the minute, outwards; the band in F and G; the signal is named as left out."""
    values = {**DANGER, "band": "BAND SFC TO FL250", "signal": "YV1 PP8"}
    filled, left = back("notam", SEA, values, NOTAM)
    assert filled.values["polygon"] == AREA
    assert filled.values["band"] == "BAND SFC TO FL250"
    assert filled.values["window"] == "2031-06-10T06:00:00Z/2031-06-10T18:01:00Z"
    assert left == {"action", "warnings", "signal"}
    open_, _ = back("notam", SEA, DANGER, NOTAM | {"text": "gunnery"})
    assert open_.values["band"] == "BAND SFC TO UNL"
    assert open_.values["action"].startswith("GUNNERY WI AN AREA")


def test_a_notice_goes_out_as_a_warning_to_mariners_and_comes_back():
    """Of two areas one has to be named; what is unknown is listed too."""
    both = {**DANGER, "circle": ROUND}
    del both["warnings"]
    assert rule(back, "navarea", SEA, both, NAVAREA) == "place"
    filled, left = back("navarea", SEA, both, NAVAREA | {"place": "circle"}, ("warnings",))
    assert filled.values["circle"] == ROUND
    assert left == {"action", "polygon", "warnings"}


@pytest.mark.parametrize(
    ("kind", "changed", "given", "wanted"),
    [
        ("notam", {}, {}, "notam"),
        ("notam", {}, NOTAM | {"colour": "red"}, "notam"),
        ("notam", {}, NOTAM | {"text": "полигон"}, "notam"),
        ("notam", {}, NOTAM | {"text": "X F) SFC"}, "notam"),
        ("notam", {"polygon": ""}, NOTAM, "place"),
        ("whiteflag", {}, {"sign": "D", "subject": "10"}, "whiteflag"),
        ("whiteflag", {"polygon": "", "circle": ROUND}, {"sign": "X", "subject": "1"}, "whiteflag"),
        ("whiteflag", CIRCLED, {"sign": "D", "subject": "zz"}, "whiteflag"),
        ("notam", {"window": ""}, NOTAM, "time"),
    ],
)
def test_what_a_message_cannot_say_is_refused(kind, changed, given, wanted):
    """Rather than said otherwise: other letters, other items, other shapes, no time."""
    values = {name: text for name, text in {**DANGER, **changed}.items() if text}
    assert rule(write_message, kind, SEA, notice(SEA, values), given) == wanted


def test_a_notice_without_an_end_is_a_sign_and_no_warning():
    """A sign stands until it is recalled; the others have to end."""
    accident = shipped()["accident-1971"]
    values = {"time": "2031-06-10T06:00:00Z", "position": SPOT}
    with pytest.raises(LocalError, match="until when"):
        write_message("navarea", accident, notice(accident, values), NAVAREA)
    sign = {"sign": "D", "subject": "10"}
    text, _left = write_message("whiteflag", accident, notice(accident, values), sign)
    assert read_message("whiteflag", text.encode()).windows[0].end_s is None
