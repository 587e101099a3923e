/* Decoder: how a worker has a hostile picture rendered: in one of the decode slots, by a child
 * process that has the picture, its results and limits, and a page of memory that it shares with
 * the worker. The only place where pictures and processes meet. */
#ifndef TINTYPE_MAIN_DECODER_H
#define TINTYPE_MAIN_DECODER_H

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/image.h"
#include "tintype/picture.h"
#include "tintype/process.h"
#include "tintype/stats.h"
#include "tintype/web.h"

struct tt_decoder_page {
    struct { /* for the child: a tt_picture_output without its descriptor */
        struct tt_picture_options options;
        char preset[TT_PICTURE_PRESET_SIZE]; /* "" for none */
    } wanted[TT_PICTURE_RESULTS_MAX];
    struct tt_picture_report report; /* from it */
};

struct tt_decoder {
    const struct tt_config *config;       /* borrowed */
    struct tt_stats *stats;               /* borrowed */
    struct tt_places *places;             /* borrowed */
    const struct tt_watermark *watermark; /* borrowed */
    struct tt_decoder_page *page;         /* of one spawner and its children; owned */
    struct tt_spawner spawner;            /* of the children; owned */
    struct tt_place place;                /* held from start to finish */
    int result_count;                     /* of the rendering under way */
};

/* One for each worker, made after its fork. watermark is what tt_watermark_load gave.
 * The spawner starts here, and keeps a copy of what *decoder borrows: before the worker grows, and
 * not to be moved. TT_ERR_NO_MEMORY, TT_ERR_SYSTEM. */
enum tt_err tt_decoder_init(struct tt_decoder *decoder, const struct tt_config *config,
                            struct tt_stats *stats, struct tt_places *places,
                            const struct tt_watermark *watermark);
/* Kills a rendering under way. */
void tt_decoder_fini(struct tt_decoder *decoder);

/* The decoder as the web room wants it; borrows *decoder. */
struct tt_web_decoder tt_decoder_for_web(struct tt_decoder *decoder);

#endif
