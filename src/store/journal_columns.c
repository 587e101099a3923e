/* The tables of columns, and how a value of each kind is bound and read. Statements are in the
 * files that run them. */
#include "store/journal_columns.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What a value is in the struct, and in the database. */
enum kind {
    TEXT,   /* char[] */
    ID,     /* char[]: a UUID */
    PRESET, /* char[]: a preset's name */
    WHOLE,  /* int64_t, not negative */
    TIME,   /* int64_t: 0 is NULL */
    PIXELS, /* int32_t, not negative */
    FLAG,   /* bool: 0 or 1 */
    FORMAT, /* enum tt_picture_format: its name */
    STATE,  /* enum tt_sync_state: its name */
    HASH,   /* uint8_t[TT_HASH_BYTES] */
    /* These are made of several members, or of none. */
    RENDITION_COUNT,
    RENDITION_BYTES, /* of the renditions that are here; it is not read */
    RENDITION_BITS,  /* bit n: rendition n was evicted */
    RENDITION_NUMBER,
};

/* Which part of a row the member is of. */
enum owner { ROW, RESULT, ORIGINAL, RENDITION };

struct column {
    const char *name;
    enum kind kind;
    enum owner owner;
    size_t offset;
    size_t size;
};

#define OF_ROW(member)                                                                             \
    ROW, offsetof(struct tt_journal_row, member), sizeof(((struct tt_journal_row *)0)->member)
#define OF(owner, member)                                                                          \
    owner, offsetof(struct tt_journal_file, member), sizeof(((struct tt_journal_file *)0)->member)

/* The count comes first where there is one, because it tells where the original is in the row. */
static const struct column image_columns[] = {
    {"rendition_count", RENDITION_COUNT, OF_ROW(file_count)},
    [TT_COLUMNS_ID] = {"id", ID, OF_ROW(id)},
    {"filename", TEXT, OF_ROW(filename)},
    {"sync_state", STATE, OF_ROW(sync_state)},
    {"attempts", WHOLE, OF_ROW(attempts)},
    {"last_error", TEXT, OF_ROW(last_error)},
    {"synced_at_ms", TIME, OF_ROW(synced_at_ms)},
    {"processed_evicted", FLAG, OF(RESULT, evicted)},
    {"processed_format", FORMAT, OF(RESULT, format)},
    {"processed_size_bytes", WHOLE, OF(RESULT, size_bytes)},
    {"processed_width_px", PIXELS, OF(RESULT, width_px)},
    {"processed_height_px", PIXELS, OF(RESULT, height_px)},
    {"processed_sha256", HASH, OF(RESULT, sha256)},
    {"original_kept", FLAG, OF(ORIGINAL, kept)},
    {"original_evicted", FLAG, OF(ORIGINAL, evicted)},
    {"original_format", FORMAT, OF(ORIGINAL, format)},
    {"original_size_bytes", WHOLE, OF(ORIGINAL, size_bytes)},
    {"original_width_px", PIXELS, OF(ORIGINAL, width_px)},
    {"original_height_px", PIXELS, OF(ORIGINAL, height_px)},
    {"original_sha256", HASH, OF(ORIGINAL, sha256)},
    {"renditions_evicted", RENDITION_BITS, OF_ROW(files)},
    {"rendition_bytes", RENDITION_BYTES, OF_ROW(files)},
};

static const struct column removal_columns[] = {
    {"rendition_count", RENDITION_COUNT, OF_ROW(file_count)},
    [TT_COLUMNS_ID] = {"id", ID, OF_ROW(id)},
    {"attempts", WHOLE, OF_ROW(attempts)},
    {"processed_format", FORMAT, OF(RESULT, format)},
    {"original_kept", FLAG, OF(ORIGINAL, kept)},
    {"original_format", FORMAT, OF(ORIGINAL, format)},
};

