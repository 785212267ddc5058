-- Receivers, what waits to be told them, and claims.

CREATE TABLE receivers (
    id         INTEGER PRIMARY KEY,
    shop       TEXT NOT NULL,
    url        TEXT NOT NULL,
    secret     BLOB NOT NULL,
    switched_off_at INTEGER
) STRICT;

CREATE UNIQUE INDEX receivers_by_shop ON receivers (shop, url);

CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY,
    receiver   INTEGER NOT NULL REFERENCES receivers (id) ON DELETE CASCADE,
    body       BLOB NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    due_at     INTEGER NOT NULL,
    given_up_at INTEGER
) STRICT;

-- The sender asks for what is due and not given up, oldest first.
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE given_up_at IS NULL;

CREATE TABLE claims (
    number     TEXT PRIMARY KEY REFERENCES parcels (number) ON DELETE RESTRICT,
    kind       TEXT NOT NULL CHECK (kind IN ('lost', 'late', 'damaged')),
    cents      INTEGER NOT NULL CHECK (cents > 0),
    filed_at   INTEGER NOT NULL,
    settled_at INTEGER
) STRICT, WITHOUT ROWID;

UPDATE schema_version SET version = 2;
