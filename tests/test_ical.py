"""The calendar as RFC 5545 has it."""

from __future__ import annotations

from detente.ical import Event, calendar

NOW_S = 1_770_292_800
EVENT = Event("a-1@x", NOW_S + 86_400, NOW_S + 90_000, "Due; now, or\\later", "Two\nrows", 3600)


def test_an_event_is_written_as_the_standard_says():
    """Times in UTC, text escaped, an alarm before the start, rows ended by CR LF."""
    assert calendar([EVENT], NOW_S) == (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//detente//notices//EN\r\n"
        "BEGIN:VEVENT\r\nUID:a-1@x\r\nDTSTAMP:20260205T120000Z\r\nDTSTART:20260206T120000Z\r\n"
        "DTEND:20260206T130000Z\r\nSUMMARY:Due\\; now\\, or\\\\later\r\nDESCRIPTION:Two\\nrows\r\n"
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT3600S\r\n"
        "DESCRIPTION:Due\\; now\\, or\\\\later\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def test_an_event_may_have_no_end_and_no_alarm():
    """And a calendar no event."""
    text = calendar([EVENT._replace(end_s=None, alarm_s=None)], NOW_S)
    assert "DTEND" not in text
    assert "VALARM" not in text
    assert calendar([], NOW_S).count("\r\n") == 4


def test_rows_are_folded_at_75_bytes_between_characters():
    """Unfolded they are the text again."""
    words = "Довгий опис українською, " * 20
    text = calendar([EVENT._replace(text=words)], NOW_S)
    assert max(len(row.encode()) for row in text.split("\r\n")) <= 75
    assert words.replace(",", "\\,") in text.replace("\r\n ", "")
