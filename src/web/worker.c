/* Worker: opens what it needs, then serves one request after the other. What a storage directory
 * needs once, before workers run and beside them, is here as well. */
#include "tintype/web.h"

#include <sys/mman.h>

#include "tintype/clock.h"
#include "tintype/hash.h"
#include "tintype/log.h"
#include "web/intake.h"
#include "web/reply.h"
#include "web/request.h"
#include "web/routes.h"

/* This holds the largest page of the list (200 rows of about 1.7 kB), the parameters and the body
 * parsers. */
#define ARENA_MAX_BYTES (2 * 1024 * 1024)
/* A web server takes at most this long from choosing this process to its connect(), on a machine
 * under load. */
#define LATECOMER_MS 100

/* The sweep removes a file that this is false for, so only a clear "no such row", "no such file" or
 * "this file is evicted" is false; what cannot be told is true. */
static bool is_known(void *context, const struct tt_spool_name *name) {
    struct tt_journal_row row;
    enum tt_err err = tt_journal_find(context, name->id, &row);
    if (err != TT_OK)
        return err != TT_ERR_NOT_FOUND;
    int number = tt_journal_row_find(&row, name->kind, name->rendition);
    return number >= 0 && tt_journal_row_is_local(&row, number);
}

static enum tt_err open_storage(const struct tt_config *config, struct tt_spool *spool,
                                struct tt_journal **journal) {
    *journal = NULL;
    enum tt_err err = tt_spool_open(spool, config->storage.dir);
    return err != TT_OK ? err : tt_journal_open(journal, config->storage.dir);
}

enum tt_err tt_web_prepare(const struct tt_config *config) {
    struct tt_spool spool;
    struct tt_journal *journal;
    enum tt_err err = open_storage(config, &spool, &journal);
    tt_journal_close(journal);
    tt_spool_close(&spool);
    return err;
}

enum tt_err tt_web_sweep(const struct tt_config *config) {
    struct tt_spool spool;
    struct tt_journal *journal;
    int64_t removed = 0;
    enum tt_err err = open_storage(config, &spool, &journal);
    if (err == TT_OK)
        err = tt_spool_sweep(&spool, is_known, journal, &removed);
    if (removed > 0)
        tt_log(TT_LOG_WARNING,
               "removed %lld files that an interrupted upload, delete or eviction left",
               (long long)removed);
    tt_journal_close(journal);
    tt_spool_close(&spool);
    return err;
}

static void log_end(const struct tt_request *request) {
    const struct tt_err_row *row = tt_err_row(request->err);
    int64_t took_ms = tt_clock_monotonic_ms() - request->started_ms;
    enum tt_log_level level = TT_LOG_DEBUG;
    /* An operator has to see to an error; a client's mistake or a full house is a warning. */
    if (request->err != TT_OK)
        level =
            row->http_status < 500 || row->retry == TT_RETRY_SOON ? TT_LOG_WARNING : TT_LOG_ERROR;
    tt_log(level, "%s %.512s %d %s request=%s ms=%lld cause=\"%s\"", request->method_name,
           request->target, request->status, row->name, request->request_id, (long long)took_ms,
           request->note.cause);
}

static void serve(struct tt_worker *worker) {
    struct tt_request request;
    enum tt_err err = tt_request_init(&request, worker);
    if (err == TT_OK) {
        tt_routes_answer(&request);
    } else {
        tt_request_end(&request, err);
        tt_reply_problem(&request);
    }
    log_end(&request);
    if (!tt_fcgi_finish(worker->fcgi))
        tt_log(TT_LOG_INFO, "request %s: its client did not take the whole answer",
               request.request_id);
    worker->stats->requests++;
    tt_request_fini(&request);
    tt_arena_reset(&worker->arena);
}

