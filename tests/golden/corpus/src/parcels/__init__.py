"""Prices, tracking and refunds of parcels."""

from parcels.rates import price_of
from parcels.refunds import refund_for
from parcels.tracking import ParcelNotFound, Tracker

__all__ = ["ParcelNotFound", "Tracker", "price_of", "refund_for"]
