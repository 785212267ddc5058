"""May we do this? `callers` says who asks and what they may, `keys` knows them by what they show."""
