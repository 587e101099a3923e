/* libFuzzer on what is read from one short text: options, headers, names, times, URLs, and Exif.
 *
 * The first byte picks who reads the rest. */
#include "../unit/fake_fcgi.h"
#include "fuzz.h"

#include "image/exif.h"
#include "tintype/auth.h"
#include "tintype/clock.h"
#include "tintype/url.h"
#include "tintype/uuid.h"
#include "web/header_value.h"
#include "web/options.h"
#include "web/query.h"
#include "web/range.h"

/* Cuts the text at line breaks; a line that is not there is NULL. */
static void cut_lines(char *text, const char **lines, int count) {
    for (int i = 0; i < count; i++) {
        lines[i] = text;
        text = text ? strchr(text, '\n') : NULL;
        if (text)
            *text++ = '\0';
    }
}

static enum tt_err take_option(void *context, const char *name, const char *value) {
    return tt_options_set(context, TT_OPTION_QUERY, name, value);
}

static void read_options(char *query, size_t length) {
    static const struct tt_config defaults = {
        .image.options = {
            .width_px = 1024, .height_px = 1024, .format = TT_FORMAT_PNG, .quality = 85}};
    struct tt_options options;
    struct tt_arena arena;
    (void)length;
    tt_arena_init(&arena, 1 << 20);
    tt_options_init(&options, &defaults);
    enum tt_err err = tt_query_parse(query, &arena, take_option, &options);
    CHECK(err == TT_OK || err == TT_ERR_OPTION || err == TT_ERR_MALFORMED ||
          err == TT_ERR_NO_MEMORY);
    tt_arena_fini(&arena);
    CHECK(options.picture.width_px >= 0 && options.picture.width_px <= TT_PICTURE_SIDE_MAX_PX);
    CHECK(options.picture.height_px >= 0 && options.picture.height_px <= TT_PICTURE_SIDE_MAX_PX);
    CHECK(options.picture.quality >= 1 && options.picture.quality <= 100);
    CHECK(tt_text_is_utf8(options.filename, strlen(options.filename)));
}

static void read_disposition_of_size(const char *header, size_t size) {
    char *name = malloc(size);
    char *field = malloc(size);
    bool is_form_data;
    CHECK(name && field);
    bool found = tt_options_parse_disposition(header, name, size, &is_form_data, field, size);
    CHECK(strlen(name) < size && strlen(field) < size && (found || name[0] == '\0'));
    free(name);
    free(field);
}

static void read_disposition(char *header, size_t length) {
    for (size_t size = 1; size < 8; size += 3)
        read_disposition_of_size(header, size);
    read_disposition_of_size(header, length + 1);
}

static void read_parameters(char *header, size_t length) {
    struct tt_header_parameter parameter;
    const char *cursor = header;
    tt_header_type_is(header, "image/*");
    while (tt_header_next_parameter(&cursor, &parameter)) {
        CHECK(cursor <= header + length);
        CHECK(parameter.name >= header && parameter.name + parameter.name_length <= cursor);
        CHECK(parameter.value >= header && parameter.value + parameter.value_length <= cursor);
        tt_header_parameter_is(&parameter, "boundary");
    }
}

/* The lines are what a web server saw, what a proxy wrote, and who is trusted. */
static void read_client(const char *remote, const char *forwarded, const char *trusted) {
    const char *scheme = tt_auth_scheme(remote, forwarded, trusted);
    CHECK(!scheme || trusted[0] != '\0');
    CHECK(tt_auth_client(remote, forwarded, "") == tt_auth_client(remote, NULL, ""));
    tt_auth_client(remote, forwarded, trusted);
    tt_auth_client("10.0.0.1", forwarded, "10.0.0.0/8 ::/0");
}

static void read_origin(char *text, size_t length) {
    const char *lines[3];
    (void)length;
    cut_lines(text, lines, 3);
    read_client(lines[0], lines[1], lines[2] ? lines[2] : "");
    bool is_allowed = tt_auth_origin_allowed(lines[0], lines[1], NULL, lines[2] ? lines[2] : "");
    if (tt_auth_origin_allowed(lines[0], NULL, NULL, ""))
        CHECK(is_allowed && lines[0][0] == '\0');
    CHECK(tt_auth_origin_allowed(lines[0], lines[1], NULL, "*"));
}

