"""What a server does about repositories, in its own time: index, synchronise, remove.

`Jobs` is what the doors call. A job is a row of the database from the moment that it was promised; a process
of its own (`runner`) takes the rows to a DBOS queue and works on them, so that the processes which answer
stay light, and a kill of any of them loses nothing.
"""

from __future__ import annotations

from loccit.serving.jobs.values import Job, JobKind, JobRequest, JobState

__all__ = ["Job", "JobKind", "JobRequest", "JobState"]
