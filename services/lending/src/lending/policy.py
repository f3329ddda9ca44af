"""The library's rules about time and number. Pure: days and counts in, answers out."""

from datetime import timedelta

LOAN_DAYS = {"adult": 28, "student": 42, "child": 21}
LOAN_LIMIT = {"adult": 10, "student": 15, "child": 5}
RENEWALS = 2
HOLD_DAYS = 7
SATURDAY = 5


def due_day(category, borrowed):
    """The day a loan is due. A loan never falls due on a weekend, when the desk is closed."""
    return open_day(borrowed + timedelta(days=LOAN_DAYS[category]))


def open_day(day):
    """`day` itself, or the Monday after it when it is on a weekend."""
    past_friday = day.weekday() - SATURDAY
    if past_friday < 0:
        return day
    return day + timedelta(days=2 - past_friday)


def renewed_day(category, due, today, renewals):
    """The new due day of a loan that is renewed; None when it may not be.

    A renewal counts from today and never shortens a loan; a late loan cannot be renewed.
    """
    if renewals >= RENEWALS or days_late(due, today) > 0:
        return None
    return max(due, due_day(category, today))


def days_late(due, today):
    """How many days a loan is late; 0 on the due day and before it."""
    return max(0, (today - due).days)


def may_borrow(category, open_loans, late_loans):
    """Why a reader may not borrow one more, as a code; None when nothing is against it."""
    if late_loans > 0:
        return "has-late-loans"
    if open_loans >= LOAN_LIMIT[category]:
        return "limit-reached"
    return None


def hold_expiry(ready):
    """The last day on which a copy is kept for a reader."""
    return open_day(ready + timedelta(days=HOLD_DAYS))


def stage(due, today):
    """The stage of a loan's reminder: None, `due-soon` (three days before) or `overdue`."""
    left = (due - today).days
    if left < 0:
        return "overdue"
    return "due-soon" if left <= 3 else None
