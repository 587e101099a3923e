/* Reply: writes the head, the body, and problem documents. */
#include "web/reply.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tintype/file.h"
#include "tintype/log.h"
#include "web/page.h"

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {200, "OK"},
    {204, "No Content"},
    {206, "Partial Content"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {507, "Insufficient Storage"},
};

static const char *phrase_of(int status) {
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Status";
}

void tt_reply_header(struct tt_request *request, const char *name, const char *format, ...) {
    char value[TT_REPLY_HEADER_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof value) {
        tt_log(TT_LOG_WARNING, "header %s left out: its value is too long", name);
        return;
    }
    for (char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    tt_buf_append_format(&request->headers, "%s: %s\r\n", name, value);
}

/* Sends the head; a body of length_bytes follows it. */
static void send_head(struct tt_request *request, int status, const char *media_type,
                      int64_t length_bytes) {
    struct tt_fcgi *fcgi = request->worker->fcgi;
    char line[256];
    request->status = status;
    if (media_type)
        tt_reply_header(request, "Content-Type", "%s", media_type);
    if (status != 204 && status != 304)
        tt_reply_header(request, "Content-Length", "%lld", (long long)length_bytes);
    tt_reply_header(request, "X-Request-Id", "%s", request->request_id);
    tt_reply_header(request, "X-Content-Type-Options", "nosniff");
    int written = snprintf(line, sizeof line, "Status: %d %s\r\n", status, phrase_of(status));
    tt_fcgi_write(fcgi, line, (size_t)written);
    tt_fcgi_write(fcgi, tt_buf_text(&request->headers), request->headers.length);
    tt_fcgi_write(fcgi, "\r\n", 2);
}

void tt_reply_bytes(struct tt_request *request, int status, const char *media_type,
                    const void *bytes, size_t length) {
    send_head(request, status, media_type, (int64_t)length);
    if (!request->head_only)
        tt_fcgi_write(request->worker->fcgi, bytes, length);
}

enum tt_err tt_reply_text(struct tt_request *request, int status, const char *media_type,
                          const struct tt_buf *text) {
    if (text->overflowed)
        return tt_err_fail(TT_ERR_INTERNAL, "an answer does not fit %zu bytes", text->max_bytes);
    tt_reply_bytes(request, status, media_type, tt_buf_text(text), text->length);
    return TT_OK;
}

void tt_reply_file(struct tt_request *request, int status, const char *media_type, int fd,
                   int64_t offset_bytes, int64_t length_bytes) {
    uint8_t *piece = request->worker->piece;
    send_head(request, status, media_type, length_bytes);
    for (int64_t sent = 0; sent < length_bytes && !request->head_only;) {
        int64_t rest = length_bytes - sent;
        size_t wanted = rest < TT_WORKER_PIECE_BYTES ? (size_t)rest : TT_WORKER_PIECE_BYTES;
        size_t got;
        enum tt_err err = tt_file_read_at(fd, (off_t)(offset_bytes + sent), piece, wanted, &got);
        if (err == TT_OK && got == 0)
            err = tt_err_fail(TT_ERR_STORAGE, "the file ends early");
        if (err != TT_OK) {
            tt_log(TT_LOG_ERROR, "an answer was cut short: %s", tt_err_take(err).cause);
            return;
        }
        tt_fcgi_write(request->worker->fcgi, piece, got);
        sent += (int64_t)got;
    }
}

static int retry_after_seconds(enum tt_retry retry) {
    switch (retry) {
    case TT_RETRY_SOON: return 2;
    case TT_RETRY_LATER: return 30;
    case TT_RETRY_NEVER: break;
    }
    return 0;
}

static void append_problem(struct tt_buf *text, const struct tt_request *request) {
    const struct tt_err_row *row = tt_err_row(request->err);
    json_t *problem = json_pack("{s:o, s:s, s:i, s:s, s:s}", "type",
                                json_sprintf("urn:tintype:problem:%s", row->name), "title",
                                row->title, "status", row->http_status, "detail",
                                request->note.detail, "requestId", request->request_id);
    char *dumped = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
    tt_buf_append_text(text, dumped ? dumped : "{}");
    free(dumped);
    json_decref(problem);
}

void tt_reply_problem(struct tt_request *request) {
    const struct tt_err_row *row = tt_err_row(request->err);
    int retry_after = retry_after_seconds(row->retry);
    const char *media_type = "application/problem+json";
    struct tt_buf text;
    tt_buf_init(&text, 16384);
    tt_reply_header(request, "Cache-Control", "no-store");
    if (retry_after > 0)
        tt_reply_header(request, "Retry-After", "%d", retry_after);
    if (request->wants_html) {
        media_type = "text/html; charset=utf-8";
        tt_reply_header(request, "Content-Security-Policy", "%s", TT_PAGE_SECURITY_POLICY);
        tt_page_append_problem(&text, request);
    } else {
        append_problem(&text, request);
    }
    tt_reply_bytes(request, row->http_status, media_type, tt_buf_text(&text), text.length);
    tt_buf_fini(&text);
}
