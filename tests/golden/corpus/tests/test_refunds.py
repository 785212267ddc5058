"""Refunds of lost and late parcels."""

from decimal import Decimal

from parcels.refunds import late_refund


def test_a_late_express_parcel_is_refunded_by_the_day():
    assert late_refund(Decimal(20), days_late=3) == Decimal(6)


def test_no_more_than_the_price_is_refunded():
    assert late_refund(Decimal(20), days_late=30) == Decimal(20)
