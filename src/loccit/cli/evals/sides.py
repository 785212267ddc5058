"""What several commands about logs need: which judges are believed, and where a summary goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loccit.evals.log import EvalLog
    from loccit.evals.summary import Calibrated


def calibrations_of(*logs: EvalLog) -> dict[str, Calibrated]:
    """What people's labels say of the judges of these logs, by their prompt version: those believed alone."""
    judges = {metric.judge for log in logs for metric in log.metrics.values() if metric.judge}
    if not judges:
        return {}
    from loccit.evals.judge_calibration import CalibrationStore
    from loccit.evals.summary import calibrated_judges
    from loccit.library import Loccit

    return calibrated_judges(logs, CalibrationStore(Loccit().calibrations).all())


def append_summary(path: Path, text: str) -> None:
    """Append Markdown to a file, as CI services want it. Raises StorageFailed."""
    from loccit.core.errors import StorageFailed

    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{text.rstrip()}\n\n")
    except OSError as error:
        raise StorageFailed(f"cannot write {str(path)!r}: {error.strerror or error}") from error
