"""What we pay back when something goes wrong."""

from decimal import Decimal

MOST_WITHOUT_INSURANCE = Decimal("500.00")


def refund_for(parcel, tracker, now):
    """The refund for a lost parcel: its declared value, without insurance at most 500.

    A parcel that is not lost gets nothing.
    """
    if not tracker.is_lost(parcel.number, now):
        return Decimal(0)
    if parcel.insured:
        return parcel.declared_value
    return min(parcel.declared_value, MOST_WITHOUT_INSURANCE)


def late_refund(price, days_late):
    """A tenth of the price for each day that an express parcel is late, at most all of it."""
    return min(price, price * days_late / 10)
