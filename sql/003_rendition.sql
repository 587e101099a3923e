-- Renditions: further results of an upload, beside the one that image describes, each named by a
-- preset.
--
-- They have a table of their own, because most images have none, and a list is to read few pages. What
-- changes with time (which of them are here) stays in image: so rows of this table are written once,
-- and an eviction is one UPDATE. They outlive the image: once that is deleted they belong to its
-- removal, which needs names and formats to find the objects, and go with it. A count in image and
-- in removal tells without a look that there are none.
CREATE TABLE rendition (
    id         TEXT    NOT NULL CHECK (length(id) = 36),
    number     INTEGER NOT NULL CHECK (number BETWEEN 0 AND 7), -- in the order they were made
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 31
                                       AND name NOT GLOB '*[^a-z0-9-]*'),
    size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
    format     TEXT    NOT NULL CHECK (length(format) BETWEEN 1 AND 16),
    width_px   INTEGER NOT NULL CHECK (width_px BETWEEN 1 AND 2147483647),
    height_px  INTEGER NOT NULL CHECK (height_px BETWEEN 1 AND 2147483647),
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (id, number)
) STRICT, WITHOUT ROWID;

-- rendition_count is how many renditions an image has. Bit n of renditions_evicted is 1 where number n
-- is no longer (or not again) in the spool. rendition_bytes is the size of those that are here, added
-- up.
ALTER TABLE image ADD COLUMN rendition_count INTEGER NOT NULL DEFAULT 0
    CHECK (rendition_count BETWEEN 0 AND 8);
ALTER TABLE image ADD COLUMN renditions_evicted INTEGER NOT NULL DEFAULT 0
    CHECK (renditions_evicted BETWEEN 0 AND 255);
ALTER TABLE image ADD COLUMN rendition_bytes INTEGER NOT NULL DEFAULT 0
    CHECK (rendition_bytes >= 0);

ALTER TABLE removal ADD COLUMN rendition_count INTEGER NOT NULL DEFAULT 0
    CHECK (rendition_count BETWEEN 0 AND 8);

-- Renditions take of the quota while they are here, so kept_bytes is made anew, as in 002.
DROP TRIGGER image_insert;
DROP TRIGGER image_delete;
DROP TRIGGER image_update;

ALTER TABLE image DROP COLUMN kept_bytes;
ALTER TABLE image ADD COLUMN kept_bytes INTEGER NOT NULL GENERATED ALWAYS AS
    ((1 - processed_evicted) * processed_size_bytes
     + original_kept * (1 - original_evicted) * original_size_bytes
     + rendition_bytes) VIRTUAL;

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
                processed_evicted, original_evicted, rendition_bytes ON image
WHEN OLD.sync_state <> NEW.sync_state OR OLD.kept_bytes <> NEW.kept_bytes
BEGIN
    UPDATE image_total SET images = images - 1, kept_bytes = kept_bytes - OLD.kept_bytes
    WHERE sync_state = OLD.sync_state;
    UPDATE image_total SET images = images + 1, kept_bytes = kept_bytes + NEW.kept_bytes
    WHERE sync_state = NEW.sync_state;
END;

-- The indexes by which the agent finds its work get new names. An agent of the version before, still
-- running, would carry an image without its renditions; its statements fail now instead.
DROP INDEX image_due;
DROP INDEX removal_due;

CREATE INDEX image_to_carry ON image (sync_state, retry_at_ms, id)
    WHERE sync_state = 'pending' OR sync_state = 'stored';
CREATE INDEX removal_to_carry ON removal (retry_at_ms, id);
