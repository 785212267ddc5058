"""Where the next page begins: an opaque text that is good for the same request only."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from loccit.core.errors import InputError
from loccit.serving.sessions import Signer


class Cursors:
    """Makes and reads them. They are signed: nobody steps outside of what they were given."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret)

    def write(self, at: Any, request: Any) -> str:
        """The cursor that stands at this place of what this request finds."""
        return self._signer.seal({"at": at, "of": _of(request)})

    def read(self, cursor: str, request: Any) -> Any:
        """The place. Raises InputError for what is no cursor of this request."""
        held = self._signer.open(cursor)
        if held is None or held.get("of") != _of(request):
            raise InputError("the cursor is not one of this request", next_step="send it without one")
        return held["at"]


def _of(request: Any) -> str:
    text = json.dumps(request, sort_keys=True, default=list)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