static const struct column rendition_columns[] = {
    {"number", RENDITION_NUMBER, OF_ROW(files)},
    [TT_COLUMNS_ID] = {"id", ID, OF_ROW(id)},
    {"name", PRESET, OF(RENDITION, name)},
    {"format", FORMAT, OF(RENDITION, format)},
    {"size_bytes", WHOLE, OF(RENDITION, size_bytes)},
    {"width_px", PIXELS, OF(RENDITION, width_px)},
    {"height_px", PIXELS, OF(RENDITION, height_px)},
    {"sha256", HASH, OF(RENDITION, sha256)},
};

#define COUNT(columns) (int)(sizeof(columns) / sizeof *(columns))

static const struct {
    const struct column *columns;
    int count;
} tables[TT_COLUMNS_TABLES] = {
    [TT_COLUMNS_IMAGE] = {image_columns, COUNT(image_columns)},
    [TT_COLUMNS_REMOVAL] = {removal_columns, COUNT(removal_columns)},
    [TT_COLUMNS_RENDITION] = {rendition_columns, COUNT(rendition_columns)},
};

void tt_columns_format(enum tt_columns_table table, struct tt_columns_text *text) {
    text->names[0] = text->places[0] = '\0';
    for (int i = 0; i < tables[table].count; i++) {
        size_t names = strlen(text->names);
        size_t places = strlen(text->places);
        snprintf(text->names + names, sizeof text->names - names, "%s%s", i > 0 ? ", " : "",
                 tables[table].columns[i].name);
        snprintf(text->places + places, sizeof text->places - places, "%s?", i > 0 ? ", " : "");
    }
}

/* Where the column's member is in the row; number is that of the file of a rendition's column. */
static size_t find_offset(const struct column *column, const struct tt_journal_row *row,
                          int number) {
    if (column->owner == ROW)
        return column->offset;
    if (column->owner == RESULT)
        number = TT_JOURNAL_PROCESSED;
    if (column->owner == ORIGINAL)
        number = tt_journal_row_original(row);
    return offsetof(struct tt_journal_row, files) + (size_t)number * sizeof *row->files +
           column->offset;
}

static int64_t count_rendition_bytes(const struct tt_journal_row *row) {
    int64_t bytes = 0;
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(row); i++)
        if (!row->files[i].evicted)
            bytes += row->files[i].size_bytes;
    return bytes;
}

static int64_t format_bits(const struct tt_journal_row *row) {
    int64_t bits = 0;
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(row); i++)
        if (row->files[i].evicted)
            bits |= INT64_C(1) << (i - TT_JOURNAL_RENDITION);
    return bits;
}

static void parse_bits(struct tt_journal_row *row, int bits) {
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(row); i++)
        row->files[i].evicted = (bits >> (i - TT_JOURNAL_RENDITION) & 1) != 0;
}

static bool bind_time(sqlite3_stmt *statement, int parameter, int64_t time_ms) {
    return time_ms == 0 ? sqlite3_bind_null(statement, parameter) == SQLITE_OK
                        : tt_db_bind_int(statement, parameter, time_ms);
}

static bool bind_value(sqlite3_stmt *statement, int parameter, const struct column *column,
                       const struct tt_journal_row *row, int number) {
    const void *value = (const char *)row + find_offset(column, row, number);
    switch (column->kind) {
    case TEXT:
    case ID:
    case PRESET: return tt_db_bind_text(statement, parameter, value);
    case WHOLE: return tt_db_bind_int(statement, parameter, *(const int64_t *)value);
    case TIME: return bind_time(statement, parameter, *(const int64_t *)value);
    case PIXELS: return tt_db_bind_int(statement, parameter, *(const int32_t *)value);
    case FLAG: return tt_db_bind_int(statement, parameter, *(const bool *)value);
    case FORMAT:
        return tt_db_bind_text(statement, parameter,
                               tt_picture_format_row(*(const enum tt_picture_format *)value)->name);
    case STATE:
        return tt_db_bind_text(statement, parameter,
                               tt_sync_state_name(*(const enum tt_sync_state *)value));
    case HASH:
        return sqlite3_bind_blob(statement, parameter, value, TT_HASH_BYTES, SQLITE_STATIC) ==
               SQLITE_OK;
    case RENDITION_COUNT:
        return tt_db_bind_int(statement, parameter,
                              tt_journal_row_original(row) - TT_JOURNAL_RENDITION);
    case RENDITION_BYTES: return tt_db_bind_int(statement, parameter, count_rendition_bytes(row));
    case RENDITION_BITS: return tt_db_bind_int(statement, parameter, format_bits(row));
    case RENDITION_NUMBER:
        return tt_db_bind_int(statement, parameter, (int64_t)number - TT_JOURNAL_RENDITION);
    }
    return false;
}

