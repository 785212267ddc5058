"""Every table of the database. A change here comes with a migration; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

# Times are seconds since the epoch, UTC. Money is in picodollars (1e-12 USD, BigInteger): exact for every
# price that has at most six decimals per million tokens. Days are counted from the epoch, in UTC.

sessions = Table(
    "sessions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("user", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
)

turns = Table(
    "turns",
    METADATA,
    Column("session", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1, in order of time
    Column("run", String(64), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),  # a loccit-answer/1 document
)

replies = Table(
    "replies",
    METADATA,
    Column("key", String(64), primary_key=True),  # SHA-256 of everything that the reply depends on
    Column("made_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Column("model", String(200), nullable=False),
    Column("reply", LargeBinary, nullable=False),  # JSON
    Index("replies_by_use", "used_at"),
)

# One row per call of a model that may cost something, from before it is sent.
charges = Table(
    "charges",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("reserved_at", Float, nullable=False),
    Column("day", Integer, nullable=False),  # of `reserved_at`
    Column("state", String(8), nullable=False),  # held, settled, expired
    Column("expires_at", Float),  # only while it is held
    Column("request", String(200), nullable=False),
    Column("session", String(200), nullable=False),
    Column("user", String(200), nullable=False),
    Column("key", String(200), nullable=False),
    Column("team", String(200), nullable=False),
    Column("model", String(200), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("held", BigInteger, nullable=False),  # the most that it may cost
    Column("spent", BigInteger, nullable=False),  # what it did cost; 0 while it is held
    Column("expected_input_tokens", BigInteger, nullable=False),  # 0 where nobody estimated
    Column("granted_output_tokens", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Index("charges_by_day", "day"),
    Index("charges_by_expiry", "expires_at"),
)

# The sums of `charges` that budgets are compared with, kept in the same transactions.
spending = Table(
    "spending",
    METADATA,
    Column("of", String(8), primary_key=True),  # total, request, session, user, key, team, model
    Column("name", String(200), primary_key=True),  # empty where it is not known
    Column("day", Integer, primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
)

# Reservations that wait for room in a budget, first come first served.
waiting = Table(
    "waiting",
    METADATA,
    Column("ticket", Integer, primary_key=True),
    Column("seen_at", Float, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("budgets", Text, nullable=False),  # JSON: what it is counted in, [[of, name], …]
    sqlite_autoincrement=True,
)

# What calls of a model were like, by what they were for.
call_sizes = Table(
    "call_sizes",
    METADATA,
    Column("model", String(200), primary_key=True),
    Column("purpose", String(200), primary_key=True),
    Column("output_tokens", Float, nullable=False),  # the longest reply, fading
    Column("input_ratio", Float, nullable=False),  # the largest that input was, in estimates
)

runs = Table(
    "runs",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("user", String(200), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("took_ms", Float, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("question", Text, nullable=False),
    Column("record", Text, nullable=False),  # a loccit-run/1 document
    Index("runs_by_time", "started_at"),
    Index("runs_by_user", "user", "started_at"),
)

# What people say of answers, the last time that each did. It goes with the run.
feedback = Table(
    "feedback",
    METADATA,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("user", String(200), primary_key=True),
    Column("at", Float, nullable=False),
    Column("thumb", String(4), nullable=False),  # up, down
    Column("correction", Text, nullable=False),
    Column("files", Text, nullable=False),  # JSON: paths
    Index("feedback_by_user", "user"),
)

# Who may ask a server: see `policy.keys`.
keys = Table(
    "keys",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),  # HMAC-SHA256 of the key, in hex
    Column("name", String(200), nullable=False),
    Column("user", String(200), nullable=False),
    Column("role", String(16), nullable=False),
    Column("repositories", Text),  # JSON: names; null: all
    Column("requests_per_minute", Integer),  # null: that of the settings
    Column("usd_per_month", BigInteger),  # null: none of its own
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("used_at", Float),  # to the minute
)

# Writes that were asked for under an idempotency key, with what was answered.
idempotent_requests = Table(
    "idempotent_requests",
    METADATA,
    Column("caller", String(200), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request", String(64), nullable=False),  # SHA-256 of method, path and body
    Column("at", Float, nullable=False),
    Column("status", Integer),  # null while it is at work
    Column("media_type", String(100), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("idempotent_requests_by_time", "at"),
)

# Figures of a run's answer, made after it was given. They go with the run.
scores = Table(
    "scores",
    METADATA,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("metric", String(80), primary_key=True),
    Column("checker", String(200), primary_key=True),
    Column("version", String(200), nullable=False),
    Column("value", Float, nullable=False),
    Column("at", Float, nullable=False),  # when the run began
    Index("scores_by_metric", "metric", "at"),
)

# Who administered what. Rows are only ever added; each holds the hash of the one before it.
audit = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1, without a gap
    Column("at", String(32), nullable=False),  # RFC 3339, UTC, with microseconds
    Column("actor", String(200), nullable=False),
    Column("action", String(80), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON in RFC 8785 form
    Column("previous", String(64), nullable=False),  # hash of the row before; of the first one zeros
    Column("hash", String(64), nullable=False),
)

# What each rule of the alerts last said of each subject, and whether that was delivered.
alerts = Table(
    "alerts",
    METADATA,
    Column("rule", String(200), primary_key=True),
    Column("subject", String(400), primary_key=True),  # a budget, a repository; empty where there is one
    Column("kind", String(40), nullable=False),
    Column("state", String(8), nullable=False),  # firing, resolved
    Column("since", Float, nullable=False),
    Column("value", Float, nullable=False),
    Column("bound", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("event", String(32), nullable=False),  # of this change of state
    Column("delivered_at", Float),  # null while it waits to be delivered
    Column("claimed_until", Float, nullable=False),  # a process delivers it meanwhile
)

# What a server has been asked to do about repositories: see `serving.jobs`. Jobs begin in order of `number`.
jobs = Table(
    "jobs",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # index, sync, remove
    Column("repository", String(64), nullable=False),  # the key of the catalogue
    Column("name", String(500), nullable=False),
    Column("request", Text, nullable=False),  # JSON
    Column("state", String(12), nullable=False),  # queued, running, done, failed, cancelled
    Column("same", String(64), unique=True),  # while it is queued: SHA-256 of what is asked for
    Column("busy", String(64), unique=True),  # while it is handed over: the repository, which is its alone
    Column("handed", Integer, nullable=False),  # how often it was handed over to a runner's queue
    Column("attempts", Integer, nullable=False),  # how often somebody began with it
    Column("runner", String(100), nullable=False),  # who works on it, or did last
    Column("is_cancelled", Integer, nullable=False),  # 1: it is to end as soon as it can
    Column("user", String(200), nullable=False),
    Column("caller", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("phase", String(100), nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("unit", String(20), nullable=False),
    Column("result", Text),  # JSON
    Column("problem", Text),  # JSON
    Index("jobs_by_state", "state", "number"),
    Index("jobs_by_repository", "repository", "number"),
    sqlite_autoincrement=True,
)

# The processes that work on jobs, and when each was seen last.
job_runners = Table(
    "job_runners",
    METADATA,
    Column("id", String(100), primary_key=True),
    Column("seen_at", Float, nullable=False),
)

# What trackers told of, from when it came until its time bound is over: see `serving.hooks`.
deliveries = Table(
    "deliveries",
    METADATA,
    Column("tracker", String(300), primary_key=True),  # as `--from` writes it
    Column("id", String(200), primary_key=True),  # the tracker's own
    Column("body", String(64), nullable=False),  # SHA-256 of what came, in hex
    Column("subject", String(400), nullable=False),  # what is dealt with one after another
    Column("at", Float, nullable=False),
    Column("state", String(8), nullable=False),  # pending, done, failed
    Column("event", Text, nullable=False),  # JSON; empty once it is done
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("held_until", Float, nullable=False),  # by the worker that has it; 0: by none
    Column("problem", Text, nullable=False),
    Index("deliveries_by_body", "tracker", "body", unique=True),
    Index("deliveries_by_due", "state", "due_at"),
    Index("deliveries_by_subject", "subject", "state"),
    Index("deliveries_by_time", "at"),
)

# The newest triage of each issue that a tracker told of, and what is known of it since.
triaged_issues = Table(
    "triaged_issues",
    METADATA,
    Column("tracker", String(300), primary_key=True),
    Column("issue", String(100), primary_key=True),
    Column("repo", String(500), nullable=False),
    Column("seen_at", Float, nullable=False),  # the state of the issue that was read, by the tracker's clock
    Column("text_sha256", String(64), nullable=False),  # of title and body
    Column("is_quiet", Integer, nullable=False),  # 1: a maintainer wants no comment
    Column("triaged_at", Float),  # null: never
    Column("mode", String(8), nullable=False),  # shadow, comment
    Column("run", String(64), nullable=False),  # empty where no run is kept
    Column("triage", Text, nullable=False),  # a loccit-triage/1 document
    Column("said", Text, nullable=False),  # the comment, as it was or would have been written
    Column("comment", String(100), nullable=False),  # its id at the tracker
    Column("written", String(64), nullable=False),  # SHA-256 of the text that it has there
    Column("fixed_at", Float),
    Column("fix", String(200), nullable=False),
    Column("fix_files", Text, nullable=False),  # JSON: paths
    Column("duplicate_of", String(100), nullable=False),
    Column("not_duplicate", Integer, nullable=False),  # 1: a maintainer says so
    Column("corrected_files", Text, nullable=False),  # JSON: paths
    Index("triaged_issues_by_repo", "repo", "triaged_at"),
)

# Runs of agents: see `agents.durable`. They begin in order of `number`.
agent_runs = Table(
    "agent_runs",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("blueprint", String(100), nullable=False),
    Column("task", Text, nullable=False),  # JSON
    Column("limits", Text, nullable=False),  # JSON
    Column("payer", Text, nullable=False),  # JSON
    Column("user", String(200), nullable=False),
    Column("state", String(12), nullable=False),  # queued, running, paused, waiting, done, failed, …
    Column("wish", String(8), nullable=False),  # what a running one is to do next: pause, cancel; or empty
    Column("worker", String(100), nullable=False),  # who works on it, or did last
    Column("epoch", Integer, nullable=False),  # how often somebody began with it: only the last may write
    Column("attempts", Integer, nullable=False),  # how often the step that it is in was begun
    Column("handed_at", Float),  # when it was last given to the queue; null: it is to be
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("spend", Text, nullable=False),  # JSON: what is used so far
    Column("result", Text),  # JSON
    Column("problem", Text),  # JSON
    Index("agent_runs_by_state", "state", "number"),
    Index("agent_runs_by_user", "user"),
    sqlite_autoincrement=True,
)

# Effects that agents have, written down before and after. The id is run:loop:step, and the tool's key.
agent_intents = Table(
    "agent_intents",
    METADATA,
    Column("id", String(300), primary_key=True),
    Column("run", String(32), nullable=False),
    Column("tool", String(200), nullable=False),
    Column("arguments", Text, nullable=False),  # as the model wrote them
    Column("arguments_hash", String(64), nullable=False),
    Column("effect", String(12), nullable=False),
    Column("state", String(8), nullable=False),  # begun, done
    Column("epoch", Integer, nullable=False),  # of who began it last
    Column("begun_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("result", Text),  # JSON
    Index("agent_intents_by_run", "run"),
)

# Replies of models in runs, from before they are paid for.
agent_replies = Table(
    "agent_replies",
    METADATA,
    Column("id", String(300), primary_key=True),  # run:loop:step
    Column("run", String(32), nullable=False),
    Column("at", Float, nullable=False),
    Column("reply", Text, nullable=False),  # JSON
    Index("agent_replies_by_run", "run"),
)

# What runs wait for: may a call be made, did one happen.
agent_questions = Table(
    "agent_questions",
    METADATA,
    Column("id", String(300), primary_key=True),  # of the call, as in agent_intents, and the hash
    Column("run", String(32), nullable=False),
    Column("kind", String(12), nullable=False),  # approval, outcome
    Column("tool", String(200), nullable=False),
    Column("arguments_hash", String(64), nullable=False),
    Column("shown", Text, nullable=False),  # the call with its origins, for a person
    Column("asked_at", Float, nullable=False),
    Column("answer", String(12), nullable=False),  # empty while nobody has answered
    Column("by", String(200), nullable=False),
    Column("answered_at", Float),
    Index("agent_questions_by_run", "run"),
)

# What happened in runs, for whoever watches.
agent_events = Table(
    "agent_events",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("run", String(32), nullable=False),
    Column("key", String(300), nullable=False),  # what is told again after a kill is told once
    Column("at", Float, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Index("agent_events_by_run", "run", "number"),
    Index("agent_events_by_key", "run", "key", unique=True),
    sqlite_autoincrement=True,
)

# The processes that work on runs. Who does not count up any more is dead.
agent_workers = Table(
    "agent_workers",
    METADATA,
    Column("id", String(100), primary_key=True),
    Column("beats", BigInteger, nullable=False),
    Column("seen_at", Float, nullable=False),
)

__all__ = [
    "METADATA",
    "agent_events",
    "agent_intents",
    "agent_questions",
    "agent_replies",
    "agent_runs",
    "agent_workers",
    "alerts",
    "audit",
    "call_sizes",
    "charges",
    "deliveries",
    "feedback",
    "idempotent_requests",
    "job_runners",
    "jobs",
    "keys",
    "replies",
    "runs",
    "scores",
    "sessions",
    "spending",
    "triaged_issues",
    "turns",
    "waiting",
]
