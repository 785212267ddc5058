"""The HTTP interface, without a web server: a request in, a response out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from waypost import clock
from waypost.addresses import BadPostcode, normalise_postcode
from waypost.carriers import CARRIERS
from waypost.claims import claim_for
from waypost.estimates import TransitTimes, estimate
from waypost.limits import RateLimiter, retry_after
from waypost.numbers import BadNumber, parse_number
from waypost.settings import Settings
from waypost.store import Parcel, Store, Transaction, UnknownParcel
from waypost.timeline import Timeline

# What shipping costs where the shop did not say, in cents.
_USUAL_SHIPPING_CENTS = 590


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` has no query; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A response with a JSON body."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """What is sent."""
        return json.dumps(self.document, ensure_ascii=False).encode()


class Api:
    """Answers requests. `shop_of` gives the shop that a key belongs to, None for an unknown key."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        shop_of: Callable[[str], str | None],
        times: TransitTimes,
    ) -> None:
        self._store = store
        self._settings = settings
        self._shop_of = shop_of
        self._times = times
        self._limiter = RateLimiter(settings.limits)

    def answer(self, request: Request) -> Response:
        """The response to any request; what is wrong with it is a response too."""
        key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        shop = self._shop_of(key) if key else None
        if shop is None:
            return _problem(401, "a key is needed: Authorization: Bearer KEY")
        wait_s = self._limiter.take(key)
        if wait_s:
            return Response(429, {"problem": "too many requests"}, {"Retry-After": retry_after(wait_s)})
        parts = request.path.strip("/").split("/")
        match (request.method, parts):
            case ("POST", ["v1", "parcels"]):
                return self._announce(request, shop)
            case ("GET", ["v1", "parcels", number]):
                return self._show(number, shop)
            case ("GET", ["v1", "parcels", number, "claim"]):
                return self._claim(number, shop)
            case _:
                return _problem(404, f"there is no {request.method} {request.path}")

    def _announce(self, request: Request, shop: str) -> Response:
        try:
            parcel = _announced(json.loads(request.body), shop)
        except (ValueError, KeyError, TypeError) as error:
            return _problem(400, str(error))
        with self._store.writing() as transaction:
            try:
                is_new = transaction.add_parcel(parcel)
            except ValueError as error:
                return _problem(409, str(error))
        return Response(201 if is_new else 200, {"number": parcel.number, "carrier": parcel.carrier})

    def _show(self, number: str, shop: str) -> Response:
        with self._store.reading() as transaction:
            try:
                parcel, timeline = self._found(transaction, number, shop)
            except (UnknownParcel, BadNumber):
                return _problem(404, f"there is no parcel {number!r}")
        days = estimate(parcel, timeline, self._times, clock.day_of(clock.now()))
        document: dict[str, Any] = {
            "number": parcel.number,
            "state": timeline.state.value,
            "scans": [
                {
                    "code": scan.code.value,
                    "at": _written(scan.happened_at),
                    "depot": scan.depot,
                    "text": scan.text,
                }
                for scan in timeline.scans
            ],
        }
        if days is not None:
            document["estimate"] = {
                "earliest": days.earliest.isoformat(),
                "likely": days.likely.isoformat(),
                "latest": days.latest.isoformat(),
                "from": "history" if days.is_learnt else "promise",
            }
        return Response(200, document)

    def _claim(self, number: str, shop: str) -> Response:
        with self._store.reading() as transaction:
            try:
                parcel, timeline = self._found(transaction, number, shop)
            except (UnknownParcel, BadNumber):
                return _problem(404, f"there is no parcel {number!r}")
        today = clock.day_of(clock.now())
        claim = claim_for(parcel, timeline, _USUAL_SHIPPING_CENTS, today, self._settings.claims)
        if claim is None:
            return _problem(404, f"nothing is owed for {number!r}")
        return Response(
            200,
            {
                "kind": claim.kind.value,
                "cents": claim.cents,
                "currency": self._settings.claims.currency,
                "until": claim.last_day.isoformat(),
                "needs_photo": claim.needs_photo,
            },
        )

    def _found(self, transaction: Transaction, written: str, shop: str) -> tuple[Parcel, Timeline]:
        """A parcel of this shop. One of another shop is unknown: nobody should learn that it exists."""
        number = parse_number(written).text
        parcel = transaction.parcel(number)
        if parcel.shop != shop:
            raise UnknownParcel(number)
        window_s = self._settings.intake.repeat_window_minutes * 60
        return parcel, transaction.timeline(number, window_s=window_s)


def _announced(document: dict[str, Any], shop: str) -> Parcel:
    number = parse_number(document["number"])
    carrier = CARRIERS[number.carrier]
    country = document["country"]
    if document["carrier"] != number.carrier:
        raise ValueError(f"{number} is a number of {number.carrier}")
    if country not in carrier.promised_days:
        raise ValueError(f"{number.carrier} does not deliver to {country!r}")
    try:
        postcode = normalise_postcode(document["postcode"], country)
    except BadPostcode as error:
        raise ValueError(str(error)) from error
    return Parcel(
        number=number.text,
        carrier=number.carrier,
        shop=shop,
        postcode=postcode,
        country=country,
        weight_g=document.get("weight_g"),
        declared_cents=int(document.get("declared_cents", 0)),
        promised_days=carrier.promised_days[country],
        created_at=clock.now(),
    )


def _problem(status: int, text: str) -> Response:
    return Response(status, {"problem": text})


def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
