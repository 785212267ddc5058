"""What must outlive the process, apart from indexes: the ledger, runs, feedback, conversations, kept replies.

`database.Database` opens it; `tables` says what is in it, `migrations/` how it came to be so.
"""
