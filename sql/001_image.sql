-- Images: one row for each upload that was acknowledged, and the totals over them.
--
-- id is the text of a UUID version 7, so it sorts by time: it is the order of every list, its
-- cursor and its timestamp, and a span of time is a range of ids. No time of upload is kept beside
-- it.
--
-- WITHOUT ROWID, although rows are wide for it: measured once, with 200,000 rows of these columns
-- and indexes (no checks, no triggers, synchronous=NORMAL), it takes 314 bytes a row with its
-- indexes where a rowid table takes 350, an insert writes 4.4 pages and not 5.0 (there is no second
-- b-tree for the id), and a page of 51 rows takes 0.18 ms and not 0.23; by sync_state the two are
-- alike, at 0.21. Columns that would make rows much wider belong into a table of their own.
--
-- Formats are the names of the format table; which names there are is the program's to say, so a
-- new format does not make a new table.
CREATE TABLE image (
    id                   TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    filename             TEXT    NOT NULL
                         CHECK (length(CAST(filename AS BLOB)) BETWEEN 1 AND 255),

    processed_size_bytes INTEGER NOT NULL CHECK (processed_size_bytes > 0),
    processed_format     TEXT    NOT NULL CHECK (length(processed_format) BETWEEN 1 AND 16),
    processed_width_px   INTEGER NOT NULL CHECK (processed_width_px BETWEEN 1 AND 2147483647),
    processed_height_px  INTEGER NOT NULL CHECK (processed_height_px BETWEEN 1 AND 2147483647),
    processed_sha256     BLOB    NOT NULL CHECK (length(processed_sha256) = 32),

    -- The original is what was sent. Width and height are those of its header, before orientation.
    original_size_bytes  INTEGER NOT NULL CHECK (original_size_bytes > 0),
    original_format      TEXT    NOT NULL CHECK (length(original_format) BETWEEN 1 AND 16),
    original_width_px    INTEGER NOT NULL CHECK (original_width_px BETWEEN 1 AND 2147483647),
    original_height_px   INTEGER NOT NULL CHECK (original_height_px BETWEEN 1 AND 2147483647),
    original_sha256      BLOB    NOT NULL CHECK (length(original_sha256) = 32),

    -- This is 0 where the original is described but was not kept (storage.keep_original).
    original_kept        INTEGER NOT NULL CHECK (original_kept IN (0, 1)),

    -- A row is off when there was no bucket as it came, pending while not all of its objects are in
    -- S3, stored when they are, synced when its item is in the table too, and dead when the cloud
    -- refused it for good, for the reason in last_error.
    sync_state           TEXT    NOT NULL
                         CHECK (sync_state IN ('off', 'pending', 'stored', 'synced', 'dead')),
    attempts             INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    retry_at_ms          INTEGER NOT NULL DEFAULT 0 CHECK (retry_at_ms >= 0), -- Unix; 0: at once
    last_error           TEXT    NOT NULL DEFAULT '',
    synced_at_ms         INTEGER CHECK (synced_at_ms > 0),                    -- Unix

    -- This is what the image takes of the quota.
    kept_bytes           INTEGER NOT NULL GENERATED ALWAYS AS
                         (processed_size_bytes + original_kept * original_size_bytes) VIRTUAL
) STRICT, WITHOUT ROWID;

-- Each filter of the list has an index that the id continues, so that a page is a walk along it. A
-- filename with a state walks the names, which are mostly the rarer of the two: where many images share
-- one (a phone's "image.jpg"), a page looks at all of them.
CREATE INDEX image_by_filename ON image (filename, id);
CREATE INDEX image_by_sync_state ON image (sync_state, id);

-- The triggers below keep counts and bytes by state, because counting rows takes longer the more there
-- are. The rows of this table are there from the start.
CREATE TABLE image_total (
    sync_state TEXT    NOT NULL PRIMARY KEY,
    images     INTEGER NOT NULL DEFAULT 0 CHECK (images >= 0),
    kept_bytes INTEGER NOT NULL DEFAULT 0 CHECK (kept_bytes >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO image_total (sync_state)
VALUES ('off'), ('pending'), ('stored'), ('synced'), ('dead');

CREATE TRIGGER image_insert AFTER INSERT ON image BEGIN
    UPDATE image_total SET images = images + 1, kept_bytes = kept_bytes + NEW.kept_bytes
    WHERE sync_state = NEW.sync_state;
END;

CREATE TRIGGER image_delete AFTER DELETE ON image BEGIN
    UPDATE image_total SET images = images - 1, kept_bytes = kept_bytes - OLD.kept_bytes
    WHERE sync_state = OLD.sync_state;
END;

CREATE TRIGGER image_update
AFTER UPDATE OF sync_state, original_kept, processed_size_bytes, original_size_bytes ON image
BEGIN
    UPDATE image_total SET images = images - 1, kept_bytes = kept_bytes - OLD.kept_bytes
    WHERE sync_state = OLD.sync_state;
    UPDATE image_total SET images = images + 1, kept_bytes = kept_bytes + NEW.kept_bytes
    WHERE sync_state = NEW.sync_state;
END;
