/* Web: serves requests from a FastCGI socket, one at a time, until asked to leave. */
#ifndef TINTYPE_WEB_H
#define TINTYPE_WEB_H

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/picture.h"
#include "tintype/stats.h"

/* How a worker has a picture rendered elsewhere: main hands it down, so that web knows no
 * processes. One rendering at a time. */
struct tt_web_decoder {
    void *context;
    /* Starts rendering picture_fd into count outputs (1 to TT_PICTURE_RESULTS_MAX), waiting for a
     * decode slot first; TT_ERR_BUSY when there is no place to wait. Borrows descriptors and
     * outputs until finish. */
    enum tt_err (*start)(void *context, int picture_fd, const struct tt_picture_output *outputs,
                         int count);
    /* Waits for the end of what start began, and fills *report with checked values. The codes of
     * tt_image_render, TT_ERR_PICTURE_TOO_COSTLY, TT_ERR_DECODER_DIED, TT_ERR_INTERNAL. Called
     * exactly once after every start that gave TT_OK. */
    enum tt_err (*finish)(void *context, struct tt_picture_report *report);
};

/* Places in which at most half of the workers wait for the agent, so that the others answer; handed
 * down like the decoder. */
struct tt_web_seats {
    void *context;
    enum tt_err (*take)(void *context); /* TT_ERR_BUSY when none is free */
    void (*give)(void *context);
};

struct tt_web_plan {
    const struct tt_config *config;
    struct tt_stats *stats;
    struct tt_web_decoder decoder;
    struct tt_web_seats seats;
    int listen_fd; /* O_NONBLOCK */
};

/* Opens spool and journal, then serves until SIGTERM (blocked on entry, awaited between requests
 * only, so that no request is ever cut; connections that wait then are still served, for half of
 * drain_seconds) or max_requests. Returns 0, or 1 with the cause logged when it could not start. */
int tt_web_run(const struct tt_web_plan *plan);

/* Before any worker starts and while no other service uses the storage directory: makes spool and
 * journal, or brings them up to date. TT_ERR_STORAGE, TT_ERR_JOURNAL. */
enum tt_err tt_web_prepare(const struct tt_config *config);

/* After that, also beside workers: removes the files that no row knows. Likewise. */
enum tt_err tt_web_sweep(const struct tt_config *config);

#endif
