/* The upload pipeline: read → stage → render → keep → record → answer. Each step is a function
 * below, in this order; tt_upload_handle, at the end, is the whole of it. What the steps are made
 * of lives elsewhere: body parsers in body*.c, the way of the original's bytes in intake.c,
 * pictures in src/image, files and rows in src/store. */
#include "web/upload.h"

#include <stdio.h>
#include <string.h>

#include "tintype/clock.h"
#include "tintype/file.h"
#include "tintype/hash.h"
#include "tintype/image.h"
#include "tintype/log.h"
#include "web/body.h"
#include "web/document.h"
#include "web/event.h"
#include "web/intake.h"
#include "web/options.h"
#include "web/query.h"
#include "web/reply.h"

/* One upload on its way. The row is filled step by step, and is what the journal gets; staged files
 * and outputs have the numbers of the row's files. */
struct upload {
    struct tt_request *request;
    struct tt_worker *worker;
    struct tt_options options;
    char filename[TT_TEXT_FILENAME_SIZE]; /* of a Content-Disposition; the option beats it */
    struct tt_staged staged[TT_JOURNAL_FILES_MAX];
    struct tt_picture_output outputs[TT_PICTURE_RESULTS_MAX];
    int result_count; /* and the number of the original, which follows the results */
    struct tt_journal_file *original;
    struct tt_hash hash; /* of one file after the other */
    struct tt_intake intake;
    struct tt_journal_row row;
    struct tt_buf document;                 /* the answer's; made before the row is recorded */
    int64_t stage_ms[TT_EVENT_STAGE_COUNT]; /* -1: not reached */
};

/* ---- read and stage: the body's picture goes to a file without a name, hashed on the way ---- */

static enum tt_err take_picture(void *context, const uint8_t *bytes, size_t length) {
    struct upload *upload = context;
    return tt_intake_take(&upload->intake, bytes, length);
}

static enum tt_err take_option(void *context, const char *name, const char *value) {
    struct upload *upload = context;
    return tt_options_set(&upload->options, TT_OPTION_BODY, name, value);
}

static enum tt_err take_query_option(void *context, const char *name, const char *value) {
    struct upload *upload = context;
    return tt_options_set(&upload->options, TT_OPTION_QUERY, name, value);
}

static enum tt_err take_filename(void *context, const char *raw, size_t length) {
    struct upload *upload = context;
    tt_text_clean_filename(raw, length, upload->filename);
    return TT_OK;
}

static enum tt_err too_large(const struct upload *upload) {
    return tt_err_refuse(TT_ERR_BODY_TOO_LARGE, "The request body may have at most %lld bytes.",
                         (long long)upload->worker->config->server.max_body_bytes);
}

static enum tt_err read_pieces(struct upload *upload, struct tt_body *body, int64_t announced) {
    uint8_t *piece = upload->worker->piece;
    int64_t read_bytes = 0;
    for (size_t got = TT_WORKER_PIECE_BYTES; got == TT_WORKER_PIECE_BYTES;) {
        enum tt_err err = tt_fcgi_read(upload->worker->fcgi, piece, TT_WORKER_PIECE_BYTES, &got);
        read_bytes += (int64_t)got;
        upload->worker->stats->body_bytes += (int64_t)got;
        if (err == TT_OK && read_bytes > upload->worker->config->server.max_body_bytes)
            err = too_large(upload);
        if (err == TT_OK && got > 0)
            err = tt_body_push(body, piece, got);
        if (err != TT_OK)
            return err;
    }
    if (announced >= 0 && read_bytes != announced)
        return tt_err_refuse(TT_ERR_BODY_INCOMPLETE, "%lld bytes were announced, %lld came.",
                             (long long)announced, (long long)read_bytes);
    if (read_bytes == 0)
        return tt_err_refuse(TT_ERR_BODY_EMPTY, "The request has no body. Send a picture.");
    return TT_OK;
}

/* Judges by what the request says before its body whether that is worth reading, and opens the
 * parser of it. */
static enum tt_err open_body(struct upload *upload, const struct tt_body_target *target,
                             int64_t *announced, struct tt_body **body) {
    struct tt_request *request = upload->request;
    struct tt_worker *worker = upload->worker;
    const char *disposition = tt_request_param(request, "HTTP_CONTENT_DISPOSITION");
    char raw[4096];
    enum tt_err err = tt_request_body_length(request, announced);
    if (err == TT_OK && *announced > worker->config->server.max_body_bytes)
        err = too_large(upload);
    if (err == TT_OK)
        err = tt_spool_reserve(&worker->spool, TT_SPOOL_RESERVE_BYTES);
    if (err == TT_OK)
        err = tt_query_parse(request->query, &worker->arena, take_query_option, upload);
    if (err != TT_OK)
        return err;
    if (disposition && tt_options_parse_disposition(disposition, raw, sizeof raw, NULL, NULL, 0))
        tt_text_clean_filename(raw, strlen(raw), upload->filename);
    return tt_body_open(body, &worker->arena, tt_request_param(request, "CONTENT_TYPE"), target);
}

