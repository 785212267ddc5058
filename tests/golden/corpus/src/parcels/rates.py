"""What it costs to send a parcel."""

from decimal import ROUND_HALF_UP, Decimal

ZONES = {"domestic": Decimal("4.90"), "neighbours": Decimal("9.50"), "world": Decimal("21.00")}
EXPRESS_SURCHARGE = Decimal("6.00")
PER_KILOGRAM = Decimal("0.85")


class TooHeavy(ValueError):
    """No van takes a parcel of this weight."""


def price_of(weight_kg, zone, express=False, limit_kg=31):
    """The price of a parcel: the zone's base rate and so much for each kilogram.

    Express parcels cost a surcharge. Raises TooHeavy above the weight limit.
    """
    if weight_kg > limit_kg:
        raise TooHeavy(f"{weight_kg} kg is more than the {limit_kg} kg that a van takes")
    price = ZONES[zone] + PER_KILOGRAM * Decimal(weight_kg)
    if express:
        price += EXPRESS_SURCHARGE
    return rounded(price)


def rounded(price):
    """Whole cents, half a cent upwards."""
    return price.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def volumetric_weight(length_cm, width_cm, height_cm):
    """The weight that a bulky parcel is charged for, in kilograms: its volume over 5000."""
    return Decimal(length_cm * width_cm * height_cm) / 5000
