/* Signature Version 4, stage by stage. The path is canonicalised by the rule of S3 for every
 * service: each byte encoded once, no "." or ".." or "//" taken out. The others, which encode twice
 * and normalise, are called with the path "/" alone, where both rules give the same. */
#include "sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "tintype/clock.h"
#include "tintype/hash.h"
#include "tintype/text.h"

#define ALGORITHM      "AWS4-HMAC-SHA256"
#define TERMINATOR     "aws4_request"
#define DAY_BYTES      8 /* "20261124", the front of a date */
#define TEXT_MAX_BYTES ((size_t)64 * 1024)
#define PRESIGN_PAIRS  6 /* what presigning adds to the query, the session token among it */

_Static_assert(TT_SIGV4_SIGNATURE_SIZE == TT_HASH_HEX_SIZE, "a signature is an HMAC-SHA-256");

void tt_sigv4_format_date(int64_t time_ms, char date[TT_SIGV4_DATE_SIZE]) {
    size_t length = 0;
    char text[TT_CLOCK_RFC3339_SIZE];
    /* X-Amz-Date has the digits of RFC 3339 without their separators, to the second. */
    tt_clock_format_rfc3339(time_ms, text);
    for (const char *c = text; *c != '.'; c++)
        if (*c != '-' && *c != ':')
            date[length++] = *c;
    date[length++] = 'Z';
    date[length] = '\0';
}

static enum tt_err check_buf(const struct tt_buf *buf) {
    if (buf->overflowed)
        return tt_err_fail(TT_ERR_NO_MEMORY, "sigv4: no memory, or a text over %zu bytes",
                           buf->max_bytes);
    return TT_OK;
}

/* ---- order ---- */

/* Where a byte comes in the order of encoded bytes. '%' comes before every character that stays,
 * and upper-case hexadecimal keeps the order of the bytes. */
static int encoded_rank(char c) {
    int byte = (unsigned char)c;
    return tt_text_is_unreserved(c) ? 0x100 + byte : byte;
}

/* Compares, as strcmp(3) does, what tt_buf_append_percent would make of both. */
static int compare_encoded(const char *one, const char *other) {
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    return encoded_rank(*one) - encoded_rank(*other);
}

static int compare_query(const struct tt_sigv4_pair *one, const struct tt_sigv4_pair *other) {
    int order = compare_encoded(one->name, other->name);
    return order != 0 ? order : compare_encoded(one->value, other->value);
}

static int compare_header(const struct tt_sigv4_pair *one, const struct tt_sigv4_pair *other) {
    return strcasecmp(one->name, other->name);
}

/* Each pair is inserted in its place. The sort is stable, as headers of one name must keep their
 * order. */