bool tt_columns_bind(sqlite3_stmt *statement, enum tt_columns_table table,
                     const struct tt_journal_row *row, int number) {
    for (int i = 0; i < tables[table].count; i++)
        if (!bind_value(statement, i + 1, &tables[table].columns[i], row, number))
            return false;
    return true;
}

static bool read_whole(sqlite3_stmt *statement, int place, int64_t *whole) {
    *whole = sqlite3_column_int64(statement, place);
    return *whole >= 0;
}

static bool read_pixels(sqlite3_stmt *statement, int place, int32_t *pixels) {
    int64_t wide = sqlite3_column_int64(statement, place);
    *pixels = (int32_t)wide;
    return wide >= 0 && wide <= INT32_MAX;
}

static bool read_format(sqlite3_stmt *statement, int place, enum tt_picture_format *format) {
    char name[16];
    if (!tt_db_read_text(statement, place, name, sizeof name))
        return false;
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++) {
        *format = (enum tt_picture_format)i;
        if (strcmp(name, tt_picture_format_row(*format)->name) == 0)
            return true;
    }
    return false;
}

static bool read_state(sqlite3_stmt *statement, int place, enum tt_sync_state *state) {
    char name[16];
    return tt_db_read_text(statement, place, name, sizeof name) && tt_sync_state_parse(name, state);
}

static bool read_hash(sqlite3_stmt *statement, int place, uint8_t hash[TT_HASH_BYTES]) {
    const void *blob = sqlite3_column_blob(statement, place);
    if (!blob || sqlite3_column_bytes(statement, place) != TT_HASH_BYTES)
        return false;
    memcpy(hash, blob, TT_HASH_BYTES);
    return true;
}

static bool start_row(struct tt_journal_row *row, int64_t rendition_count) {
    if (rendition_count < 0 || rendition_count > TT_PICTURE_RENDITIONS_MAX)
        return false;
    tt_journal_row_init(row, (int)rendition_count);
    return true;
}

static bool read_value(sqlite3_stmt *statement, int place, const struct column *column,
                       struct tt_journal_row *row, int number) {
    if (column->kind == RENDITION_COUNT)
        return start_row(row, sqlite3_column_int64(statement, place));
    void *value = (char *)row + find_offset(column, row, number);
    switch (column->kind) {
    case TEXT: return tt_db_read_text(statement, place, value, column->size);
    case ID:
        return tt_db_read_text(statement, place, value, column->size) && tt_uuid_parse(value, NULL);
    case PRESET:
        return tt_db_read_text(statement, place, value, column->size) &&
               tt_picture_preset_is_name(value);
    case WHOLE:
    case TIME: return read_whole(statement, place, value);
    case PIXELS: return read_pixels(statement, place, value);
    case FLAG: *(bool *)value = sqlite3_column_int(statement, place) != 0; return true;
    case FORMAT: return read_format(statement, place, value);
    case STATE: return read_state(statement, place, value);
    case HASH: return read_hash(statement, place, value);
    case RENDITION_BITS: parse_bits(row, sqlite3_column_int(statement, place)); return true;
    case RENDITION_NUMBER:
        return sqlite3_column_int64(statement, place) == (int64_t)number - TT_JOURNAL_RENDITION;
    case RENDITION_COUNT:
    case RENDITION_BYTES: return true;
    }
    return false;
}

bool tt_columns_read(sqlite3_stmt *statement, enum tt_columns_table table,
                     struct tt_journal_row *row, int number) {
    for (int i = 0; i < tables[table].count; i++)
        if (!read_value(statement, i, &tables[table].columns[i], row, number))
            return false;
    return true;
}
