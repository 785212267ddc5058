"""A file without a name, for what goes into and comes out of a git process beside its pipes."""

from __future__ import annotations

import os
import sys
from typing import IO


def scratch_file() -> IO[bytes]:
    """An empty file that is gone when it is closed; in memory where the system can do that."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("loccit"), "w+b")
    # Slow to import, and not needed on the system above.
    import tempfile

    return tempfile.TemporaryFile()
