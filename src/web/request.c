/* Request: reads method and target, and what kind of answer the sender wants. */
#include "web/request.h"

#include <stdio.h>
#include <string.h>

#include "tintype/auth.h"
#include "tintype/clock.h"
#include "tintype/text.h"

#define HEADERS_MAX_BYTES 24576 /* a presigned Location, and the rest */

static const struct {
    const char *name;
    enum tt_method method;
} methods[] = {
    {"GET", TT_METHOD_GET},       {"HEAD", TT_METHOD_GET},        {"POST", TT_METHOD_POST},
    {"DELETE", TT_METHOD_DELETE}, {"OPTIONS", TT_METHOD_OPTIONS},
};

const char *tt_request_param(const struct tt_request *request, const char *name) {
    return tt_fcgi_param(request->worker->fcgi, name);
}

static void read_method(struct tt_request *request) {
    const char *name = tt_request_param(request, "REQUEST_METHOD");
    request->method_name = name ? name : "";
    request->method = TT_METHOD_OTHER;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(request->method_name, methods[i].name) == 0)
            request->method = methods[i].method;
    request->head_only = strcmp(request->method_name, "HEAD") == 0;
}

/* Returns the quality (RFC 9110, 12.4.2) that an Accept header gives to one media type by its full
 * name, in thousandths; -1 when it does not name the type. */
static int accept_quality(const char *accept, const char *media_type) {
    size_t type_length = strlen(media_type);
    for (const char *item = accept; *item != '\0';) {
        item += strspn(item, " \t,");
        size_t length = strcspn(item, ",");
        size_t name_length = strcspn(item, ",; \t");
        if (name_length == type_length && strncasecmp(item, media_type, type_length) == 0) {
            const char *q = item + name_length;
            while (q + 1 < item + length && strncasecmp(q, "q=", 2) != 0)
                q++;
            if (q + 1 >= item + length)
                return 1000;
            int quality = q[2] == '1' ? 1000 : 0;
            if (q[2] == '0' && q[3] == '.')
                for (int i = 4, unit = 100; unit > 0 && q[i] >= '0' && q[i] <= '9'; i++, unit /= 10)
                    quality += (q[i] - '0') * unit;
            return quality;
        }
        item += length;
    }
    return -1;
}

static void read_accept(struct tt_request *request) {
    const char *accept = tt_request_param(request, "HTTP_ACCEPT");
    if (!accept)
        return;
    int html = accept_quality(accept, "text/html");
    request->wants_html = html > 0 && html > accept_quality(accept, "application/json");
}

/* The path of an absolute-form target (RFC 9112, 3.2.2) begins after its authority. */
static const char *skip_authority(const char *target) {
    const char *scheme_end = strstr(target, "://");
    if (target[0] == '/' || !scheme_end)
        return target;
    const char *path = strchr(scheme_end + 3, '/');
    return path ? path : "/";
}

static enum tt_err split_path(struct tt_request *request, char *path) {
    for (char *next = path; next;) {
        char *segment = next;
        next = strchr(segment, '/');
        if (next)
            *next++ = '\0';
        if (request->segment_count >= TT_REQUEST_SEGMENTS) {
            request->segment_count = TT_REQUEST_SEGMENTS + 1;
            return TT_OK;
        }
        size_t length = strlen(segment);
        if (!tt_text_percent_decode(segment, &length, false))
            return tt_err_refuse(TT_ERR_NOT_FOUND, "The path has a bad percent escape.");
        request->segments[request->segment_count++] = segment;
    }
    return TT_OK;
}

static enum tt_err read_target(struct tt_request *request) {
    const char *target = tt_request_param(request, "REQUEST_URI");
    if (!target || target[0] == '\0')
        return tt_err_fail(TT_ERR_MALFORMED, "the web server passed no REQUEST_URI");
    request->target = target;
    const char *path = skip_authority(target);
    size_t length = strcspn(path, "?#");
    request->query = path[length] == '?' ? path + length + 1 : "";
    const char *base = request->worker->config->server.base_path;
    size_t base_length = strlen(base);
    if (length > base_length && strncmp(path, base, base_length) == 0 && path[base_length] == '/') {
        request->below_base = true;
        path += base_length;
        length -= base_length;
    }
    if (path[0] != '/')
        return tt_err_refuse(TT_ERR_MALFORMED, "The path does not start with a slash.");
    char *copy = tt_arena_copy_text(&request->worker->arena, path + 1, length - 1);
    return copy ? split_path(request, copy) : TT_ERR_NO_MEMORY;
}

static void read_client(struct tt_request *request) {
    const char *trusted = request->worker->config->server.trusted_proxies;
    const char *remote = tt_request_param(request, "REMOTE_ADDR");
    request->client =
        tt_auth_client(remote, tt_request_param(request, "HTTP_X_FORWARDED_FOR"), trusted);
    request->scheme =
        tt_auth_scheme(remote, tt_request_param(request, "HTTP_X_FORWARDED_PROTO"), trusted);
}

enum tt_err tt_request_init(struct tt_request *request, struct tt_worker *worker) {
    *request = (struct tt_request){
        .worker = worker, .target = "", .query = "", .started_ms = tt_clock_monotonic_ms()};
    tt_buf_init(&request->headers, HEADERS_MAX_BYTES);
    read_method(request);
    read_accept(request);
    read_client(request);
    enum tt_err err = tt_uuid_new(request->request_id, NULL);
    return err != TT_OK ? err : read_target(request);
}

void tt_request_end(struct tt_request *request, enum tt_err err) {
    if (request->err != TT_OK)
        return;
    if (err != TT_OK && tt_err_row(err)->http_status == 0)
        err = TT_ERR_INTERNAL;
    request->err = err;
    request->note = tt_err_take(err);
    /* A sentence that quotes the client may be cut within a character. */
    char *detail = request->note.detail;
    if (!tt_text_is_utf8(detail, strlen(detail)))
        snprintf(detail, sizeof request->note.detail, "%s", tt_err_row(err)->advice);
}

void tt_request_fini(struct tt_request *request) {
    tt_buf_fini(&request->headers);
}

enum tt_err tt_request_body_length(const struct tt_request *request, int64_t *length_bytes) {
    const char *text = tt_request_param(request, "CONTENT_LENGTH");
    *length_bytes = -1;
    if (!text || text[0] == '\0')
        return TT_OK;
    /* A web server that read a chunked body itself tells the length it came to; one that streams
     * the body passes no length, or an old "0" beside Transfer-Encoding. */
    if (!tt_text_parse_int(text, 0, INT64_MAX, length_bytes))
        return tt_err_refuse(TT_ERR_MALFORMED, "Content-Length is not a number.");
    if (*length_bytes == 0 && tt_request_param(request, "HTTP_TRANSFER_ENCODING"))
        *length_bytes = -1;
    return TT_OK;
}
