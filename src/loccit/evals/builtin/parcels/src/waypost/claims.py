"""What a carrier owes for a parcel that is lost, late or damaged, and until when it can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from waypost import clock
from waypost.addresses import extra_days
from waypost.carriers import CARRIERS
from waypost.estimates import first_day
from waypost.settings import ClaimSettings
from waypost.store import Parcel
from waypost.timeline import State, Timeline

# What a parcel is worth at most, whatever the shop declared; and what is taken where it declared nothing.
_HIGHEST_CENTS = 50_000
_UNDECLARED_CENTS = 2_500
# Without any scan for so many working days a parcel counts as lost, even if the carrier does not say so.
_SILENT_DAYS = 10
# Days after which nothing can be asked for any more, counted from when the claim arose.
_DEADLINE_DAYS = {"lost": 90, "late": 21, "damaged": 7}


class Kind(StrEnum):
    """Why something is owed."""

    LOST = "lost"
    LATE = "late"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Claim:
    """What can be asked for. `last_day` is the last one on which it can be."""

    kind: Kind
    cents: int
    last_day: date
    needs_photo: bool = False


def claim_for(
    parcel: Parcel, timeline: Timeline, shipping_cents: int, today: date, settings: ClaimSettings
) -> Claim | None:
    """The highest claim that a parcel gives, None where there is none or it is too late to ask."""
    found = [
        claim
        for claim in (
            _of_loss(parcel, timeline, shipping_cents, today),
            _of_damage(parcel, timeline, settings),
            _of_delay(parcel, timeline, shipping_cents, settings),
        )
        if claim is not None and claim.last_day >= today
    ]
    return max(found, key=lambda claim: claim.cents, default=None)


def worth(parcel: Parcel) -> int:
    """What a parcel is worth in cents, for a claim."""
    return min(parcel.declared_cents or _UNDECLARED_CENTS, _HIGHEST_CENTS)


def _of_loss(parcel: Parcel, timeline: Timeline, shipping_cents: int, today: date) -> Claim | None:
    """Its worth and the shipping, where it was given up or nothing was heard of it for long."""
    if not timeline.scans:
        return None
    last = clock.day_of(timeline.scans[-1].happened_at)
    if timeline.state is State.LOST:
        since = last
    elif timeline.state in {State.UNDER_WAY, State.OUT_FOR_DELIVERY}:
        saturdays = CARRIERS[parcel.carrier].delivers_on_saturdays
        since = clock.add_working_days(last, _SILENT_DAYS, parcel.country, saturdays=saturdays)
        if since > today:
            return None
    else:
        return None
    return Claim(Kind.LOST, worth(parcel) + shipping_cents, _deadline(since, Kind.LOST))


def _of_damage(parcel: Parcel, timeline: Timeline, settings: ClaimSettings) -> Claim | None:
    """Its worth, where a scan says that it is damaged and it was delivered all the same."""
    delivered = timeline.delivered_at
    if delivered is None or not timeline.is_damaged:
        return None
    last_day = _deadline(clock.day_of(delivered), Kind.DAMAGED)
    return Claim(Kind.DAMAGED, worth(parcel), last_day, settings.damage_photo_required)


def _of_delay(
    parcel: Parcel, timeline: Timeline, shipping_cents: int, settings: ClaimSettings
) -> Claim | None:
    """A share of the shipping for each working day of delay, the whole of it at most.

    A day on which the receiver could not be met is not the carrier's delay.
    """
    accepted, delivered = timeline.accepted_at, timeline.delivered_at
    if accepted is None or delivered is None:
        return None
    carrier = CARRIERS[parcel.carrier]
    saturdays = carrier.delivers_on_saturdays
    promised = parcel.promised_days + extra_days(parcel.postcode, parcel.country)
    due = clock.add_working_days(first_day(accepted, carrier), promised, parcel.country, saturdays=saturdays)
    came = clock.day_of(delivered)
    if came <= due:
        return None
    days = clock.count_working_days(due, came, parcel.country, saturdays=saturdays) - timeline.missed_visits
    if days <= 0:
        return None
    cents = min(shipping_cents, round(shipping_cents * settings.late_share * days))
    return Claim(Kind.LATE, cents, _deadline(came, Kind.LATE)) if cents else None


def _deadline(since: date, kind: Kind) -> date:
    return since + timedelta(days=_DEADLINE_DAYS[kind.value])