static enum tt_err read_body(struct upload *upload) {
    const struct tt_body_target target = {upload, take_picture, take_option, take_filename};
    struct tt_staged *staged = &upload->staged[upload->result_count];
    int64_t announced;
    struct tt_body *body;
    enum tt_err err = open_body(upload, &target, &announced, &body);
    if (err == TT_OK)
        err = tt_spool_stage(&upload->worker->spool, staged);
    upload->intake = (struct tt_intake){.fd = staged->fd,
                                        .hash = &upload->hash,
                                        .file = upload->original,
                                        .gathered = upload->worker->gathered};
    if (err == TT_OK)
        err = read_pieces(upload, body, announced);
    if (err == TT_OK)
        err = tt_body_end(body);
    return err == TT_OK ? tt_intake_end(&upload->intake) : err;
}

/* ---- render: in the decoder, while the original goes to the disk ---- */

static void choose_outputs(struct upload *upload) {
    const struct tt_config *config = upload->worker->config;
    upload->outputs[TT_JOURNAL_PROCESSED].options = &upload->options.picture;
    for (int i = TT_JOURNAL_RENDITION; i < upload->result_count; i++) {
        const struct tt_config_preset *preset =
            &config->presets[config->image.rendition_presets[i - TT_JOURNAL_RENDITION]];
        memcpy(upload->row.files[i].name, preset->name, sizeof preset->name);
        upload->outputs[i].options = &preset->options;
        upload->outputs[i].preset = preset->name;
    }
}

static enum tt_err stage_results(struct upload *upload) {
    choose_outputs(upload);
    for (int i = 0; i < upload->result_count; i++) {
        enum tt_err err = tt_spool_stage(&upload->worker->spool, &upload->staged[i]);
        if (err != TT_OK)
            return err;
        upload->outputs[i].fd = upload->staged[i].fd;
        upload->row.files[i].format = upload->outputs[i].options->format;
    }
    return TT_OK;
}

static enum tt_err render(struct upload *upload) {
    struct tt_renderer *renderer = &upload->worker->renderer;
    int original_fd = upload->staged[upload->result_count].fd;
    struct tt_picture_report report;
    enum tt_err err = stage_results(upload);
    if (err == TT_OK)
        err = tt_renderer_start(renderer, upload->request->client, original_fd, upload->outputs,
                                upload->result_count);
    if (err != TT_OK)
        return err;
    enum tt_err synced = TT_OK;
    if (upload->original->kept)
        synced = tt_file_sync(original_fd);
    err = tt_renderer_finish(renderer, &report);
    if (err != TT_OK || synced != TT_OK)
        return err != TT_OK ? err : synced;
    upload->original->width_px = report.source_width_px;
    upload->original->height_px = report.source_height_px;
    for (int i = 0; i < upload->result_count; i++) {
        upload->row.files[i].width_px = report.results[i].width_px;
        upload->row.files[i].height_px = report.results[i].height_px;
    }
    return TT_OK;
}

/* The decoder wrote the result, but what is in it is measured here. */
static enum tt_err measure_result(struct upload *upload, int number) {
    struct tt_journal_file *file = &upload->row.files[number];
    uint8_t *piece = upload->worker->piece;
    enum tt_err err = TT_OK;
    for (size_t got = TT_WORKER_PIECE_BYTES; err == TT_OK && got == TT_WORKER_PIECE_BYTES;) {
        err = tt_file_read_at(upload->staged[number].fd, (off_t)file->size_bytes, piece,
                              TT_WORKER_PIECE_BYTES, &got);
        if (err == TT_OK)
            err = tt_hash_update(&upload->hash, piece, got);
        file->size_bytes += (int64_t)got;
    }
    if (err == TT_OK && file->size_bytes == 0)
        err = tt_err_fail(TT_ERR_DECODER_DIED, "the decoder wrote no result");
    return err != TT_OK ? err : tt_hash_finish(&upload->hash, file->sha256);
}

