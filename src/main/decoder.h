/* Decoder: how a worker has a hostile picture rendered: in one of the decode slots, by a child
 * process that has the picture, its results and limits, reporting through a page of shared memory.
 * The only place where pictures and processes meet. */
#ifndef TINTYPE_MAIN_DECODER_H
#define TINTYPE_MAIN_DECODER_H

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/image.h"
#include "tintype/picture.h"
#include "tintype/process.h"
#include "tintype/stats.h"
#include "tintype/web.h"

struct tt_decoder {
    const struct tt_config *config;       /* borrowed */
    struct tt_stats *stats;               /* borrowed */
    struct tt_places *places;             /* borrowed */
    struct tt_picture_report *page;       /* shared with the child; owned */
    struct tt_place place;                /* held from start to finish */
    struct tt_child child;                /* likewise */
    const struct tt_watermark *watermark; /* borrowed */
    struct tt_image_job job;              /* the rendering under way; its picture_fd is owned */
};

/* One for each worker, made after its fork. watermark is what tt_watermark_load gave.
 * TT_ERR_NO_MEMORY. */
enum tt_err tt_decoder_init(struct tt_decoder *decoder, const struct tt_config *config,
                            struct tt_stats *stats, struct tt_places *places,
                            const struct tt_watermark *watermark);
/* Kills a rendering under way. */
void tt_decoder_fini(struct tt_decoder *decoder);

/* The decoder as the web room wants it; borrows *decoder. */
struct tt_web_decoder tt_decoder_for_web(struct tt_decoder *decoder);

#endif
