/* libFuzzer on signing: a path, a query and headers are put into their canonical form. The
 * signature does not depend on the order of what is signed.
 *
 * The input has lines: the path, then "name=value" of the query and "name:value" of headers. */
#include "fuzz.h"

#include "aws/sigv4.h"

struct input {
    const char *path;
    struct tt_sigv4_pair query[TT_SIGV4_PAIRS_MAX + 1];
    size_t query_count;
    struct tt_sigv4_pair headers[TT_SIGV4_PAIRS_MAX + 1];
    size_t header_count;
};

static void take_line(struct input *input, char *line) {
    char *value = line + strcspn(line, "=:");
    char mark = *value;
    if (mark == '\0')
        return;
    *value++ = '\0';
    if (mark == '=' && input->query_count < TT_SIGV4_PAIRS_MAX + 1)
        input->query[input->query_count++] = (struct tt_sigv4_pair){line, value};
    else if (mark == ':' && input->header_count < TT_SIGV4_PAIRS_MAX + 1)
        input->headers[input->header_count++] = (struct tt_sigv4_pair){line, value};
}

static void take_lines(struct input *input, char *text) {
    input->path = text;
    text += strcspn(text, "\n");
    while (*text == '\n') {
        *text++ = '\0';
        char *line = text;
        text += strcspn(text, "\n");
        char end = *text;
        *text = '\0';
        take_line(input, line);
        *text = end;
    }
}

static void reverse(struct tt_sigv4_pair *pairs, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        struct tt_sigv4_pair pair = pairs[i];
        pairs[i] = pairs[count - 1 - i];
        pairs[count - 1 - i] = pair;
    }
}

/* The canonical request, to be freed by tt_buf_fini. */
static enum tt_err make(struct tt_buf *out, const struct input *input) {
    const struct tt_sigv4_request request = {.method = "GET",
                                             .path = input->path,
                                             .query = input->query,
                                             .query_count = input->query_count,
                                             .headers = input->headers,
                                             .header_count = input->header_count,
                                             .payload_sha256 = TT_SIGV4_UNSIGNED};
    struct tt_buf names;
    tt_buf_init(out, 1 << 16);
    tt_buf_init(&names, 1 << 16);
    enum tt_err err = tt_sigv4_canonical_request(out, &names, &request);
    tt_buf_fini(&names);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {0};
    struct tt_buf first, second;
    char *text = fuzz_text(data, size);
    tt_err_take(TT_OK);
    take_lines(&input, text);
    enum tt_err err = make(&first, &input);
    CHECK(err == TT_OK || err == TT_ERR_INTERNAL || err == TT_ERR_NO_MEMORY);
    reverse(input.query, input.query_count);
    CHECK(make(&second, &input) == err);
    if (err == TT_OK)
        CHECK(strcmp(tt_buf_text(&first), tt_buf_text(&second)) == 0);
    tt_buf_fini(&first);
    tt_buf_fini(&second);
    free(text);
    return 0;
}
