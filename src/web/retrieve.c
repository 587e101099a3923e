/* One image: its object, its bytes (conditional requests and ranges, RFC 9110 sections 13 and 14),
 * its deletion. */
#include "web/retrieve.h"

#include <string.h>

#include "tintype/clock.h"
#include "tintype/file.h"
#include "tintype/log.h"
#include "web/document.h"
#include "web/page.h"
#include "web/range.h"
#include "web/reply.h"

enum tt_err tt_retrieve_image(struct tt_request *request) {
    const struct tt_config *config = request->worker->config;
    struct tt_journal_row row;
    struct tt_buf text;
    const char *media_type = "application/json";
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &row);
    if (err != TT_OK)
        return err;
    tt_buf_init(&text, TT_DOCUMENT_IMAGE_MAX_BYTES);
    if (request->wants_html) {
        media_type = "text/html; charset=utf-8";
        tt_reply_header(request, "Content-Security-Policy", "%s", TT_PAGE_SECURITY_POLICY);
        tt_page_append_image(&text, request, &row);
    } else {
        err = tt_document_append_image(&text, config, &row, NULL);
    }
    tt_reply_header(request, "Vary", "Accept");
    tt_reply_header(request, "Cache-Control", "no-cache");
    if (err == TT_OK)
        err = tt_reply_text(request, 200, media_type, &text);
    tt_buf_fini(&text);
    return err;
}

/* filename= for every client, its bytes beyond ASCII and its quotes replaced; filename*= with all
 * of them for those that read RFC 8187. */
static void add_disposition(struct tt_request *request, const char *filename) {
    char plain[TT_TEXT_FILENAME_SIZE];
    char encoded[3 * TT_TEXT_FILENAME_SIZE];
    static const char hex[] = "0123456789ABCDEF";
    size_t plain_length = 0;
    size_t length = 0;
    for (const unsigned char *c = (const unsigned char *)filename; *c != '\0'; c++) {
        if (*c >= 0x20 && *c < 0x7f)
            plain[plain_length++] = *c == '"' || *c == '\\' ? '_' : (char)*c;
        else if (*c >= 0xc0)
            plain[plain_length++] = '_';
        if ((*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') || *c == '.' ||
            *c == '-' || *c == '_') {
            encoded[length++] = (char)*c;
        } else {
            encoded[length++] = '%';
            encoded[length++] = hex[*c >> 4];
            encoded[length++] = hex[*c & 15];
        }
    }
    plain[plain_length] = '\0';
    encoded[length] = '\0';
    tt_reply_header(request, "Content-Disposition", "inline; filename=\"%s\"; filename*=UTF-8''%s",
                    plain, encoded);
}

/* The headers that a 304 carries too. */
static void add_validators(struct tt_request *request, const char *etag, int64_t time_ms) {
    char modified[TT_CLOCK_HTTP_SIZE];
    tt_clock_format_http(time_ms, modified);
    tt_reply_header(request, "ETag", "%s", etag);
    tt_reply_header(request, "Last-Modified", "%s", modified);
    tt_reply_header(request, "Cache-Control", "private, max-age=3600");
    tt_reply_header(request, "Accept-Ranges", "bytes");
}

/* A row's file is not there: a deletion came between, or the storage lost it. */
static enum tt_err explain_missing(struct tt_request *request) {
    struct tt_journal_row row;
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &row);
    return err != TT_OK
               ? err
               : tt_err_fail(TT_ERR_STORAGE, "a file of %s is not in the spool", request->id);
}

static enum tt_err send_file(struct tt_request *request, const struct tt_journal_row *row,
                             enum tt_spool_kind kind, const struct tt_journal_file *file) {
    char etag[TT_HASH_HEX_SIZE + 2] = "\"";
    int64_t time_ms = 0;
    int fd;
    int64_t size_bytes;
    struct tt_range range;
    tt_hash_format(file->sha256, etag + 1);
    memcpy(etag + 1 + strlen(etag + 1), "\"", 2);
    tt_uuid_parse(row->id, &time_ms);
    if (tt_range_not_modified(request, etag, time_ms)) {
        add_validators(request, etag, time_ms);
        tt_reply_bytes(request, 304, NULL, "", 0);
        return TT_OK;
    }
    enum tt_err err =
        tt_spool_read(&request->worker->spool, kind, row->id, file->format, &fd, &size_bytes);
    if (err == TT_ERR_NOT_FOUND)
        return explain_missing(request);
    if (err != TT_OK)
        return err;
    err = tt_range_parse(request, etag, time_ms, size_bytes, &range);
    if (err == TT_OK) {
        add_validators(request, etag, time_ms);
        add_disposition(request, row->filename);
        if (range.partial)
            tt_reply_header(
                request, "Content-Range", "bytes %lld-%lld/%lld", (long long)range.offset_bytes,
                (long long)(range.offset_bytes + range.length_bytes - 1), (long long)size_bytes);
        tt_reply_file(request, range.partial ? 206 : 200,
                      tt_picture_format_row(file->format)->media_type, fd, range.offset_bytes,
                      range.length_bytes);
    } else {
        tt_reply_header(request, "Content-Range", "bytes */%lld", (long long)size_bytes);
    }
    tt_file_close(&fd);
    return err;
}

enum tt_err tt_retrieve_processed(struct tt_request *request) {
    struct tt_journal_row row;
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &row);
    return err != TT_OK ? err : send_file(request, &row, TT_SPOOL_PROCESSED, &row.processed);
}

enum tt_err tt_retrieve_original(struct tt_request *request) {
    struct tt_journal_row row;
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &row);
    if (err == TT_OK && !row.original_kept)
        err = tt_err_refuse(TT_ERR_NOT_FOUND, "The original of this image was not kept.");
    return err != TT_OK ? err : send_file(request, &row, TT_SPOOL_ORIGINAL, &row.original);
}

enum tt_err tt_retrieve_delete(struct tt_request *request) {
    struct tt_spool *spool = &request->worker->spool;
    struct tt_journal_row row;
    enum tt_err err = tt_journal_delete(request->worker->journal, request->id, &row);
    if (err != TT_OK)
        return err;
    err = tt_spool_remove(spool, TT_SPOOL_ORIGINAL, row.id, row.original.format);
    if (tt_spool_remove(spool, TT_SPOOL_PROCESSED, row.id, row.processed.format) != TT_OK ||
        err != TT_OK)
        tt_log(TT_LOG_WARNING, "files of deleted %s are left to the sweep: %s", row.id,
               tt_err_cause());
    tt_log(TT_LOG_INFO, "delete %s filename=\"%s\"", row.id, row.filename);
    tt_reply_bytes(request, 204, NULL, "", 0);
    return TT_OK;
}
