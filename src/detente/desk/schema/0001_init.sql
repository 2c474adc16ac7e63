-- What the desk keeps for itself: people, passkeys, sessions, drafts and authorisations under way.
-- What is to last for ever goes to the party's journal; this file may be lost at the price of
-- registering people anew.
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE person (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  roles TEXT NOT NULL,               -- words of people.ROLES with a space between
  language TEXT NOT NULL,
  added_s INTEGER NOT NULL,
  left_s INTEGER                     -- since when they have no powers
) STRICT;

CREATE TABLE passkey (
  id BLOB PRIMARY KEY,               -- the credential's id
  person INTEGER NOT NULL REFERENCES person,
  public_key BLOB NOT NULL,          -- COSE
  uses INTEGER NOT NULL,             -- the authenticator's own count
  label TEXT NOT NULL,
  added_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invitation (            -- one-time codes; only their hashes are kept
  hash BLOB PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES person,
  until_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  hash BLOB PRIMARY KEY,             -- of the cookie; the cookie itself is kept nowhere
  person INTEGER NOT NULL REFERENCES person,
  form_token TEXT NOT NULL,
  by_passkey INTEGER NOT NULL,
  began_s INTEGER NOT NULL,
  seen_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE challenge (             -- what a passkey was asked to sign; used once
  hash BLOB PRIMARY KEY,
  purpose TEXT NOT NULL,
  until_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE unsaid (                -- notes the node's journal does not have yet
  number INTEGER PRIMARY KEY,
  word TEXT NOT NULL,
  data TEXT NOT NULL                 -- JSON
) STRICT;

CREATE TABLE draft (
  number INTEGER PRIMARY KEY,
  line TEXT NOT NULL,
  drafter INTEGER NOT NULL REFERENCES person,
  kind TEXT NOT NULL,                -- dispatch, accident or notice
  stop INTEGER NOT NULL,             -- one officer sends it, a second countersigns
  fields TEXT NOT NULL,              -- JSON: what the node's `say` takes
  version INTEGER NOT NULL,          -- counts edits
  state TEXT NOT NULL,               -- writing, offered, sending, sent, dropped
  fixed TEXT,                        -- JSON of what was fixed when it was offered
  entry TEXT,                        -- the entry it became
  note TEXT,                         -- hash of the journal's note, in hex
  missing INTEGER NOT NULL DEFAULT 0, -- who still have to countersign
  glass TEXT,                        -- why it went out with no passkey
  trouble TEXT,                      -- why it lies here again
  changed_s INTEGER NOT NULL
) STRICT;

CREATE TABLE authorisation (
  draft INTEGER NOT NULL REFERENCES draft,
  person INTEGER NOT NULL REFERENCES person,
  at_s INTEGER NOT NULL,
  statement TEXT NOT NULL,           -- JSON: what the authenticator signed, for the journal
  PRIMARY KEY (draft, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE term (                  -- the glossary of agreed words
  number INTEGER PRIMARY KEY,
  language TEXT NOT NULL,
  text TEXT NOT NULL,
  into_language TEXT NOT NULL,
  into_text TEXT NOT NULL,
  remark TEXT NOT NULL,
  person INTEGER NOT NULL REFERENCES person,
  at_s INTEGER NOT NULL
) STRICT;

CREATE TABLE alarm (                 -- alarms that stand; what they were is in the journal
  key TEXT PRIMARY KEY,
  first_s INTEGER NOT NULL,          -- when this desk first met it
  level INTEGER NOT NULL,            -- the step that the journal has; -1: none yet
  urgent INTEGER NOT NULL,           -- no session ends over it
  silenced_level INTEGER NOT NULL,   -- local and unsigned: the far side learns nothing of it
  silenced_severity INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE escalation (            -- who is called when an alarm lasts
  number INTEGER PRIMARY KEY,
  after_min INTEGER NOT NULL,
  name TEXT NOT NULL,
  how TEXT NOT NULL                  -- call sign or telephone
) STRICT;

CREATE TABLE watch (
  number INTEGER PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES person,
  began_s INTEGER NOT NULL,
  until_s INTEGER NOT NULL,          -- when the relief is due
  ended_s INTEGER
) STRICT;

CREATE TABLE handover (              -- offered by the outgoing, complete when another signs on
  number INTEGER PRIMARY KEY,
  watch INTEGER NOT NULL REFERENCES watch,
  note TEXT NOT NULL,
  matters TEXT NOT NULL,             -- JSON: what was open when it was offered
  offered_s INTEGER NOT NULL,
  taken_by INTEGER REFERENCES person,
  taken_s INTEGER
) STRICT;

CREATE TABLE by_voice (              -- what came or went by telephone: unsigned, and shown so
  number INTEGER PRIMARY KEY,
  line TEXT NOT NULL,
  at_s INTEGER NOT NULL,             -- when it was said
  incoming INTEGER NOT NULL,
  who TEXT NOT NULL,
  text TEXT NOT NULL,
  person INTEGER NOT NULL REFERENCES person,
  entered_s INTEGER NOT NULL,
  confirmed_by TEXT,                 -- the entry that says it again, signed
  linked_s INTEGER
) STRICT;
CREATE INDEX by_voice_line ON by_voice (line, at_s);
