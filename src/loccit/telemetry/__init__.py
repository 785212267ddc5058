"""What happened? Spans of a run, its record, and what may be said of it."""