static enum tt_err sort_pairs(const struct tt_sigv4_pair *sorted[TT_SIGV4_PAIRS_MAX],
                              const struct tt_sigv4_pair *pairs, size_t count,
                              int (*compare)(const struct tt_sigv4_pair *,
                                             const struct tt_sigv4_pair *)) {
    if (count > TT_SIGV4_PAIRS_MAX) {
        tt_err_fail(TT_ERR_INTERNAL, "sigv4: %zu headers or query pairs, %d at most", count,
                    TT_SIGV4_PAIRS_MAX);
        return TT_ERR_INTERNAL; /* a constant, by which analysers see that no caller reads on */
    }
    for (size_t i = 0; i < count; i++) {
        size_t place = i;
        for (; place > 0 && compare(sorted[place - 1], &pairs[i]) > 0; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = &pairs[i];
    }
    return TT_OK;
}

/* ---- stage 1: the canonical request ---- */

enum tt_err tt_sigv4_format_query(struct tt_buf *out, const struct tt_sigv4_pair *query,
                                  size_t count) {
    const struct tt_sigv4_pair *sorted[TT_SIGV4_PAIRS_MAX];
    enum tt_err err = sort_pairs(sorted, query, count, compare_query);
    if (err != TT_OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            tt_buf_append_text(out, "&");
        tt_buf_append_percent(out, sorted[i]->name, false);
        tt_buf_append_text(out, "=");
        tt_buf_append_percent(out, sorted[i]->value, false);
    }
    return check_buf(out);
}

static void append_lower(struct tt_buf *out, const char *name) {
    for (; *name != '\0'; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        tt_buf_append(out, &c, 1);
    }
}

/* Appends a value, trimmed and with runs of blanks folded to one space. A control character is
 * refused: it would let a value pass for other lines of the text that is signed, and cannot be sent
 * anyway. */
static enum tt_err append_value(struct tt_buf *out, const struct tt_sigv4_pair *header) {
    bool is_started = false, is_gap = false;
    for (const char *c = header->value; *c != '\0'; c++) {
        if (*c == ' ' || *c == '\t') {
            is_gap = is_started;
            continue;
        }
        if ((unsigned char)*c < ' ' || *c == '\x7F')
            return tt_err_fail(TT_ERR_INTERNAL, "sigv4: a control character in header %s",
                               header->name);
        if (is_gap)
            tt_buf_append_text(out, " ");
        tt_buf_append(out, c, 1);
        is_started = true;
        is_gap = false;
    }
    return TT_OK;
}

/* Appends every header as "name:value" and a line feed, those of one name on one line. */
static enum tt_err append_headers(struct tt_buf *out, const struct tt_sigv4_request *request) {
    const struct tt_sigv4_pair *sorted[TT_SIGV4_PAIRS_MAX];
    enum tt_err err = sort_pairs(sorted, request->headers, request->header_count, compare_header);
    for (size_t i = 0; err == TT_OK && i < request->header_count; i++) {
        if (i > 0 && compare_header(sorted[i - 1], sorted[i]) == 0) {
            tt_buf_append_text(out, ",");
        } else {
            if (i > 0)
                tt_buf_append_text(out, "\n");
            append_lower(out, sorted[i]->name);
            tt_buf_append_text(out, ":");
        }
        err = append_value(out, sorted[i]);
    }
    tt_buf_append_text(out, "\n");
    return err;
}

/* Appends the names alone, each once: "host;x-amz-date". */
static enum tt_err append_signed_headers(struct tt_buf *out,
                                         const struct tt_sigv4_request *request) {
    const struct tt_sigv4_pair *sorted[TT_SIGV4_PAIRS_MAX];
    enum tt_err err = sort_pairs(sorted, request->headers, request->header_count, compare_header);
    if (err != TT_OK)
        return err;
    for (size_t i = 0; i < request->header_count; i++) {
        if (i > 0 && compare_header(sorted[i - 1], sorted[i]) == 0)
            continue;
        if (i > 0)
            tt_buf_append_text(out, ";");
        append_lower(out, sorted[i]->name);
    }
    return check_buf(out);
}

static enum tt_err append_canonical_request(struct tt_buf *out,
                                            const struct tt_sigv4_request *request) {
    if (request->path[0] != '/')
        return tt_err_fail(TT_ERR_INTERNAL, "sigv4: a path that is not absolute");
    tt_buf_append_text(out, request->method);
    tt_buf_append_text(out, "\n");
    tt_buf_append_percent(out, request->path, true);
    tt_buf_append_text(out, "\n");
    enum tt_err err;
    if ((err = tt_sigv4_format_query(out, request->query, request->query_count)) != TT_OK)
        return err;
    tt_buf_append_text(out, "\n");
    if ((err = append_headers(out, request)) != TT_OK)
        return err;
    tt_buf_append_text(out, "\n");
    if ((err = append_signed_headers(out, request)) != TT_OK)
        return err;
    tt_buf_append_text(out, "\n");
    tt_buf_append_text(out, request->payload_sha256);
    return check_buf(out);
}

enum tt_err tt_sigv4_canonical_request(struct tt_buf *out, struct tt_buf *signed_headers,
                                       const struct tt_sigv4_request *request) {
    enum tt_err err = append_canonical_request(out, request);
    return err != TT_OK ? err : append_signed_headers(signed_headers, request);
}

/* ---- stage 2: the string to sign ---- */

/* "20261124/eu-central-1/s3/aws4_request" */
static void append_scope(struct tt_buf *out, const struct tt_sigv4_scope *scope) {
    char date[TT_SIGV4_DATE_SIZE];
    tt_sigv4_format_date(scope->time_ms, date);
    tt_buf_append(out, date, DAY_BYTES);
    tt_buf_append_format(out, "/%s/%s/" TERMINATOR, scope->region, scope->service);
}

enum tt_err tt_sigv4_string_to_sign(struct tt_buf *out, const struct tt_sigv4_scope *scope,
                                    const char *canonical_request) {
    struct tt_hash hash;
    enum tt_err err = tt_hash_init(&hash);
    if (err == TT_OK)
        err = tt_hash_update(&hash, canonical_request, strlen(canonical_request));
    uint8_t digest[TT_HASH_BYTES];
    if (err == TT_OK)
        err = tt_hash_finish(&hash, digest);
    tt_hash_fini(&hash);
    if (err != TT_OK)
        return err;
    char hex[TT_HASH_HEX_SIZE];
    tt_hash_format(digest, hex);
    char date[TT_SIGV4_DATE_SIZE];
    tt_sigv4_format_date(scope->time_ms, date);
    tt_buf_append_format(out, ALGORITHM "\n%s\n", date);
    append_scope(out, scope);
    tt_buf_append_format(out, "\n%s", hex);
    return check_buf(out);
}

/* ---- stage 3: the signature ---- */

static enum tt_err compute_hmac(const void *key, size_t key_length, const char *text,
                                uint8_t mac[TT_HASH_BYTES]) {
    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_length, (const uint8_t *)text,
                   strlen(text), mac, TT_HASH_BYTES, NULL))
        return tt_err_fail(TT_ERR_NO_MEMORY, "sigv4: the HMAC cannot be computed");
    return TT_OK;
}

