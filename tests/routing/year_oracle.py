"""Who answers a call, said once more: from dates written by hand, without the package, without its calendar files.

The dates are those of public calendars; those that hang on Easter (5 April 2026, 16 April 2028) were counted by hand.
The lines are described a second time, as calendar files, in ``year_calendars``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

STRANGER, VIP = "5541990000099", "5521990000098"
CALLERS = (STRANGER, VIP)
DAY = 24 * 60
LONG_AGO = datetime(2000, 1, 1)


@dataclass(frozen=True)
class Course:
    """Answers to callers: sounds, phones in the order in which they ring, and the end when all stay silent."""

    end: str
    phones: tuple[str, ...] = ()
    played: tuple[int, ...] = ()


@dataclass(frozen=True)
class Special:
    """Something dated, its end excluded. ``for_vip`` is the answer to the one known caller, when it differs."""

    begins: datetime
    ends: datetime
    course: Course
    for_vip: Course | None = None


@dataclass(frozen=True)
class Line:
    """A number. Times of day are minutes from midnight, ends excluded; an end after 24 hours is over midnight.

    ``week`` is by ISO weekday. ``part_holidays`` are the days of which only that time is holiday.
    """

    week: Mapping[int, tuple[tuple[int, int], ...]]
    open: Course
    closed: Course
    holiday: Course
    holidays: frozenset[date]
    part_holidays: Mapping[date, tuple[int, int]]
    specials: tuple[Special, ...]
    emergency: Special | None

    def course(self, at: datetime, caller: str = STRANGER) -> Course:
        """Who answers at a local moment."""
        for special in (self.emergency, *self.specials):
            if special and special.begins <= at < special.ends:
                return special.for_vip if special.for_vip and caller == VIP else special.course
        if self.is_holiday(at):
            return self.holiday
        return self.open if self.is_open(at) else self.closed

    def is_holiday(self, at: datetime) -> bool:
        """Whether a moment is a holiday, in whole or in this part of the day."""
        if at.date() in self.part_holidays:
            begins, ends = self.part_holidays[at.date()]
            return begins <= minute_of(at) < ends
        return at.date() in self.holidays

    def is_open(self, at: datetime) -> bool:
        """Whether the week has the line open, by today's hours or by those of a night that began yesterday."""
        now = minute_of(at)
        if any(begins <= now < ends for begins, ends in self.week.get(at.isoweekday(), ())):
            return True
        midnight = at - timedelta(minutes=now, seconds=at.second)
        last_evening = midnight - timedelta(minutes=1)
        nights = self.week.get(last_evening.isoweekday(), ())
        return any(now + DAY < ends for _, ends in nights) and not (
            self.is_holiday(last_evening) or self.is_holiday(midnight)
        )

    def edges(self, day: date) -> set[datetime]:
        """Every moment of a day at which anything may begin or end; its first one too."""
        hours = {minute % DAY for rows in self.week.values() for row in rows for minute in row}
        parts = {minute % DAY for minute in self.part_holidays.get(day, ())}
        specials = (each for each in (self.emergency, *self.specials) if each)
        dated = {moment for each in specials for moment in (each.begins, each.ends) if moment.date() == day}
        return dated | {start_of(day) + timedelta(minutes=minute) for minute in {0} | hours | parts}

    def told_at(self, moment: datetime) -> Line:
        """The line as it is known to a run: an emergency that was declared counts from ever, another is not known."""
        if self.emergency is None or moment < self.emergency.begins:
            return replace(self, emergency=None)
        return replace(self, emergency=replace(self.emergency, begins=LONG_AGO))

    def ordinary(self) -> Line:
        """The line without anything dated."""
        return replace(self, holidays=frozenset(), part_holidays={}, specials=(), emergency=None)

    def day(self, day: date) -> list[tuple[datetime, tuple[Course, ...]]]:
        """Since when in a day which callers get which answer."""
        parts: list[tuple[datetime, tuple[Course, ...]]] = []
        for moment in sorted(self.edges(day)):
            courses = tuple(self.course(moment, caller) for caller in CALLERS)
            if not parts or parts[-1][1] != courses:
                parts.append((moment, courses))
        return parts

    def dated_week(self, first: date) -> dict[int, list[tuple[int, tuple[Course, ...]]]]:
        """The exceptions of seven days, by weekday: since which minute who gets which answer."""
        days = (first + timedelta(days=number) for number in range(7))
        return {
            day.isoweekday(): [(minute_of(begins), courses) for begins, courses in self.day(day)]
            for day in days
            if self.day(day) != self.ordinary().day(day)
        }

    def moments(self, day: date) -> Iterator[datetime]:
        """When calls come: each half hour past, at each edge, and in the last second before it."""
        edges = self.edges(day)
        half_hours = {start_of(day) + timedelta(hours=hour, minutes=30) for hour in range(24)}
        before = {edge - timedelta(seconds=1) for edge in edges} | {start_of(day) + timedelta(days=1, seconds=-1)}
        yield from sorted(moment for moment in half_hours | edges | before if moment.date() == day)


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def minute_of(at: datetime) -> int:
    return at.hour * 60 + at.minute


