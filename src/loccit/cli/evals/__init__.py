"""`loccit eval`: one file per sub-command."""
