/* Requests are checked before they are sent, and headers of answers are read. Sending is done in
 * http.c. */
#include "aws/http_text.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "tintype/clock.h"
#include "tintype/text.h"

#define LINE_SIZE 256 /* more than any header that is looked for can have */

/* RFC 9110, 5.6.2. */
static bool is_token(const char *name) {
    static const char signs[] = "!#$%&'*+-.^_`|~";
    for (const char *c = name; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              strchr(signs, *c)))
            return false;
    return name[0] != '\0';
}

bool tt_http_may_have_body(const char *method) {
    return strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;
}

int64_t tt_http_body_bytes(const struct tt_http_request *request) {
    if (request->body)
        return (int64_t)request->body_bytes;
    return request->body_fd >= 0 ? request->body_fd_bytes : 0;
}

int64_t tt_http_timeout_ms(const struct tt_http_request *request) {
    int64_t timeout_ms = request->timeout_ms;

    if (timeout_ms == 0)
        timeout_ms =
            TT_HTTP_TIMEOUT_MS + 1000 * (tt_http_body_bytes(request) / TT_HTTP_LEAST_BYTES_PER_S +
                                         request->max_answer_bytes / TT_HTTP_LEAST_BYTES_PER_S);
    return timeout_ms < INT_MAX ? timeout_ms : INT_MAX;
}

static bool is_known(const char *method) {
    static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i], method) == 0)
            return true;
    return false;
}

enum tt_err tt_http_request_check(const struct tt_http_request *request, struct tt_url *url) {
    const char *flaw = tt_url_parse(url, request->url);
    bool has_body = request->body || request->body_fd >= 0;
    if (flaw)
        return tt_err_fail(TT_ERR_INTERNAL, "http: a URL %s", flaw);
    if (!is_known(request->method) || (has_body && !tt_http_may_have_body(request->method)) ||
        (request->body && request->body_fd >= 0) || request->body_fd_bytes < 0 ||
        request->max_answer_bytes < 0 || request->timeout_ms < 0 ||
        request->header_count > TT_HTTP_HEADERS_MAX)
        return tt_err_fail(TT_ERR_INTERNAL, "http: a request that makes no sense");
    for (size_t i = 0; i < request->header_count; i++)
        if (!is_token(request->headers[i].name) || strpbrk(request->headers[i].value, "\r\n"))
            return tt_err_fail(TT_ERR_INTERNAL, "http: a header that cannot be sent");
    return TT_OK;
}

bool tt_http_is_near(const struct tt_url *url) {
    static const char *const prefixes[] = {"169.254.", "fd00:ec2::", "127."};
    for (size_t i = 0; url->is_address && i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(url->name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return strcmp(url->name, "::1") == 0 || strcmp(url->name, "localhost") == 0;
}

/* ---- answers ---- */

static void take_text(char *field, size_t size, const char *value) {
    size_t length = 0;
    /* These fields end up in logs, so one is a word or nothing. */
    while (value[length] > ' ' && value[length] <= '~' && length < size - 1)
        length++;
    memcpy(field, value, length);
    field[length] = '\0';
}

static int64_t cap(int64_t wait_ms) {
    if (wait_ms < 0)
        return 0;
    return wait_ms < TT_HTTP_RETRY_AFTER_MAX_MS ? wait_ms : TT_HTTP_RETRY_AFTER_MAX_MS;
}

static void take_retry_after(struct tt_http_answer *answer, int64_t *retry_at_ms,
                             const char *value) {
    int64_t seconds;
    if (tt_text_parse_int(value, 0, INT64_MAX, &seconds))
        answer->retry_after_ms =
            cap(seconds < TT_HTTP_RETRY_AFTER_MAX_MS ? seconds * 1000 : TT_HTTP_RETRY_AFTER_MAX_MS);
    else if (!tt_clock_parse_http(value, retry_at_ms))
        *retry_at_ms = 0;
}

static void take_field(struct tt_http_answer *answer, int64_t *retry_at_ms, const char *name,
                       const char *value) {
    if (strcasecmp(name, "date") == 0) {
        if (!tt_clock_parse_http(value, &answer->date_ms))
            answer->date_ms = 0;
    } else if (strcasecmp(name, "retry-after") == 0) {
        take_retry_after(answer, retry_at_ms, value);
    } else if (strcasecmp(name, "x-amz-request-id") == 0 ||
               strcasecmp(name, "x-amzn-requestid") == 0) {
        take_text(answer->request_id, sizeof answer->request_id, value);
    } else if (strcasecmp(name, "content-type") == 0) {
        take_text(answer->content_type, sizeof answer->content_type, value);
    } else if (strcasecmp(name, "etag") == 0) {
        answer->has_etag = value[0] != '\0';
    } else if (strcasecmp(name, "x-amz-bucket-region") == 0) {
        take_text(answer->region, sizeof answer->region, value);
    }
}

void tt_http_line_take(struct tt_http_answer *answer, int64_t *retry_at_ms, const char *bytes,
                       size_t length) {
    char line[LINE_SIZE];
    size_t used = length < sizeof line - 1 ? length : sizeof line - 1;
    memcpy(line, bytes, used);
    while (used > 0 && (unsigned char)line[used - 1] <= ' ')
        used--;
    line[used] = '\0';
    char *value = strchr(line, ':');
    if (strncmp(line, "HTTP/", 5) == 0) {
        /* What came before this status line was an interim answer, as "100 Continue" is. */
        *retry_at_ms = 0;
        answer->date_ms = 0;
        answer->retry_after_ms = 0;
        answer->request_id[0] = '\0';
        answer->region[0] = '\0';
        answer->content_type[0] = '\0';
        answer->has_etag = false;
    } else if (value) {
        *value++ = '\0';
        take_field(answer, retry_at_ms, line, value + strspn(value, " \t"));
    }
}

void tt_http_retry_settle(struct tt_http_answer *answer, int64_t retry_at_ms) {
    int64_t now_ms = answer->date_ms != 0 ? answer->date_ms : tt_clock_now_ms();
    if (retry_at_ms != 0)
        answer->retry_after_ms = cap(retry_at_ms - now_ms);
}