def on(year: int, *days: tuple[int, int]) -> frozenset[date]:
    """Days of a year, each as (day, month)."""
    return frozenset(date(year, month, day) for day, month in days)


# Numbers end in -0001 ... -0009; 150 is the greeting of holidays, 155 the farewell.
DESK, DUTY = "desk@example.com", "duty@example.com"
SHUT = Course("farewell", played=(155,))
HANG_UP = Course("hangup")
TO_VIP_DESK = Course("hangup", ("5511990000006",))

NATIONAL = ((1, 1), (21, 4), (1, 5), (7, 9), (12, 10), (2, 11), (15, 11), (20, 11), (25, 12))

SP_OPEN = Course(DESK, ("5511990000001", "5511990000002"))
SP_CLOSED = Course(DESK)
SP_HOLIDAY = Course(DUTY, ("5511990000003",), (150,))
SP_WEEK = {
    **dict.fromkeys((1, 2, 3, 4, 5), ((8 * 60, 12 * 60), (13 * 60 + 30, 18 * 60))),
    6: ((9 * 60, 13 * 60),),
}

SP_2026 = Line(
    week=SP_WEEK,
    open=SP_OPEN,
    closed=SP_CLOSED,
    holiday=SP_HOLIDAY,
    holidays=on(2026, *NATIONAL)
    | on(2026, (16, 2), (17, 2), (3, 4), (4, 6))  # Carnival, Good Friday, Corpus Christi
    | on(2026, (9, 7), (28, 10), (26, 1), (8, 9))  # the state's day, the civil servants', two of the city
    | on(2027, (1, 1)),
    part_holidays={
        date(2026, 2, 18): (0, 12 * 60),
        date(2026, 6, 5): (0, 12 * 60),
        date(2026, 12, 24): (12 * 60, DAY),
        date(2026, 12, 31): (12 * 60, DAY),
    },
    specials=(
        Special(datetime(2025, 12, 29), datetime(2026, 1, 3), SHUT),
        Special(datetime(2026, 1, 15), datetime(2026, 1, 16), SP_CLOSED),
        Special(datetime(2026, 2, 18, 11), datetime(2026, 2, 18, 14), SP_CLOSED),
        Special(datetime(2026, 3, 11, 9, 17), datetime(2026, 3, 11, 11, 43), Course("hangup", ("5511990000004",))),
        Special(datetime(2026, 3, 11, 11, 43), datetime(2026, 3, 11, 15), HANG_UP, for_vip=TO_VIP_DESK),
        Special(datetime(2026, 4, 21, 8), datetime(2026, 4, 21, 12), Course(DUTY, ("5511990000005",))),
        Special(datetime(2026, 5, 8, 22), datetime(2026, 5, 9, 3), SP_OPEN),
        Special(datetime(2026, 8, 29), datetime(2026, 9, 3), SHUT),
        Special(datetime(2026, 10, 12, 9), datetime(2026, 10, 12, 17), SP_OPEN),
        Special(datetime(2026, 11, 13), datetime(2026, 11, 14), SP_HOLIDAY),
        Special(datetime(2026, 11, 27, 8), datetime(2026, 11, 27, 22), SP_OPEN),
        Special(datetime(2026, 12, 31, 20), datetime(2027, 1, 1, 8), Course(DUTY, ("5511990000005",))),
    ),
    # Its first phone, 5511990000480, is one that nobody picks up.
    emergency=Special(
        datetime(2026, 6, 17, 10, 17), datetime(2026, 6, 19, 15, 20), Course("hangup", ("5511990000007",))
    ),
)

RJ_OPEN = Course("hangup", ("5521990000001", "5521990000002"))
RJ_CLOSED = Course(DESK, played=(151,))
RJ_HOLIDAY = SHUT