static enum tt_err measure_results(struct upload *upload) {
    enum tt_err err = TT_OK;
    for (int i = 0; err == TT_OK && i < upload->result_count; i++)
        err = measure_result(upload, i);
    return err;
}

/* ---- keep and record: all files named and durable, then the row and its event ---- */

static enum tt_err keep_file(struct upload *upload, int number) {
    const struct tt_spool_name name = tt_journal_row_name(&upload->row, number);
    return tt_spool_keep(&upload->worker->spool, &upload->staged[number], &name);
}

static enum tt_err keep(struct upload *upload) {
    struct tt_journal_row *row = &upload->row;
    enum tt_err err = tt_uuid_new(row->id, NULL);
    for (int i = 0; err == TT_OK && i < upload->result_count; i++)
        err = tt_file_sync(upload->staged[i].fd);
    for (int i = 0; err == TT_OK && i < row->file_count; i++)
        if (row->files[i].kept)
            err = keep_file(upload, i);
    return err != TT_OK ? err : tt_spool_sync(&upload->worker->spool);
}

/* Returns the filename that was asked for, "" when there is none. */
static const char *asked_filename(const struct upload *upload) {
    return upload->options.filename[0] != '\0' ? upload->options.filename : upload->filename;
}

static void choose_filename(struct upload *upload) {
    struct tt_journal_row *row = &upload->row;
    const char *asked = asked_filename(upload);
    if (asked[0] != '\0')
        snprintf(row->filename, sizeof row->filename, "%s", asked);
    else
        snprintf(row->filename, sizeof row->filename, "%s.%s", row->id,
                 tt_picture_format_row(upload->original->format)->extension);
}

/* Makes the upload's event; *note borrows text. False when nobody wants to be told, or there is no
 * memory: an upload never fails for its event. */
static bool make_event(const struct upload *upload, struct tt_buf *text,
                       struct tt_journal_note *note) {
    const struct tt_request *request = upload->request;
    enum tt_err err = request->err;
    struct tt_event event = {
        .node = upload->worker->node,
        .request_id = request->request_id,
        .filename = err == TT_OK ? upload->row.filename : asked_filename(upload),
        .err = err,
        .status = tt_err_row(err)->http_status,
        .detail = request->note.detail,
        .row = &upload->row,
        .total_ms = tt_clock_monotonic_ms() - request->started_ms,
        .time_ms = tt_clock_now_ms(),
    };
    if (upload->worker->config->cloudwatch.log_group[0] == '\0')
        return false;
    if (err == TT_OK && request->wants_html)
        event.status = 303;
    memcpy(event.stage_ms, upload->stage_ms, sizeof event.stage_ms);
    if (!tt_event_append(text, &event)) {
        tt_log(TT_LOG_WARNING, "no event of request %s: it cannot be made", request->request_id);
        return false;
    }
    *note = (struct tt_journal_note){.time_ms = event.time_ms, .message = tt_buf_text(text)};
    return true;
}

/* The answer is made before the row is recorded: what comes after that needs no memory that could
 * fail, so nobody is told that an image was not stored which was. */
static enum tt_err make_document(struct upload *upload) {
    const struct tt_config *config = upload->worker->config;
    const struct tt_spool_name name = tt_journal_row_name(&upload->row, TT_JOURNAL_PROCESSED);
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    char message[sizeof key + 32];
    choose_filename(upload);
    tt_spool_object_key(config, &name, key);
    snprintf(message, sizeof message, "Image processed: %s", key);
    enum tt_err err = tt_document_append_image(&upload->document, config, &upload->row, message);
    return err == TT_OK && upload->document.overflowed
               ? tt_err_fail(TT_ERR_NO_MEMORY, "the answer of an upload")
               : err;
}

static enum tt_err record(struct upload *upload) {
    struct tt_journal_note note;
    struct tt_buf text;
    tt_buf_init(&text, TT_EVENT_MAX_BYTES);
    bool has_event = make_event(upload, &text, &note);
    enum tt_err err =
        tt_journal_insert(upload->worker->journal, &upload->row, has_event ? &note : NULL,
                          upload->worker->config->storage.quota_bytes);
    tt_buf_fini(&text);
    return err;
}

static void note_failure(struct upload *upload) {
    struct tt_journal_note note;
    struct tt_buf text;
    tt_buf_init(&text, TT_EVENT_MAX_BYTES);
    if (make_event(upload, &text, &note)) {
        enum tt_err err = tt_journal_note_failure(upload->worker->journal, &note);
        if (err != TT_OK)
            tt_log(TT_LOG_WARNING, "no event of request %s: %s", upload->request->request_id,
                   tt_err_take(err).cause);
    }
    tt_buf_fini(&text);
}

