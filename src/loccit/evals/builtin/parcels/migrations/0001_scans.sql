-- Scans as carriers sent them, and the parcels that they belong to.

CREATE TABLE parcels (
    number        TEXT PRIMARY KEY,
    carrier       TEXT NOT NULL,
    shop          TEXT NOT NULL,
    postcode      TEXT NOT NULL,
    country       TEXT NOT NULL,
    weight_g      INTEGER,
    declared_cents INTEGER NOT NULL DEFAULT 0,
    promised_days INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `seq` tells in which order scans came to us, `happened_at` when the carrier says that they were made.
-- Both are needed: timelines are sorted by the second, repeats are found by the first.
CREATE TABLE scans (
    seq         INTEGER PRIMARY KEY,
    number      TEXT NOT NULL REFERENCES parcels (number) ON DELETE CASCADE,
    code        TEXT NOT NULL,
    depot       TEXT NOT NULL DEFAULT '',
    happened_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    detail      TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX scans_by_parcel ON scans (number, happened_at, seq);

-- Only delivered parcels feed the estimates, and there only these columns are read.
CREATE INDEX scans_delivered ON scans (happened_at, number) WHERE code = 'DL';

-- What could not be stored: an unknown code, a parcel nobody announced, a clock that is wrong.
CREATE TABLE put_aside (
    seq         INTEGER PRIMARY KEY,
    carrier     TEXT NOT NULL,
    reason      TEXT NOT NULL CHECK (reason IN ('future', 'unknown_code', 'unknown_parcel', 'bad_number')),
    message     TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
INSERT INTO schema_version VALUES (1);
