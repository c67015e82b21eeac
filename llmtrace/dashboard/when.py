"""Moments as the pages write them, in the time zone of the one who reads."""

from __future__ import annotations

from datetime import datetime

from django.utils import formats, timezone


def local(moment: datetime) -> datetime:
    """`moment` in the current time zone; as it is where the project has none."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def clock(moment: datetime) -> str:
    """The time of day to the millisecond, with the date in front unless it is today's."""
    here = local(moment)
    time = f"{here:%H:%M:%S}.{here.microsecond // 1000:03d}"
    if here.date() == local(timezone.now()).date():
        return time
    return f"{formats.date_format(here, 'j M')}, {time}"


def full(moment: datetime) -> str:
    """Date and time to the millisecond."""
    here = local(moment)
    return f"{formats.date_format(here, 'j M Y')}, {here:%H:%M:%S}.{here.microsecond // 1000:03d}"
