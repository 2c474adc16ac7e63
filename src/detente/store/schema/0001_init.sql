-- The store of one node, version 1.
--
-- Every number called `id` is (log << 40) | index, or (line << 40) | number for the outbox: one
-- integer key, so that a log's rows lie side by side in one B-tree that is wide and shallow.
-- Tables without a rowid hold only small rows.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE line (
    number  INTEGER PRIMARY KEY,
    id      BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    charter BLOB NOT NULL,
    member  INTEGER NOT NULL,
    mute    TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    line   INTEGER NOT NULL REFERENCES line (number),
    member INTEGER NOT NULL,
    k      INTEGER NOT NULL,
    life   BLOB NOT NULL,
    size   INTEGER NOT NULL DEFAULT 0,
    own    INTEGER NOT NULL DEFAULT 0,
    state  BLOB,
    UNIQUE (line, member, k, life)
) STRICT;

-- `subtrees`: the roots of the perfect subtrees that this leaf completed, level 1 first.
-- `kind` is NULL where the leaf does not decode. `body` is sealed and comes last: long ones
-- overflow, and nothing before them has to be read past them.
CREATE TABLE entry (
    id       INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    kind     INTEGER,
    purged   INTEGER NOT NULL DEFAULT 0,
    subtrees BLOB NOT NULL,
    leaf     BLOB NOT NULL,
    salt     BLOB,
    body     BLOB
) STRICT;

-- Without its row here a body is noise: a purge deletes the row.
CREATE TABLE body_key (
    id      INTEGER PRIMARY KEY REFERENCES entry (id),
    wrapped BLOB NOT NULL
) STRICT;

CREATE TABLE head (
    id        INTEGER PRIMARY KEY, -- (log << 40) | size
    root      BLOB NOT NULL,
    signature BLOB NOT NULL,
    held_at_s INTEGER NOT NULL
) STRICT;

CREATE TABLE ahead (
    id             INTEGER PRIMARY KEY,
    hash           BLOB NOT NULL,
    leaf           BLOB NOT NULL,
    salt           BLOB,
    body           BLOB,
    wrapped        BLOB,
    head_size      INTEGER NOT NULL,
    head_root      BLOB NOT NULL,
    head_signature BLOB NOT NULL,
    path           BLOB NOT NULL
) STRICT;

CREATE TABLE cosigner (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    member INTEGER NOT NULL,
    UNIQUE (name, member)
) STRICT;

CREATE TABLE cosignature (
    log       INTEGER NOT NULL REFERENCES log (number),
    size      INTEGER NOT NULL,
    cosigner  INTEGER NOT NULL REFERENCES cosigner (number),
    time_s    INTEGER NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (log, size, cosigner, time_s)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id             INTEGER PRIMARY KEY,
    precedence     INTEGER NOT NULL,
    submitted_s    INTEGER NOT NULL,
    awaits_release INTEGER NOT NULL,
    wrapped        BLOB NOT NULL,
    draft          BLOB NOT NULL
) STRICT;

CREATE TABLE card (
    party    BLOB NOT NULL,
    serial   INTEGER NOT NULL,
    data     BLOB NOT NULL,
    ceremony BLOB,
    PRIMARY KEY (party, serial)
) STRICT;

CREATE TABLE revocation (
    number INTEGER PRIMARY KEY,
    party  BLOB NOT NULL,
    data   BLOB NOT NULL,
    UNIQUE (party, data)
) STRICT;

-- The journal: the same leaves and the same tree, never sent.
CREATE TABLE note (
    idx      INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    purged   INTEGER NOT NULL DEFAULT 0,
    subtrees BLOB NOT NULL,
    leaf     BLOB NOT NULL,
    salt     BLOB,
    body     BLOB
) STRICT;

CREATE TABLE note_key (
    idx     INTEGER PRIMARY KEY REFERENCES note (idx),
    wrapped BLOB NOT NULL
) STRICT;

-- Derived from the entries alone; sqlite_index.py writes them and can write them all again.

CREATE INDEX entry_kind ON entry (kind) WHERE kind <> 2; -- a `seen` is found by what it covers

-- The first 8 bytes of the leaf hash: a fifth of the size of an index over all 32.
CREATE TABLE entry_hash (
    prefix INTEGER NOT NULL,
    id     INTEGER NOT NULL,
    PRIMARY KEY (prefix, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE ref (
    line   INTEGER NOT NULL,
    target BLOB NOT NULL,
    id     INTEGER NOT NULL,
    PRIMARY KEY (line, target, id)
) STRICT, WITHOUT ROWID;

-- What one log has stated of another so far. `covered` is the canonical log id: a `seen` may
-- name a log that is not here.
CREATE TABLE cover_pair (
    by_log   INTEGER NOT NULL,
    covered  BLOB NOT NULL,
    line     INTEGER NOT NULL,
    size_max INTEGER NOT NULL,
    held_max INTEGER NOT NULL,
    backs    INTEGER NOT NULL, -- rows of cover_back
    PRIMARY KEY (by_log, covered)
) STRICT, WITHOUT ROWID;
CREATE INDEX cover_pair_covered ON cover_pair (line, covered);

-- The statements that raised `size_max`: sizes and indices rise together.
CREATE TABLE cover (
    by_log    INTEGER NOT NULL,
    covered   BLOB NOT NULL,
    by_index  INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    held_at_s INTEGER NOT NULL,
    PRIMARY KEY (by_log, covered, by_index)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX cover_size ON cover (by_log, covered, size);

-- The statements whose time lies before one already stated: a clock was set back, or somebody lies.
CREATE TABLE cover_back (
    by_log    INTEGER NOT NULL,
    covered   BLOB NOT NULL,
    by_index  INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    held_at_s INTEGER NOT NULL,
    PRIMARY KEY (by_log, covered, by_index)
) STRICT, WITHOUT ROWID;
