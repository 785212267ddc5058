"""Runs that survive: blueprints on DBOS workflows, an intent ledger, heartbeats and takeover.

The rows of our own database are the truth about runs, what their loops did and what they wait for. DBOS is
the queue, and keeps what each step of a blueprint gave.
"""
