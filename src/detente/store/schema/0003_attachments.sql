-- Files beside dispatches: sealed chunks under keys that stand in the bodies alone, so that without
-- its body an attachment is noise. A program that does not know these tables leaves them alone.

-- `entry` is NULL for a file of ours whose dispatch has no place yet: its root names it until then.
CREATE TABLE attachment (
    id         INTEGER PRIMARY KEY,
    line       INTEGER NOT NULL REFERENCES line (number),
    entry      INTEGER,
    number     INTEGER NOT NULL,
    root       BLOB NOT NULL CHECK (length(root) = 32),
    size_bytes INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    held       INTEGER NOT NULL, -- chunks, from the first on
    ahead      BLOB NOT NULL,    -- what the next ones must hash to
    open       INTEGER NOT NULL,
    UNIQUE (entry, number)
) STRICT;
CREATE INDEX attachment_staged ON attachment (line, root) WHERE entry IS NULL;
CREATE INDEX attachment_open ON attachment (line) WHERE open;
CREATE INDEX attachment_day ON attachment (line, day);

CREATE TABLE chunk (
    id  INTEGER PRIMARY KEY, -- (attachment << 16) | number
    box BLOB NOT NULL
) STRICT;
