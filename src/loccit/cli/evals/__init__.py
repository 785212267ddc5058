"""The sub-commands of `loccit eval`, and what they show."""
