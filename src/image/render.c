/* Render: the whole way of one picture, from a file to a file.
 *
 * Here: the order of the steps. Each step has its own file; the process it runs in is proc's. */
#include "tintype/image.h"

#include <stdio.h>

#include "image/codec.h"
#include "image/operations.h"
#include "image/plan.h"
#include "tintype/arena.h"

/* The steps between the decoder's rows and the encoder's. */
static enum tt_err open_operations(struct tt_row_source **rows, const struct tt_plan *plan,
                                   const struct tt_picture_header *header,
                                   const struct tt_picture_options *options,
                                   struct tt_arena *arena) {
    enum tt_err err =
        tt_resample_open(rows, *rows, &plan->box, plan->width_px, plan->height_px, arena);

    if (err == TT_OK)
        err = tt_orient_open(rows, *rows, header->orientation, arena);
    if (err == TT_OK && !options->grayscale)
        err = tt_colour_open(rows, *rows, header->icc_profile, header->icc_bytes, arena);
    if (err == TT_OK && options->format == TT_FORMAT_JPEG)
        err = tt_flatten_open(rows, *rows, arena);
    return err;
}

static enum tt_err encode(int result_fd, struct tt_row_source *rows,
                          const struct tt_picture_options *options, struct tt_arena *arena) {
    if (options->format == TT_FORMAT_JPEG)
        return tt_jpeg_write(result_fd, rows, options->quality, arena);
    return tt_png_write(result_fd, rows, arena);
}

static enum tt_err render(int picture_fd, int result_fd, const struct tt_picture_options *options,
                          const struct tt_picture_limits *limits,
                          struct tt_picture_report *report) {
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_picture_header header;
    struct tt_row_source *rows;
    struct tt_plan plan;
    enum tt_err err;

    tt_arena_init(&arena, (size_t)limits->max_memory_bytes);
    err = tt_decoder_open(&decoder, picture_fd, &arena, limits, &header);
    if (err != TT_OK)
        goto out;
    report->source_width_px = header.width_px;
    report->source_height_px = header.height_px;
    err = tt_plan_make(&plan, &header, options, limits);
    if (err != TT_OK)
        goto out;
    err = tt_decoder_start(decoder, options->grayscale, plan.scale_eighths, &rows);
    if (err != TT_OK)
        goto out;
    err = open_operations(&rows, &plan, &header, options, &arena);
    if (err != TT_OK)
        goto out;
    err = encode(result_fd, rows, options, &arena);
    if (err != TT_OK)
        goto out;
    /* The result is good only if the picture is whole, also below the rows that were needed. */
    err = tt_decoder_finish(decoder);
    if (err != TT_OK)
        goto out;
    report->width_px = rows->width_px;
    report->height_px = rows->height_px;
out:
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    return err;
}

enum tt_err tt_image_render(int picture_fd, int result_fd, const struct tt_picture_options *options,
                            const struct tt_picture_limits *limits,
                            struct tt_picture_report *report) {
    *report = (struct tt_picture_report){0};
    report->err = render(picture_fd, result_fd, options, limits, report);
    if (report->err != TT_OK) {
        /* From here on the report carries the note, maybe to another process. */
        (void)snprintf(report->detail, sizeof report->detail, "%s", tt_err_detail(report->err));
        (void)snprintf(report->cause, sizeof report->cause, "%s", tt_err_cause());
        tt_err_clear();
    }
    return report->err;
}
