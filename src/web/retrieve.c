/* Retrieve: sends one image's object or its bytes (conditional requests and ranges, RFC 9110,
 * sections 13 and 14), and deletes it. How bytes that are not here are reached is in remote.c. */
#include "web/retrieve.h"

#include <string.h>

#include "tintype/clock.h"
#include "tintype/file.h"
#include "tintype/log.h"
#include "web/document.h"
#include "web/page.h"
#include "web/range.h"
#include "web/remote.h"
#include "web/reply.h"

#define FETCHES_MAX 3

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
        tt_reply_header(request, "Content-Security-Policy", "%s",
                        !tt_journal_row_is_local(&row, TT_JOURNAL_PROCESSED) &&
                                config->delivery.remote == TT_DELIVERY_REDIRECT
                            ? TT_PAGE_REMOTE_POLICY
                            : TT_PAGE_SECURITY_POLICY);
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

/* One file that is asked for. */
struct wanted {
    struct tt_request *request;
    struct tt_journal_row row;
    int number; /* of the row's file */
    const struct tt_journal_file *file;
    char etag[TT_HASH_HEX_SIZE + 2];
    int64_t time_ms;
};

static void choose_file(struct wanted *wanted, int number) {
    wanted->number = number;
    wanted->file = &wanted->row.files[number];
    wanted->etag[0] = '"';
    tt_hash_format(wanted->file->sha256, wanted->etag + 1);
    memcpy(wanted->etag + TT_HASH_HEX_SIZE, "\"", 2);
    tt_uuid_parse(wanted->row.id, &wanted->time_ms);
}

/* The headers that a 304 carries too. */
static void add_validators(const struct wanted *wanted) {
    struct tt_request *request = wanted->request;
    char modified[TT_CLOCK_HTTP_SIZE];
    tt_clock_format_http(wanted->time_ms, modified);
    tt_reply_header(request, "ETag", "%s", wanted->etag);
    tt_reply_header(request, "Last-Modified", "%s", modified);
    tt_reply_header(request, "Cache-Control", "private, max-age=3600");
    tt_reply_header(request, "Accept-Ranges", "bytes");
}

static enum tt_err parse_range(const struct wanted *wanted, int64_t size_bytes,
                               struct tt_range *range) {
    enum tt_err err =
        tt_range_parse(wanted->request, wanted->etag, wanted->time_ms, size_bytes, range);
    if (err == TT_ERR_RANGE)
        tt_reply_header(wanted->request, "Content-Range", "bytes */%lld", (long long)size_bytes);
    return err;
}

/* fd is -1 for HEAD, which takes no bytes. */
static enum tt_err send_bytes(const struct wanted *wanted, int fd, int64_t size_bytes) {
    struct tt_request *request = wanted->request;
    char disposition[TT_TEXT_DISPOSITION_SIZE];
    struct tt_range range;
    enum tt_err err = parse_range(wanted, size_bytes, &range);
    if (err != TT_OK)
        return err;
    add_validators(wanted);
    tt_text_format_disposition(wanted->row.filename, disposition);
    tt_reply_header(request, "Content-Disposition", "%s", disposition);
    if (range.partial)
        tt_reply_header(
            request, "Content-Range", "bytes %lld-%lld/%lld", (long long)range.offset_bytes,
            (long long)(range.offset_bytes + range.length_bytes - 1), (long long)size_bytes);
    tt_reply_file(request, range.partial ? 206 : 200,
                  tt_picture_format_row(wanted->file->format)->media_type, fd, range.offset_bytes,
                  range.length_bytes);
    return TT_OK;
}

/* TT_ERR_NOT_FOUND when the file is not here. */
static enum tt_err send_local(const struct wanted *wanted) {
    const struct tt_spool_name name = tt_journal_row_name(&wanted->row, wanted->number);
    int64_t size_bytes;
    int fd;
    enum tt_err err = tt_spool_read(&wanted->request->worker->spool, &name, &fd, &size_bytes);
    if (err != TT_OK)
        return err;
    /* Its hash is not looked at here, but nothing of another length goes out under that hash's tag.
     */
    if (size_bytes != wanted->file->size_bytes)
        err = tt_err_fail(TT_ERR_STORAGE, "a file of %s has %lld bytes, and not %lld", name.id,
                          (long long)size_bytes, (long long)wanted->file->size_bytes);
    else
        err = send_bytes(wanted, fd, size_bytes);
    tt_file_close(&fd);
    return err;
}

