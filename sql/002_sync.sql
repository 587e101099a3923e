-- Sync: what the agent needs to carry images to the cloud and to let local files go again, what is
-- still to be removed there, and what is still to be told to CloudWatch Logs.

-- These are 1 where the file is no longer (or not again) in the spool, and the cloud has it.
ALTER TABLE image ADD COLUMN processed_evicted INTEGER NOT NULL DEFAULT 0
    CHECK (processed_evicted IN (0, 1));
ALTER TABLE image ADD COLUMN original_evicted INTEGER NOT NULL DEFAULT 0
    CHECK (original_evicted IN (0, 1));

-- This is since when files lie here that the cloud has as well (Unix): storage.keep_local_seconds
-- counts from it. It is NULL while there is nothing to let go.
ALTER TABLE image ADD COLUMN local_since_ms INTEGER CHECK (local_since_ms > 0);

-- An evicted file takes nothing of the quota, so kept_bytes is made anew, and the triggers that
-- read it are made after it: SQLite drops no column that a trigger names.
DROP TRIGGER image_insert;
DROP TRIGGER image_delete;
DROP TRIGGER image_update;

ALTER TABLE image DROP COLUMN kept_bytes;
ALTER TABLE image ADD COLUMN kept_bytes INTEGER NOT NULL GENERATED ALWAYS AS
    ((1 - processed_evicted) * processed_size_bytes
     + original_kept * (1 - original_evicted) * original_size_bytes) VIRTUAL;

CREATE TRIGGER image_insert AFTER INSERT ON image BEGIN
    UPDATE image_total SET images = images + 1, kept_bytes = kept_bytes + NEW.kept_bytes
    WHERE sync_state = NEW.sync_state;
END;

CREATE TRIGGER image_delete AFTER DELETE ON image BEGIN
    UPDATE image_total SET images = images - 1, kept_bytes = kept_bytes - OLD.kept_bytes
    WHERE sync_state = OLD.sync_state;
END;

-- A failed attempt changes no total, and writes none.
CREATE TRIGGER image_update
AFTER UPDATE OF sync_state, original_kept, processed_size_bytes, original_size_bytes,
                processed_evicted, original_evicted ON image
WHEN OLD.sync_state <> NEW.sync_state OR OLD.kept_bytes <> NEW.kept_bytes
BEGIN
    UPDATE image_total SET images = images - 1, kept_bytes = kept_bytes - OLD.kept_bytes
    WHERE sync_state = OLD.sync_state;
    UPDATE image_total SET images = images + 1, kept_bytes = kept_bytes + NEW.kept_bytes
    WHERE sync_state = NEW.sync_state;
END;

-- What may be carried now is found by a walk along this index: state by state, the longest due first.
-- It says OR, and not IN, because SQLite proves a partial index usable from one of its OR terms alone;
-- and a statement names its state as a literal, because from a parameter nothing can be proven.
CREATE INDEX image_due ON image (sync_state, retry_at_ms, id)
    WHERE sync_state = 'pending' OR sync_state = 'stored';
CREATE INDEX image_local ON image (local_since_ms, id) WHERE local_since_ms IS NOT NULL;

-- A removal is an image that was deleted here, and whose item and objects are to follow.
CREATE TABLE removal (
    id               TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    processed_format TEXT    NOT NULL CHECK (length(processed_format) BETWEEN 1 AND 16),
    original_format  TEXT    NOT NULL CHECK (length(original_format) BETWEEN 1 AND 16),
    original_kept    INTEGER NOT NULL CHECK (original_kept IN (0, 1)),
    attempts         INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    retry_at_ms      INTEGER NOT NULL DEFAULT 0 CHECK (retry_at_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX removal_due ON removal (retry_at_ms, id);

-- An event is one JSON text, which waits here until CloudWatch Logs has taken it. With AUTOINCREMENT no
-- number comes twice, so "up to this number" never names an event that came later.
CREATE TABLE event (
    number     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    time_ms    INTEGER NOT NULL CHECK (time_ms > 0),
    is_failure INTEGER NOT NULL CHECK (is_failure IN (0, 1)),
    message    TEXT    NOT NULL CHECK (length(CAST(message AS BLOB)) BETWEEN 1 AND 262144)
) STRICT;

CREATE INDEX event_failure ON event (number) WHERE is_failure = 1;

-- Its one row says how many events wait, how many of them tell a failure, and how many were dropped
-- since the journal was made. The triggers keep the first two, because counting takes longer the more
-- wait.
CREATE TABLE event_total (
    events   INTEGER NOT NULL CHECK (events >= 0),
    failures INTEGER NOT NULL CHECK (failures >= 0),
    dropped  INTEGER NOT NULL CHECK (dropped >= 0)
) STRICT;

INSERT INTO event_total (events, failures, dropped) VALUES (0, 0, 0);

CREATE TRIGGER event_insert AFTER INSERT ON event BEGIN
    UPDATE event_total SET events = events + 1, failures = failures + NEW.is_failure;
END;

CREATE TRIGGER event_delete AFTER DELETE ON event BEGIN
    UPDATE event_total SET events = events - 1, failures = failures - OLD.is_failure;
END;
