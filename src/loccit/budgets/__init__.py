"""May we still spend? Reserve before a call, settle after it."""