/* The signature is a chain of HMACs, each of which is the key of the next: day, region, service,
 * terminator, then the text. */
enum tt_err tt_sigv4_sign(char signature[TT_SIGV4_SIGNATURE_SIZE],
                          const struct tt_sigv4_scope *scope, const char *string_to_sign) {
    static const char prefix[4] = {'A', 'W', 'S', '4'};
    char date[TT_SIGV4_DATE_SIZE];
    const char *const texts[] = {date, scope->region, scope->service, TERMINATOR, string_to_sign};
    const size_t text_count = sizeof texts / sizeof *texts;
    size_t secret_length = strlen(scope->secret_access_key);
    char secret[sizeof prefix + TT_SIGV4_SECRET_MAX_BYTES]; /* without a NUL */
    const void *key = secret;
    size_t key_length = sizeof prefix + secret_length;
    enum tt_err err = TT_OK;
    if (secret_length > TT_SIGV4_SECRET_MAX_BYTES)
        return tt_err_fail(TT_ERR_INTERNAL, "sigv4: a secret key over %d bytes",
                           TT_SIGV4_SECRET_MAX_BYTES);
    memcpy(secret, prefix, sizeof prefix);
    memcpy(secret + sizeof prefix, scope->secret_access_key, secret_length);
    tt_sigv4_format_date(scope->time_ms, date);
    date[DAY_BYTES] = '\0';
    uint8_t macs[2][TT_HASH_BYTES]; /* used in turn, as no call may write to its own key */
    for (size_t i = 0; err == TT_OK && i < text_count; i++) {
        err = compute_hmac(key, key_length, texts[i], macs[i % 2]);
        key = macs[i % 2];
        key_length = TT_HASH_BYTES;
    }
    if (err == TT_OK)
        tt_hash_format(key, signature);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(macs, sizeof macs);
    return err;
}

/* ---- all stages ---- */

static enum tt_err sign_request(char signature[TT_SIGV4_SIGNATURE_SIZE],
                                const struct tt_sigv4_request *request,
                                const struct tt_sigv4_scope *scope) {
    struct tt_buf canonical;
    tt_buf_init(&canonical, TEXT_MAX_BYTES);
    struct tt_buf text;
    tt_buf_init(&text, TEXT_MAX_BYTES);
    enum tt_err err = append_canonical_request(&canonical, request);
    if (err == TT_OK)
        err = tt_sigv4_string_to_sign(&text, scope, tt_buf_text(&canonical));
    if (err == TT_OK)
        err = tt_sigv4_sign(signature, scope, tt_buf_text(&text));
    tt_buf_fini(&text);
    tt_buf_fini(&canonical);
    return err;
}

static enum tt_err require_host(const struct tt_sigv4_request *request) {
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "host") == 0)
            return TT_OK;
    return tt_err_fail(TT_ERR_INTERNAL, "sigv4: a request without host");
}