static enum tt_err serve_all(struct tt_worker *worker) {
    int64_t max_requests = worker->config->server.max_requests;
    for (int64_t served = 0; max_requests == 0 || served < max_requests; served++) {
        bool leave;
        enum tt_err err = tt_fcgi_accept(worker->fcgi, &leave);
        if (err != TT_OK || leave)
            return err;
        serve(worker);
        /* A spawner comes from a worker that has held no request yet: the next one's. */
        if (tt_renderer_is_lost(&worker->renderer)) {
            tt_log(TT_LOG_WARNING, "the worker leaves, as it has no process any more that starts "
                                   "decoders");
            return TT_OK;
        }
    }
    return TT_OK;
}

#define BUFFERS_BYTES (TT_WORKER_PIECE_BYTES + TT_INTAKE_GATHER_BYTES)

static enum tt_err open_buffers(struct tt_worker *worker) {
    void *buffers = mmap(NULL, BUFFERS_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (buffers == MAP_FAILED)
        return tt_err_fail_errno(TT_ERR_NO_MEMORY, "map %d bytes", BUFFERS_BYTES);
    worker->piece = buffers;
    worker->gathered = worker->piece + TT_WORKER_PIECE_BYTES;
    return TT_OK;
}

static struct tt_fcgi *open_fcgi(const struct tt_web_plan *plan) {
    const struct tt_config *config = plan->config;
    const struct tt_fcgi_plan fcgi_plan = {
        .listen_fd = plan->listen_fd,
        /* The other half of drain_seconds is for the last request. An extra worker leaves those who
         * wait to the workers that stay. */
        .linger_ms =
            plan->post && plan->post->is_extra ? 0 : config->server.drain_seconds * 1000 / 2,
        .latecomer_ms = config->server.workers == 0 ? LATECOMER_MS : 0,
        .idle_ms = config->server.idle_seconds * 1000,
        .request_ms = config->server.request_seconds * 1000,
        .post = plan->post,
    };
    return tt_fcgi_new(&fcgi_plan);
}

int tt_web_run(const struct tt_web_plan *plan) {
    struct tt_worker worker = {
        .config = plan->config,
        .stats = plan->stats,
        .place = {.fd = -1, .number = -1},
        .post = plan->post,
        .spool = TT_SPOOL_CLOSED,
    };
    enum tt_err err = tt_renderer_init(&worker.renderer, plan->config, plan->stats, &worker.place,
                                       plan->watermark, plan->reach);
    tt_config_name_node(plan->config, worker.node);
    tt_arena_init(&worker.arena, ARENA_MAX_BYTES);
    if (err == TT_OK)
        err = tt_place_open(&worker.place, plan->places);
    if (err == TT_OK)
        err = tt_spool_open(&worker.spool, plan->config->storage.dir);
    if (err == TT_OK)
        err = tt_journal_open(&worker.journal, plan->config->storage.dir);
    if (err == TT_OK)
        err = open_buffers(&worker);
    if (err == TT_OK) {
        worker.fcgi = open_fcgi(plan);
        err = worker.fcgi ? TT_OK : TT_ERR_SYSTEM;
    }
    /* The role begins here, before the first byte of a request, as all that a worker needs from
     * outside of it is there by now: its spawner, and what OpenSSL reads. */
    if (err == TT_OK)
        err = tt_hash_prepare();
    if (err == TT_OK)
        err = tt_reach_enter(plan->reach, TT_ROLE_WORKER);
    if (err == TT_OK)
        err = serve_all(&worker);
    if (err != TT_OK)
        tt_log(TT_LOG_ERROR, "worker: %s", tt_err_take(err).cause);
    tt_fcgi_free(worker.fcgi);
    tt_journal_close(worker.journal);
    tt_spool_close(&worker.spool);
    tt_arena_fini(&worker.arena);
    if (worker.piece)
        munmap(worker.piece, BUFFERS_BYTES);
    tt_renderer_fini(&worker.renderer);
    tt_place_close(&worker.place);
    return err == TT_OK ? 0 : 1;
}