static enum tt_err fetch_and_send(const struct wanted *wanted) {
    enum tt_err err = TT_ERR_NOT_FOUND;
    /* The agent may let go again what it fetched, before it is opened here. */
    for (int i = 0; i < FETCHES_MAX && err == TT_ERR_NOT_FOUND; i++) {
        err = tt_remote_fetch(wanted->request, &wanted->row, wanted->number);
        if (err != TT_OK)
            return err;
        err = send_local(wanted);
    }
    return err != TT_ERR_NOT_FOUND
               ? err
               : tt_err_fail(TT_ERR_AGENT_AWAY, "a file was fetched back, and gone at once");
}

/* The file is not here: a deletion came between, it is in the cloud, or the storage lost it. The
 * row, read again, tells. */
static enum tt_err send_remote(struct wanted *wanted) {
    struct tt_request *request = wanted->request;
    struct tt_range range;
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &wanted->row);
    if (err != TT_OK)
        return err;
    if (!tt_journal_row_is_remote(&wanted->row, wanted->number))
        return tt_err_fail(TT_ERR_STORAGE, "a file of %s is not in the spool", request->id);
    if (request->head_only)
        return send_bytes(wanted, -1, wanted->file->size_bytes);
    err = parse_range(wanted, wanted->file->size_bytes, &range);
    if (err != TT_OK)
        return err;
    return request->worker->config->delivery.remote == TT_DELIVERY_REDIRECT
               ? tt_remote_redirect(request, &wanted->row, wanted->number)
               : fetch_and_send(wanted);
}

static enum tt_err send_file(struct wanted *wanted, int number) {
    struct tt_request *request = wanted->request;
    choose_file(wanted, number);
    if (tt_range_not_modified(request, wanted->etag, wanted->time_ms)) {
        add_validators(wanted);
        tt_reply_bytes(request, 304, NULL, "", 0);
        return TT_OK;
    }
    enum tt_err err = send_local(wanted);
    return err != TT_ERR_NOT_FOUND ? err : send_remote(wanted);
}

enum tt_err tt_retrieve_processed(struct tt_request *request) {
    struct wanted wanted = {.request = request};
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &wanted.row);
    return err != TT_OK ? err : send_file(&wanted, TT_JOURNAL_PROCESSED);
}

enum tt_err tt_retrieve_original(struct tt_request *request) {
    struct wanted wanted = {.request = request};
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &wanted.row);
    if (err != TT_OK)
        return err;
    int number = tt_journal_row_original(&wanted.row);
    if (!wanted.row.files[number].kept)
        return tt_err_refuse(TT_ERR_NOT_FOUND, "The original of this image was not kept.");
    return send_file(&wanted, number);
}

enum tt_err tt_retrieve_rendition(struct tt_request *request) {
    struct wanted wanted = {.request = request};
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &wanted.row);
    if (err != TT_OK)
        return err;
    int number = tt_journal_row_find(&wanted.row, TT_SPOOL_RENDITION, request->name);
    if (number < 0)
        return tt_err_refuse(TT_ERR_NOT_FOUND, "This image has no rendition of that name; those "
                                               "it has are in its links.renditions.");
    return send_file(&wanted, number);
}

enum tt_err tt_retrieve_delete(struct tt_request *request) {
    struct tt_journal_row row;
    enum tt_err err = tt_journal_delete(request->worker->journal, request->id, &row);
    if (err != TT_OK)
        return err;
    err = tt_journal_row_remove_files(&row, &request->worker->spool);
    if (err != TT_OK)
        tt_log(TT_LOG_WARNING, "files of deleted %s are left to the sweep: %s", row.id,
               tt_err_take(err).cause);
    tt_log(TT_LOG_INFO, "delete %s filename=\"%s\"", row.id, row.filename);
    tt_reply_bytes(request, 204, NULL, "", 0);
    return TT_OK;
}
