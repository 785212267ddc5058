"""Values of comparisons and gates as JSON: dataclasses by their fields, intervals without an end as null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, cast

_DIGITS = 9


def plain(value: Any) -> Any:
    """The same value made of dictionaries, lists, texts and numbers; numbers with nine significant digits."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in cast("Mapping[object, Any]", value).items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in cast("list[Any]", value)]
    return value
