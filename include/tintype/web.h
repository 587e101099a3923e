/* Web: serves requests from a FastCGI socket, one at a time, until asked to leave. */
#ifndef TINTYPE_WEB_H
#define TINTYPE_WEB_H

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/image.h"
#include "tintype/process.h"
#include "tintype/reach.h"
#include "tintype/stats.h"

/* What a worker is given. It owns none of it. */
struct tt_web_plan {
    const struct tt_config *config;
    struct tt_stats *stats;
    struct tt_places *places;             /* the decode slots, and the seats to wait in */
    const struct tt_watermark *watermark; /* of tt_watermark_load; NULL: none can be drawn */
    const struct tt_reach *reach;         /* of tt_reach_init, with storage.dir added */
    int listen_fd;                        /* O_NONBLOCK */
    const struct tt_post *post;           /* the worker's; NULL where there is no master */
};

/* Opens spool and journal, then serves until SIGTERM (blocked on entry, awaited between requests
 * only, so that no request is ever cut; connections that wait then are still served, for half of
 * drain_seconds) or max_requests. Returns 0, or 1 with the cause logged when it could not start. */
int tt_web_run(const struct tt_web_plan *plan);

/* Makes spool and journal, or brings them up to date. It runs before any worker starts and while no
 * other service uses the storage directory. TT_ERR_STORAGE, TT_ERR_JOURNAL. */
enum tt_err tt_web_prepare(const struct tt_config *config);

/* Removes the files that no row knows. It runs after tt_web_prepare, also beside workers.
 * TT_ERR_STORAGE, TT_ERR_JOURNAL. */
enum tt_err tt_web_sweep(const struct tt_config *config);

#endif
