"""How the tables came to be as they are: one file per revision in versions/."""
