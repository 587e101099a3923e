/* Signs what it reads, for tests that compare the signatures with another signer's.
 *
 * Input, every field ended by a NUL, one request after the other: access key, secret key, session
 * token (empty for none), region, service, time in Unix ms, seconds of validity, method, path,
 * payload hash, number of query pairs, their names and values, number of headers, their names and
 * values.
 * Output, ended likewise: canonical request, string to sign, Authorization, presigned URL. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/sigv4.h"
#include "driver.h"

#define TEXT_MAX_BYTES ((size_t)64 * 1024)

static size_t next_pairs(struct tt_sigv4_pair pairs[TT_SIGV4_PAIRS_MAX]) {
    size_t count = (size_t)next_int(TT_SIGV4_PAIRS_MAX);

    for (size_t i = 0; i < count; i++) {
        pairs[i].name = next_text();
        pairs[i].value = next_text();
    }
    return count;
}

/* Writes the text with its NUL, and empties it. */
static void write_text(struct tt_buf *text) {
    (void)fwrite(tt_buf_text(text), 1, text->length + 1, stdout);
    tt_buf_fini(text);
}

static void sign_next(struct tt_buf *canonical, struct tt_buf *text) {
    struct tt_sigv4_pair query[TT_SIGV4_PAIRS_MAX], headers[TT_SIGV4_PAIRS_MAX];
    struct tt_sigv4_request request = {.query = query, .headers = headers};
    struct tt_sigv4_scope scope;
    const char *session_token;
    int expires_seconds;

    scope.access_key_id = next_text();
    scope.secret_access_key = next_text();
    session_token = next_text();
    scope.region = next_text();
    scope.service = next_text();
    scope.time_ms = next_int(INT64_MAX);
    expires_seconds = (int)next_int(INT32_MAX);
    request.method = next_text();
    request.path = next_text();
    request.payload_sha256 = next_text();
    request.query_count = next_pairs(query);
    request.header_count = next_pairs(headers);

    check(tt_sigv4_canonical_request(canonical, text, &request), "canonical request");
    tt_buf_fini(text);
    check(tt_sigv4_string_to_sign(text, &scope, tt_buf_text(canonical)), "string to sign");
    write_text(canonical);
    write_text(text);
    check(tt_sigv4_authorization(text, &request, &scope), "authorization");
    write_text(text);
    if (*session_token == '\0')
        session_token = NULL;
    check(tt_sigv4_presign(text, &request, &scope, session_token, expires_seconds), "presigning");
    write_text(text);
}

int main(void) {
    struct tt_buf canonical, text;

    read_input();
    tt_buf_init(&canonical, TEXT_MAX_BYTES);
    tt_buf_init(&text, TEXT_MAX_BYTES);
    while (position < input.length)
        sign_next(&canonical, &text);
    tt_buf_fini(&text);
    tt_buf_fini(&canonical);
    tt_buf_fini(&input);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