/* ---- answer ---- */

/* A gateway that follows the CGI specification to the letter (RFC 3875, 6.2.2) takes a Location
 * beside a 200 for an order to fetch that instead. mod_fcgid does; deploy/apache-fcgid.conf says so
 * with this variable, and gives the header its name back. */
static const char *location_name(const struct tt_request *request) {
    bool is_taken = tt_request_param(request, "TINTYPE_LOCATION_IS_TAKEN") != NULL;
    return is_taken && !request->wants_html ? "Content-Location" : "Location";
}

static void answer(struct upload *upload) {
    struct tt_request *request = upload->request;
    tt_reply_header(request, location_name(request), "%s/images/%s",
                    upload->worker->config->server.base_path, upload->row.id);
    tt_reply_header(request, "Cache-Control", "no-store");
    if (request->wants_html)
        tt_reply_bytes(request, 303, NULL, "", 0);
    else
        tt_reply_bytes(request, 200, "application/json", tt_buf_text(&upload->document),
                       upload->document.length);
}

static void count(struct upload *upload) {
    enum tt_err err = upload->request->err;
    struct tt_stats *stats = upload->worker->stats;
    int64_t took_ms = tt_clock_monotonic_ms() - upload->request->started_ms;
    stats->uploads[err]++;
    if (err != TT_OK)
        return;
    stats->upload_ms += took_ms;
    tt_log(TT_LOG_INFO, "upload %s original_bytes=%lld result_bytes=%lld ms=%lld filename=\"%s\"",
           upload->row.id, (long long)upload->original->size_bytes,
           (long long)upload->row.files[TT_JOURNAL_PROCESSED].size_bytes, (long long)took_ms,
           upload->row.filename);
}

/* Fills in what is known of the row before anything is read. */
static void start_row(struct upload *upload) {
    const struct tt_config *config = upload->worker->config;
    tt_journal_row_init(&upload->row, config->image.rendition_count);
    upload->row.sync_state = config->s3.bucket[0] != '\0' ? TT_SYNC_PENDING : TT_SYNC_OFF;
    upload->result_count = tt_journal_row_original(&upload->row);
    upload->original = &upload->row.files[upload->result_count];
    upload->original->kept = config->storage.keep_original;
}

/* Does one step, and counts its time to a stage. */
static enum tt_err step(struct upload *upload, enum tt_event_stage stage,
                        enum tt_err (*run)(struct upload *upload)) {
    int64_t started_ms = tt_clock_monotonic_ms();
    enum tt_err err = run(upload);
    if (upload->stage_ms[stage] < 0)
        upload->stage_ms[stage] = 0;
    upload->stage_ms[stage] += tt_clock_monotonic_ms() - started_ms;
    return err;
}

enum tt_err tt_upload_handle(struct tt_request *request) {
    struct tt_worker *worker = request->worker;
    struct upload upload = {.request = request, .worker = worker, .stage_ms = {-1, -1, -1}};
    start_row(&upload);
    for (int i = 0; i < TT_JOURNAL_FILES_MAX; i++)
        upload.staged[i].fd = -1;
    tt_options_init(&upload.options, worker->config);
    tt_buf_init(&upload.document, TT_DOCUMENT_IMAGE_MAX_BYTES);
    enum tt_err err = tt_hash_init(&upload.hash);
    if (err == TT_OK)
        err = step(&upload, TT_EVENT_READ, read_body);
    if (err == TT_OK)
        err = step(&upload, TT_EVENT_RENDER, render);
    if (err == TT_OK)
        err = step(&upload, TT_EVENT_KEEP, measure_results);
    if (err == TT_OK)
        err = step(&upload, TT_EVENT_KEEP, keep);
    if (err == TT_OK)
        err = make_document(&upload);
    if (err == TT_OK)
        err = record(&upload);
    /* Files that were kept, but cannot be acknowledged, are removed; the sweep removes what is left
     * of them. */
    if (err != TT_OK && upload.row.id[0] != '\0')
        tt_journal_row_remove_files(&upload.row, &worker->spool);
    for (int i = 0; i < TT_JOURNAL_FILES_MAX; i++)
        tt_spool_discard(&worker->spool, &upload.staged[i]);
    tt_hash_fini(&upload.hash);
    tt_request_end(request, err);
    count(&upload);
    if (err != TT_OK)
        note_failure(&upload);
    else
        answer(&upload);
    tt_buf_fini(&upload.document);
    return err;
}
