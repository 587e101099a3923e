/* Document: writes the image object from a journal row as JSON. */
#include "web/document.h"

#include <jansson.h>
#include <stdio.h>

#include "tintype/clock.h"
#include "web/json.h"

/* "s3://bucket/prefix<id>.ext"; null without a bucket, or where the file is not kept. */
static json_t *new_s3_path(const struct tt_config *config, const struct tt_journal_row *row,
                           int number) {
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    if (config->s3.bucket[0] == '\0' || !row->files[number].kept)
        return json_null();
    tt_spool_object_key(config, &name, key);
    return json_sprintf("s3://%s/%s", config->s3.bucket, key);
}

static json_t *new_hash(const struct tt_journal_file *file) {
    char hex[TT_HASH_HEX_SIZE];
    tt_hash_format(file->sha256, hex);
    return json_string(hex);
}

/* An original or a rendition. */
static json_t *new_file(const struct tt_config *config, const struct tt_journal_row *row,
                        int number) {
    const struct tt_journal_file *file = &row->files[number];
    return json_pack("{s:I, s:s, s:i, s:i, s:o, s:o}", "size", (json_int_t)file->size_bytes,
                     "format", tt_picture_format_row(file->format)->name, "width",
                     (int)file->width_px, "height", (int)file->height_px, "sha256", new_hash(file),
                     "s3Path", new_s3_path(config, row, number));
}

/* Makes an object with a member for each rendition, by its name. NULL when the system has no
 * memory. */
static json_t *new_by_name(const struct tt_config *config, const struct tt_journal_row *row,
                           json_t *(*new_value)(const struct tt_config *config,
                                                const struct tt_journal_row *row, int number)) {
    json_t *object = json_object();
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(row); i++) {
        if (json_object_set_new(object, row->files[i].name, new_value(config, row, i)) == 0)
            continue;
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *new_sync(const struct tt_journal_row *row) {
    char synced_at[TT_CLOCK_RFC3339_SIZE];
    tt_clock_format_rfc3339(row->synced_at_ms, synced_at);
    return json_pack("{s:s, s:I, s:s?, s:s?}", "state", tt_sync_state_name(row->sync_state),
                     "attempts", (json_int_t)row->attempts, "lastError",
                     row->last_error[0] != '\0' ? row->last_error : NULL, "syncedAt",
                     row->synced_at_ms != 0 ? synced_at : NULL);
}

static json_t *new_link(const struct tt_config *config, const char *id, const char *suffix) {
    return json_sprintf("%s/images/%s%s", config->server.base_path, id, suffix);
}

static json_t *new_rendition_link(const struct tt_config *config, const struct tt_journal_row *row,
                                  int number) {
    return json_sprintf("%s/images/%s/renditions/%s", config->server.base_path, row->id,
                        row->files[number].name);
}

static json_t *new_links(const struct tt_config *config, const struct tt_journal_row *row) {
    bool has_original = row->files[tt_journal_row_original(row)].kept;
    return json_pack("{s:o, s:o, s:o, s:o}", "self", new_link(config, row->id, ""), "processed",
                     new_link(config, row->id, "/processed"), "original",
                     has_original ? new_link(config, row->id, "/original") : json_null(),
                     "renditions", new_by_name(config, row, new_rendition_link));
}

/* NULL when the system has no memory. */
static json_t *new_image(const struct tt_config *config, const struct tt_journal_row *row) {
    char timestamp[TT_CLOCK_RFC3339_SIZE];
    int64_t time_ms = 0;
    const struct tt_journal_file *file = &row->files[TT_JOURNAL_PROCESSED];
    tt_uuid_parse(row->id, &time_ms);
    tt_clock_format_rfc3339(time_ms, timestamp);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:I, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "id", row->id,
        "filename", row->filename, "status", "processed", "timestamp", timestamp, "s3Path",
        new_s3_path(config, row, TT_JOURNAL_PROCESSED), "size", (json_int_t)file->size_bytes,
        "format", tt_picture_format_row(file->format)->name, "width", (int)file->width_px, "height",
        (int)file->height_px, "sha256", new_hash(file), "original",
        new_file(config, row, tt_journal_row_original(row)), "renditions",
        new_by_name(config, row, new_file), "sync", new_sync(row), "links", new_links(config, row));
}

enum tt_err tt_document_append_image(struct tt_buf *text, const struct tt_config *config,
                                     const struct tt_journal_row *row, const char *message) {
    json_t *image = new_image(config, row);
    if (image && message)
        json_object_set_new(image, "message", json_string(message));
    return tt_json_append(text, image);
}

enum tt_err tt_document_append_list(struct tt_buf *text, const struct tt_config *config,
                                    const struct tt_journal_row *rows, int count,
                                    const char *next) {
    json_t *images = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(images, new_image(config, &rows[i]));
    if (json_array_size(images) != (size_t)count) {
        json_decref(images);
        return tt_err_fail(TT_ERR_NO_MEMORY, "JSON document");
    }
    return tt_json_append(text, json_pack("{s:o, s:s?}", "images", images, "next", next));
}
