/* Document: writes the image object from a journal row, and the offer from the configuration, as
 * JSON. */
#include "web/document.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tintype/clock.h"

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

/* Writes value, which may be NULL when there was no memory for it, and frees it. */
static enum tt_err append_value(struct tt_buf *text, json_t *value) {
    char *dumped = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!dumped)
        return tt_err_fail(TT_ERR_NO_MEMORY, "JSON document");
    tt_buf_append_text(text, dumped);
    free(dumped);
    return TT_OK;
}

enum tt_err tt_document_append_image(struct tt_buf *text, const struct tt_config *config,
                                     const struct tt_journal_row *row, const char *message) {
    json_t *image = new_image(config, row);
    if (image && message)
        json_object_set_new(image, "message", json_string(message));
    return append_value(text, image);
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
    return append_value(text, json_pack("{s:o, s:s?}", "images", images, "next", next));
}

/* Adds a name and returns names, which may be NULL. When the system has no memory, names is freed
 * and the result is NULL. */
static json_t *append_name(json_t *names, const char *name) {
    if (json_array_append_new(names, json_string(name)) == 0)
        return names;
    json_decref(names);
    return NULL;
}

/* This and the next two return NULL when the system has no memory. */
static json_t *new_choices(const struct tt_text_choice *choices) {
    json_t *names = json_array();
    for (; choices->name; choices++)
        names = append_name(names, choices->name);
    return names;
}

static json_t *new_formats(void) {
    json_t *names = json_array();
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++) {
        const char *option = tt_picture_format_row((enum tt_picture_format)i)->option;
        if (option[0] != '\0')
            names = append_name(names, option);
    }
    return names;
}

/* Lists the presets of these indices, or of NULL the first count ones. */
static json_t *new_presets(const struct tt_config *config, const int *indices, int count) {
    json_t *names = json_array();
    for (int i = 0; i < count; i++)
        names = append_name(names, config->presets[indices ? indices[i] : i].name);
    return names;
}

static json_t *new_side(int side_px) {
    return side_px != 0 ? json_integer(side_px) : json_null();
}

/* Every value is in its table, so the search ends. */
static const char *find_name(const struct tt_text_choice *choices, int value) {
    while (choices->value != value)
        choices++;
    return choices->name;
}

static json_t *new_defaults(const struct tt_picture_options *options) {
    const struct tt_picture_watermark *watermark = &options->watermark;
    return json_pack("{s:o, s:o, s:s, s:b, s:s, s:i, s:b, s:s}", "width",
                     new_side(options->width_px), "height", new_side(options->height_px), "fit",
                     find_name(tt_picture_fits, (int)options->fit), "grayscale",
                     (int)options->grayscale, "format",
                     tt_picture_format_row(options->format)->option, "quality", options->quality,
                     "watermark", (int)watermark->enabled, "watermark_position",
                     find_name(tt_picture_positions, (int)watermark->position));
}

static json_t *new_watermark(const struct tt_config *config) {
    bool has_one = config->image.watermark_image[0] != '\0' || tt_config_has_watermark_text(config);
    return json_pack("{s:b, s:b}", "configured", (int)has_one, "text",
                     config->image.watermark_font[0] != '\0');
}

enum tt_err tt_document_append_offer(struct tt_buf *text, const struct tt_config *config) {
    return append_value(
        text,
        json_pack(
            "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "maxBodyBytes",
            (json_int_t)config->server.max_body_bytes, "formats", new_formats(), "fits",
            new_choices(tt_picture_fits), "positions", new_choices(tt_picture_positions), "presets",
            new_presets(config, NULL, config->preset_count), "renditions",
            new_presets(config, config->image.rendition_presets, config->image.rendition_count),
            "defaults", new_defaults(&config->image.options), "watermark", new_watermark(config)));
}