RJ_2026 = Line(
    week={
        **dict.fromkeys((1, 2, 3, 4), ((9 * 60, 12 * 60 + 30), (14 * 60, 19 * 60))),
        5: ((9 * 60, 12 * 60 + 30), (14 * 60, 19 * 60), (20 * 60, DAY + 2 * 60)),
        6: ((8 * 60 + 30, 12 * 60),),
    },
    open=RJ_OPEN,
    closed=RJ_CLOSED,
    holiday=RJ_HOLIDAY,
    holidays=on(2026, *NATIONAL)
    | on(2026, (3, 4), (4, 6))  # Good Friday, Corpus Christi; Carnival's Monday was not chosen
    | on(2026, (17, 2), (23, 4))  # the state's: Carnival's Tuesday, Saint George
    | on(2026, (20, 1), (15, 8))  # the city's saint, the shop's own day (a Saturday, into which a night would go)
    | on(2027, (1, 1)),
    part_holidays={
        date(2026, 2, 18): (0, 14 * 60),
        date(2026, 6, 13): (10 * 60, DAY),  # a Saturday, after a night that goes on
        date(2026, 7, 17): (15 * 60, DAY),  # Fridays: this one ends as a holiday ...
        date(2026, 8, 7): (10 * 60, 14 * 60),  # ... and this one does not
        date(2026, 11, 2): (12 * 60, DAY),
        date(2026, 12, 24): (12 * 60, DAY),
        date(2026, 12, 31): (12 * 60, DAY),
    },
    specials=(
        Special(datetime(2025, 12, 30), datetime(2026, 1, 5), RJ_HOLIDAY),
        Special(datetime(2026, 1, 14, 9), datetime(2026, 1, 14, 10, 30), RJ_CLOSED),
        Special(datetime(2026, 3, 30), datetime(2026, 4, 3), RJ_CLOSED),
        Special(datetime(2026, 4, 23, 10), datetime(2026, 4, 23, 15), RJ_OPEN),
        Special(datetime(2026, 5, 15, 19), datetime(2026, 5, 16, 4, 15), Course(DUTY, ("5521990000004",))),
        Special(datetime(2026, 6, 5), datetime(2026, 6, 6), RJ_HOLIDAY),
        Special(datetime(2026, 7, 19, 14), datetime(2026, 7, 19, 19, 30), RJ_OPEN),
        Special(
            datetime(2026, 9, 14, 18),
            datetime(2026, 9, 18, 9),
            Course(DUTY),
            for_vip=Course(DUTY, ("5511990000006",)),
        ),
        Special(datetime(2026, 10, 8, 10, 10), datetime(2026, 10, 8, 10, 50), RJ_CLOSED),
        Special(datetime(2026, 11, 20), datetime(2026, 11, 21), Course(DUTY, ("5521990000004",))),
        Special(datetime(2026, 12, 23, 18), datetime(2026, 12, 24, 15), RJ_OPEN),
        Special(datetime(2026, 12, 31, 20), datetime(2027, 1, 1, 6), Course(DUTY, ("5521990000004",))),
    ),
    emergency=Special(datetime(2026, 8, 25, 14, 3), datetime(2026, 9, 6, 6, 30), Course("hangup", ("5521990000007",))),
)

SP_2028 = Line(
    week=SP_WEEK,
    open=SP_OPEN,
    closed=SP_CLOSED,
    holiday=SP_HOLIDAY,
    holidays=on(2028, *NATIONAL)
    | on(2028, (28, 2), (29, 2), (14, 4), (15, 6))  # Carnival (on the leap day), Good Friday, Corpus Christi
    | on(2028, (9, 7), (25, 1))  # the state's day, the city's
    | on(2029, (1, 1)),
    part_holidays={
        date(2028, 3, 1): (0, 12 * 60),
        date(2028, 12, 24): (12 * 60, DAY),
        date(2028, 12, 31): (12 * 60, DAY),
    },
    specials=(
        Special(datetime(2027, 12, 31, 18), datetime(2028, 1, 2, 6), SHUT),
        Special(datetime(2028, 1, 25, 8), datetime(2028, 1, 25, 12), SP_OPEN),
        Special(datetime(2028, 2, 29, 9), datetime(2028, 2, 29, 15), SP_OPEN),
        Special(datetime(2028, 2, 29, 23), datetime(2028, 3, 1, 1), Course(DUTY, ("5511990000005",))),
        Special(datetime(2028, 4, 14, 10), datetime(2028, 4, 14, 11, 1), HANG_UP, for_vip=TO_VIP_DESK),
        Special(datetime(2028, 5, 30), datetime(2028, 6, 3), SP_CLOSED),
        Special(datetime(2028, 7, 9), datetime(2028, 7, 10), SP_OPEN),
        Special(datetime(2028, 8, 16, 12), datetime(2028, 8, 16, 13, 30), SP_OPEN),
        Special(datetime(2028, 9, 6, 18), datetime(2028, 9, 8, 8), Course(DUTY, ("5511990000005",))),
        Special(datetime(2028, 11, 24), datetime(2028, 11, 26), SP_OPEN),
        Special(datetime(2028, 12, 4, 0, 1), datetime(2028, 12, 4, 23, 59), SP_HOLIDAY),
        Special(datetime(2028, 12, 30, 9), datetime(2029, 1, 4), SHUT),
    ),
    emergency=Special(datetime(2028, 6, 14, 17, 59), datetime(2028, 6, 16), Course(DUTY, ("5511990000007",))),
)
