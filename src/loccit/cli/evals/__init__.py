"""`loccit eval`: how good is it, and compared with what? One file per sub-command."""