enum tt_err tt_sigv4_authorization(struct tt_buf *out, const struct tt_sigv4_request *request,
                                   const struct tt_sigv4_scope *scope) {
    char signature[TT_SIGV4_SIGNATURE_SIZE];
    enum tt_err err;
    if ((err = require_host(request)) != TT_OK ||
        (err = sign_request(signature, request, scope)) != TT_OK)
        return err;
    tt_buf_append_format(out, ALGORITHM " Credential=%s/", scope->access_key_id);
    append_scope(out, scope);
    tt_buf_append_text(out, ", SignedHeaders=");
    if ((err = append_signed_headers(out, request)) != TT_OK)
        return err;
    tt_buf_append_format(out, ", Signature=%s", signature);
    return check_buf(out);
}

/* Appends path and query of a request that is complete but for its signature. */
static enum tt_err append_signed_url(struct tt_buf *out, const struct tt_sigv4_request *request,
                                     const struct tt_sigv4_scope *scope) {
    char signature[TT_SIGV4_SIGNATURE_SIZE];
    enum tt_err err;
    if ((err = sign_request(signature, request, scope)) != TT_OK)
        return err;
    tt_buf_append_percent(out, request->path, true);
    tt_buf_append_text(out, "?");
    if ((err = tt_sigv4_format_query(out, request->query, request->query_count)) != TT_OK)
        return err;
    tt_buf_append_format(out, "&X-Amz-Signature=%s", signature);
    return check_buf(out);
}

enum tt_err tt_sigv4_presign(struct tt_buf *out, const struct tt_sigv4_request *request,
                             const struct tt_sigv4_scope *scope, const char *session_token,
                             int expires_seconds) {
    struct tt_sigv4_request presigned = *request;
    size_t count = request->query_count;
    if (expires_seconds < 1 || expires_seconds > TT_SIGV4_EXPIRES_MAX_SECONDS)
        return tt_err_fail(TT_ERR_INTERNAL, "sigv4: a URL valid for %d s", expires_seconds);
    if (count > TT_SIGV4_PAIRS_MAX - PRESIGN_PAIRS)
        return tt_err_fail(TT_ERR_INTERNAL, "sigv4: %zu query pairs to presign, %d at most", count,
                           TT_SIGV4_PAIRS_MAX - PRESIGN_PAIRS);
    enum tt_err err;
    if ((err = require_host(request)) != TT_OK)
        return err;
    struct tt_buf credential;
    tt_buf_init(&credential, TEXT_MAX_BYTES);
    struct tt_buf signed_headers;
    tt_buf_init(&signed_headers, TEXT_MAX_BYTES);
    struct tt_buf expires;
    tt_buf_init(&expires, TEXT_MAX_BYTES);
    tt_buf_append_format(&credential, "%s/", scope->access_key_id);
    append_scope(&credential, scope);
    tt_buf_append_format(&expires, "%d", expires_seconds);
    char date[TT_SIGV4_DATE_SIZE];
    tt_sigv4_format_date(scope->time_ms, date);
    if ((err = append_signed_headers(&signed_headers, request)) != TT_OK ||
        (err = check_buf(&credential)) != TT_OK || (err = check_buf(&expires)) != TT_OK)
        goto out;

    struct tt_sigv4_pair query[TT_SIGV4_PAIRS_MAX];
    for (size_t i = 0; i < count; i++)
        query[i] = request->query[i];
    query[count++] = (struct tt_sigv4_pair){"X-Amz-Algorithm", ALGORITHM};
    query[count++] = (struct tt_sigv4_pair){"X-Amz-Credential", credential.data};
    query[count++] = (struct tt_sigv4_pair){"X-Amz-Date", date};
    query[count++] = (struct tt_sigv4_pair){"X-Amz-Expires", expires.data};
    query[count++] = (struct tt_sigv4_pair){"X-Amz-SignedHeaders", signed_headers.data};
    if (session_token)
        query[count++] = (struct tt_sigv4_pair){"X-Amz-Security-Token", session_token};
    presigned.query = query;
    presigned.query_count = count;
    presigned.payload_sha256 = TT_SIGV4_UNSIGNED;
    err = append_signed_url(out, &presigned, scope);

out:
    tt_buf_fini(&expires);
    tt_buf_fini(&signed_headers);
    tt_buf_fini(&credential);
    return err;
}
