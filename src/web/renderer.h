/* Renderer: how a worker has a hostile picture rendered, by a child process that has the picture,
 * its results and limits, a page of memory that it shares with the worker, and a socket to it. The
 * child plans in the worker's seat, and decodes in one of the decode slots. This is the only place
 * where pictures and processes meet. */
#ifndef TINTYPE_WEB_RENDERER_H
#define TINTYPE_WEB_RENDERER_H

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/image.h"
#include "tintype/picture.h"
#include "tintype/process.h"
#include "tintype/stats.h"

struct tt_renderer_page {
    struct { /* for the child: a tt_picture_output without its descriptor */
        struct tt_picture_options options;
        char preset[TT_PICTURE_PRESET_SIZE]; /* "" for none */
    } wanted[TT_PICTURE_RESULTS_MAX];
    struct tt_picture_report report; /* from the child */
    volatile int refused_call;       /* from the child: see struct tt_spawner_job */
};

struct tt_renderer {
    const struct tt_config *config;       /* borrowed */
    struct tt_stats *stats;               /* borrowed */
    struct tt_place *place;               /* borrowed; taken from start to finish */
    const struct tt_watermark *watermark; /* borrowed */
    struct tt_renderer_page *page;        /* of one spawner and its children; owned */
    struct tt_spawner spawner;            /* of the children; owned */
    int gate_fd;         /* a socket to the child under way, -1 while there is none; owned */
    int result_count;    /* of the rendering under way */
    int64_t cpu_seconds; /* that its child has, and so far is spending: */
    bool is_planning;
};

/* Makes the renderer of one worker, after the worker's fork. watermark is what tt_watermark_load
 * gave. The spawner starts here with a copy of the worker's memory, and never again, so this comes
 * before the worker grows and reads its first request; *renderer must not be moved afterwards.
 * reach may be NULL: nobody is held by it then. TT_ERR_NO_MEMORY, TT_ERR_SYSTEM; tt_renderer_fini
 * is for the caller to call in either case. */
enum tt_err tt_renderer_init(struct tt_renderer *renderer, const struct tt_config *config,
                             struct tt_stats *stats, struct tt_place *place,
                             const struct tt_watermark *watermark, const struct tt_reach *reach);
/* Whether the spawner is gone. Every tt_renderer_start is TT_ERR_KILLED then: the worker should
 * make way for a new one. */
bool tt_renderer_is_lost(const struct tt_renderer *renderer);
/* Kills a rendering that is under way, and gives everything back. */
void tt_renderer_fini(struct tt_renderer *renderer);

/* Starts rendering picture_fd into count outputs (1 to TT_PICTURE_RESULTS_MAX) for a client (0: not
 * known): it is planned, and waits for a decode slot, before this returns. It borrows descriptors
 * and outputs until finish. TT_ERR_BUSY when there is no place to wait, or no slot in time,
 * TT_ERR_KILLED where the spawner is gone, TT_ERR_SYSTEM. */
enum tt_err tt_renderer_start(struct tt_renderer *renderer, uint64_t client, int picture_fd,
                              const struct tt_picture_output *outputs, int count);

/* Waits for the end of what start began, and fills *report with checked values; it is called
 * exactly once after every start that gave TT_OK. Returns report->err: the codes of
 * tt_image_render, TT_ERR_PICTURE_TOO_COSTLY, TT_ERR_DECODER_DIED, TT_ERR_DECODER_CONFINED,
 * TT_ERR_KILLED (the decoder or its spawner, by somebody else), TT_ERR_INTERNAL. */
enum tt_err tt_renderer_finish(struct tt_renderer *renderer, struct tt_picture_report *report);

#endif
