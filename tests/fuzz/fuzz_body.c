/* libFuzzer on the body parsers: raw, base64, multipart and JSON.
 *
 * The first byte picks the kind (low 3 bits) and the size of the pieces (next 2 bits). A body is
 * parsed whole and then in pieces. Both must end with the same code, and with TT_OK also with the
 * same picture, options and filename. */
#include "fuzz.h"

#include "tintype/arena.h"
#include "tintype/text.h"
#include "web/body.h"

#define ARENA_MAX_BYTES ((size_t)1 << 20)

enum kind { KIND_RAW, KIND_BASE64, KIND_MULTIPART, KIND_JSON, KIND_TYPED };

/* Each kind of output is hashed as one stream by FNV-1a (Fowler, Noll, Vo; 64 bits). */
struct seen {
    enum tt_err err;
    uint64_t picture, options, filename;
};

static void mix(uint64_t *sum, const void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        *sum = (*sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

static enum tt_err see_picture(void *context, const uint8_t *bytes, size_t length) {
    CHECK(length > 0);
    mix(&((struct seen *)context)->picture, bytes, length);
    return TT_OK;
}

static enum tt_err see_option(void *context, const char *name, const char *value) {
    struct seen *seen = context;
    CHECK(tt_text_is_utf8(name, strlen(name)) && tt_text_is_utf8(value, strlen(value)));
    mix(&seen->options, name, strlen(name) + 1);
    mix(&seen->options, value, strlen(value) + 1);
    return TT_OK;
}

static enum tt_err see_filename(void *context, const char *raw, size_t length) {
    struct seen *seen = context;
    CHECK(seen->filename == 0 && length > 0);
    mix(&seen->filename, "f", 1);
    mix(&seen->filename, raw, length);
    return TT_OK;
}

static struct seen parse(const char *content_type, const uint8_t *bytes, size_t length,
                         size_t piece) {
    struct seen seen = {0};
    const struct tt_body_target target = {&seen, see_picture, see_option, see_filename};
    struct tt_arena arena;
    struct tt_body *body;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, ARENA_MAX_BYTES);
    seen.err = tt_body_open(&body, &arena, content_type, &target);
    while (seen.err == TT_OK && length > 0) {
        size_t part = length < piece ? length : piece;
        seen.err = tt_body_push(body, bytes, part);
        bytes += part;
        length -= part;
    }
    if (seen.err == TT_OK)
        seen.err = tt_body_end(body);
    CHECK(seen.err == TT_OK || tt_err_detail(seen.err)[0] != '\0');
    tt_arena_fini(&arena);
    return seen;
}

static void compare(const char *content_type, const uint8_t *bytes, size_t length, size_t piece) {
    struct seen whole = parse(content_type, bytes, length, length + 1);
    struct seen pieces = parse(content_type, bytes, length, piece);
    CHECK(whole.err == pieces.err);
    if (whole.err == TT_OK)
        CHECK(whole.picture == pieces.picture && whole.options == pieces.options &&
              whole.filename == pieces.filename);
}

/* The input is the Content-Type, a line break and the body. */
static void compare_typed(const uint8_t *data, size_t size, size_t piece) {
    char *text = fuzz_text(data, size);
    size_t line = strcspn(text, "\n");
    size_t body = line < size ? line + 1 : size;
    text[line] = '\0';
    compare(text, data + body, size - body, piece);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const types[] = {"image/png", "text/plain",
                                        "multipart/form-data; boundary=b0", "application/json"};
    static const size_t pieces[] = {1, 2, 3, 7};
    if (size < 1)
        return 0;
    enum kind kind = (enum kind)(data[0] & 7);
    size_t piece = pieces[data[0] >> 3 & 3];
    if (kind < KIND_TYPED)
        compare(types[kind], data + 1, size - 1, piece);
    else
        compare_typed(data + 1, size - 1, piece);
    return 0;
}
