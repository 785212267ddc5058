"""May we do this? `callers` and `keys` say who asks; `gateway` decides about every call of a tool."""