static void read_range(char *text, size_t length) {
    static const char *const names[] = {"HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_NONE_MATCH",
                                        "HTTP_IF_MODIFIED_SINCE"};
    static const int64_t sizes_bytes[] = {0, 1, 1000, INT64_MAX};
    static struct tt_worker worker;
    const struct tt_request request = {.worker = &worker};
    const char *lines[4];
    (void)length;
    cut_lines(text, lines, 4);
    fake_params_clear();
    for (int i = 0; i < 4; i++)
        fake_param_set(names[i], lines[i]);
    tt_range_not_modified(&request, "\"abc\"", INT64_C(784111777123));
    for (size_t i = 0; i < sizeof sizes_bytes / sizeof *sizes_bytes; i++) {
        struct tt_range range;
        enum tt_err err =
            tt_range_parse(&request, "\"abc\"", INT64_C(784111777123), sizes_bytes[i], &range);
        CHECK(err == TT_OK || err == TT_ERR_RANGE);
        CHECK(range.offset_bytes >= 0 && range.offset_bytes <= sizes_bytes[i]);
        CHECK(range.length_bytes >= 0 && range.length_bytes <= sizes_bytes[i] - range.offset_bytes);
        CHECK(!range.partial || range.length_bytes > 0);
    }
}

static void read_time(char *text, size_t length) {
    char formatted[TT_CLOCK_RFC3339_SIZE];
    char id[TT_UUID_SIZE];
    int64_t time_ms, again_ms;
    bool is_exact;
    (void)length;
    tt_clock_parse_http(text, &time_ms);
    if (tt_clock_parse_rfc3339(text, &time_ms, &is_exact) && time_ms >= 0) {
        tt_clock_format_rfc3339(time_ms, formatted);
        CHECK(tt_clock_parse_rfc3339(formatted, &again_ms, &is_exact));
        CHECK(is_exact && again_ms == time_ms);
    }
    if (tt_uuid_parse(text, &time_ms)) {
        tt_uuid_floor(time_ms, id);
        CHECK(strlen(text) == sizeof id - 1 && strcmp(id, text) <= 0);
    }
}

static void read_filename(char *text, size_t length) {
    char clean[TT_TEXT_FILENAME_SIZE];
    char again[TT_TEXT_FILENAME_SIZE];
    char disposition[TT_TEXT_DISPOSITION_SIZE];
    tt_text_clean_filename(text, length, clean);
    CHECK(tt_text_is_utf8(clean, strlen(clean)) && !strpbrk(clean, "/\\\r\n"));
    tt_text_clean_filename(clean, strlen(clean), again);
    CHECK(strcmp(clean, again) == 0);
    tt_text_format_disposition(clean, disposition);
    CHECK(!strpbrk(disposition, "\r\n"));
}

static void read_url(char *text, size_t length) {
    struct tt_url url;
    char path[TT_URL_PATH_SIZE];
    if (!tt_url_parse(&url, text))
        CHECK(url.rest >= text && url.rest <= text + length && url.host[0] != '\0');
    if (!tt_url_parse_base(&url, path, text))
        CHECK(path[0] == '\0' || (path[0] == '/' && path[strlen(path) - 1] != '/'));
}

static void read_exif(char *text, size_t length) {
    int orientation = tt_exif_orientation((const uint8_t *)text, length);
    CHECK(orientation >= 1 && orientation <= 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const readers[])(char *text, size_t length) = {
        read_options, read_disposition, read_parameters, read_origin, read_range,
        read_time,    read_filename,    read_url,        read_exif};
    if (size < 1)
        return 0;
    char *text = fuzz_text(data + 1, size - 1);
    tt_err_take(TT_OK);
    readers[data[0] % (sizeof readers / sizeof *readers)](text, size - 1);
    free(text);
    return 0;
}
