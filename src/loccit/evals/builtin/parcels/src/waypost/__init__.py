"""Follows parcels of several carriers: timelines, estimates, webhooks and claims."""

__version__ = "2.3.0"
