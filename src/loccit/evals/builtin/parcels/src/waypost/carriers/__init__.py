"""One module for each carrier: all that is peculiar to it, and nothing else knows."""

from __future__ import annotations

from waypost.carriers.base import Carrier
from waypost.carriers.coastal import Coastal
from waypost.carriers.northline import Northline

CARRIERS: dict[str, Carrier] = {carrier.name: carrier for carrier in (Northline(), Coastal())}
