"""Notices as people read them, and the JSON Schema of their values."""

from __future__ import annotations

import re

from regimes import plain, profile, shipped

from detente.dossiers.renderings import render, schema, title

VALUES = {"date": "2026-06-10", "missile": "ICBM", "launch-area": "north", "impact-circle": "C"}


def test_a_notice_reads_in_each_language():
    """Rows of fields that were left out are left out; another language falls back to the first."""
    launch = shipped()["launch-1988"]
    assert render(launch, VALUES, (), "en") == (
        "Launch of ICBM, 2026-06-10",
        "A launch of one ICBM is planned for 2026-06-10.\nLaunch area: north.\nImpact area: C.",
    )
    assert render(launch, VALUES, (), "uk")[0] == "Пуск ICBM, 2026-06-10"
    assert render(launch, VALUES, (), "fr") == render(launch, VALUES, (), "en")
    assert (title(launch, "ru")[:4], title(launch, "fr")[:6]) == ("Пуск", "Launch")
    accident = shipped()["accident-1971"]
    subject, text = render(accident, {"kind": "accident", "what": "fire"}, ("time", "area"), "en")
    assert subject == "Incident, accident, not known yet"
    assert "Where: not known yet." in text
    assert "Measures" not in text
    assert render(launch, {}, (), "en") == ("Launch of …, …", "")


def test_a_code_is_read_in_the_reader_s_language():
    """The code itself travels; what is recalled is marked, and another language falls back."""
    sea = shipped()["sea-danger-1972"]
    read, recalled = {"signal": "YV1 PJ2"}, {"signal": "YV1 RT2"}
    assert render(sea, read, (), "en")[1] == "Ships show YV1 PJ2 (cannot turn to port)."
    assert "YV1 PJ2 (не могу повернуть влево)" in render(sea, read, (), "ru")[1]
    assert render(sea, read, (), "fr") == render(sea, read, (), "en")
    assert "(passing on your port side [M])" in render(sea, recalled, (), "en")[1]
    assert render(sea, {"signal": "YV1 XX9"}, (), "en")[1] == "Ships show YV1 XX9."
    for one in shipped().values():
        for field in one.fields.values():
            for phrase in field.phrases:
                assert set(phrase.says) == set(one.titles)


def test_a_schema_tells_the_forms_of_values():
    """Required ones, closed words, patterns; every field of every shipped profile has its form."""
    found = schema(profile())
    values = found["properties"]["values"]
    assert values["required"] == ["kind", "window"]
    assert values["properties"]["kind"]["enum"] == ["test", "show"]
    assert values["additionalProperties"] is False
    assert found["properties"]["unknown"]["items"] == {"enum": ["range"]}
    assert re.search(values["properties"]["range"]["pattern"], "12.5 km")
    assert not re.search(values["properties"]["range"]["pattern"], "12.5")
    assert values["properties"]["range"]["description"] == "range, number, at most 100 km, Art. 5"
    assert "UTC" in values["properties"]["window"]["description"]
    bare = profile(field={**plain()["field"], "range": plain()["field"]["craft"]})
    assert schema(bare)["properties"]["unknown"]["items"] is False
    ratio = {**plain()["field"]["range"], "unit": "", "most": "few"}
    of_ratio = schema(profile(field__range=ratio))["properties"]["values"]["properties"]["range"]
    assert re.search(of_ratio["pattern"], "12.5")
    for one in shipped().values():
        assert set(schema(one)["properties"]["values"]["properties"]) == set(one.fields)
