"""When a parcel will probably come, learnt from those that came before it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from waypost import clock
from waypost.addresses import extra_days, route_of
from waypost.carriers import CARRIERS
from waypost.carriers.base import Carrier
from waypost.events import Code
from waypost.settings import EstimateSettings
from waypost.store import Parcel, Transaction
from waypost.timeline import State, Timeline

# States in which nobody can say a day.
_WITHOUT_ESTIMATE = frozenset({State.DELIVERED, State.GOING_BACK, State.RETURNED, State.LOST})


@dataclass(frozen=True, slots=True)
class Estimate:
    """Three days. `is_learnt` is false where they are only what the carrier promises."""

    earliest: date
    likely: date
    latest: date
    is_learnt: bool


class TransitTimes:
    """Working days from acceptance to delivery, by route and by carrier and country."""

    def __init__(self, settings: EstimateSettings) -> None:
        self._settings = settings
        self._days: dict[str, list[int]] = defaultdict(list)

    def learn(self, deliveries: Iterable[tuple[Parcel, Timeline]]) -> int:
        """Take over what past deliveries say; how many of them say something."""
        used = 0
        for parcel, timeline in deliveries:
            days = transit_days(parcel, timeline)
            if days is None:
                continue
            used += 1
            for key in self._keys(parcel, timeline):
                self._days[key].append(days)
        for known in self._days.values():
            known.sort()
        return used

    def days_for(self, parcel: Parcel, timeline: Timeline) -> tuple[int, int, int] | None:
        """Early, median and late days of the narrowest group that has enough deliveries; None without one."""
        for key in self._keys(parcel, timeline):
            known = self._days.get(key, [])
            if len(known) >= self._settings.least_deliveries:
                return (
                    quantile(known, self._settings.early_quantile),
                    quantile(known, 0.5),
                    quantile(known, self._settings.late_quantile),
                )
        return None

    def _keys(self, parcel: Parcel, timeline: Timeline) -> tuple[str, str]:
        depot = next((scan.depot for scan in timeline.scans if scan.depot), "")
        return route_of(parcel.carrier, depot, parcel.postcode), f"{parcel.carrier}:{parcel.country}"


def learn_from(transaction: Transaction, settings: EstimateSettings) -> TransitTimes:
    """What the deliveries of the past weeks say."""
    since = clock.now() - settings.history_weeks * 7 * 86_400
    times = TransitTimes(settings)
    times.learn(transaction.delivered_since(since))
    return times


def transit_days(parcel: Parcel, timeline: Timeline) -> int | None:
    """Working days that a delivered parcel took; None where it says nothing about its route.

    That is so for parcels that went back or whose receiver could not be met, and where the acceptance was
    scanned after the delivery.
    """
    accepted, delivered = timeline.accepted_at, timeline.delivered_at
    if accepted is None or delivered is None or accepted > delivered:
        return None
    if timeline.missed_visits or any(scan.code is Code.RETURNING for scan in timeline.scans):
        return None
    carrier = CARRIERS[parcel.carrier]
    start = first_day(accepted, carrier)
    end = max(start, clock.day_of(delivered))
    return clock.count_working_days(start, end, parcel.country, saturdays=carrier.delivers_on_saturdays)


def estimate(parcel: Parcel, timeline: Timeline, times: TransitTimes, today: date) -> Estimate | None:
    """The days on which a parcel may come; None before it was accepted and once nobody can say."""
    accepted = timeline.accepted_at
    if accepted is None or timeline.state in _WITHOUT_ESTIMATE:
        return None
    carrier = CARRIERS[parcel.carrier]
    learnt = times.days_for(parcel, timeline)
    promised = parcel.promised_days + extra_days(parcel.postcode, parcel.country)
    days = learnt or (promised, promised, promised)
    start = first_day(accepted, carrier)
    earliest, likely, latest = (
        clock.add_working_days(start, n, parcel.country, saturdays=carrier.delivers_on_saturdays)
        for n in days
    )
    soonest = today if timeline.state is State.OUT_FOR_DELIVERY else today + timedelta(days=1)
    if likely < soonest:
        # It should have come already: the next day on which somebody delivers.
        likely = clock.add_working_days(soonest, 0, parcel.country, saturdays=carrier.delivers_on_saturdays)
    return Estimate(min(earliest, likely), likely, max(latest, likely), learnt is not None)


def first_day(accepted_at: int, carrier: Carrier) -> date:
    """The day from which working days count: the next one for a parcel that missed the cut-off."""
    moment = datetime.fromtimestamp(accepted_at, carrier.zone)
    late = moment.time() > carrier.cut_off
    return moment.date() + timedelta(days=1 if late else 0)


def quantile(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least this share of the values does not exceed. The values are in order."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
