"""Prices of parcels."""

from decimal import Decimal

import pytest
from parcels.rates import TooHeavy, price_of


def test_express_parcels_cost_a_surcharge():
    assert price_of(2, "domestic", express=True) - price_of(2, "domestic") == Decimal("6.00")


def test_a_parcel_over_the_limit_is_refused():
    with pytest.raises(TooHeavy):
        price_of(32, "domestic")


def test_half_a_cent_is_rounded_upwards():
    assert price_of(Decimal("0.1"), "domestic") == Decimal("4.99")
