/* Render: the whole way of one picture, from a file to one file or several.
 *
 * Here: the order of the steps. Each step has its own file; the process it runs in is proc's. */
#include "tintype/image.h"

#include <stdio.h>
#include <string.h>

#include "image/codec.h"
#include "image/colour.h"
#include "image/luma.h"
#include "image/operations.h"
#include "image/plan.h"
#include "tintype/arena.h"

/* One picture on its way. */
struct rendering {
    const struct tt_image_job *job;
    struct tt_arena arena;
    struct tt_decoder *decoder;
    struct tt_picture_header header;
    struct tt_plan plan;
    struct tt_row_source *decoded;
    struct tt_colour_transform *colour; /* NULL where colours are right, or none are wanted */
};

static enum tt_err encode(int fd, struct tt_row_source *rows,
                          const struct tt_picture_options *options, struct tt_arena *arena) {
    switch (options->format) {
    case TT_FORMAT_JPEG: return tt_jpeg_write(fd, rows, options->quality, arena);
    case TT_FORMAT_WEBP: return tt_webp_write(fd, rows, options->quality, arena);
    default: return tt_png_write(fd, rows, arena);
    }
}

/* From rows that are upright and of the result's size to its file. */
static enum tt_err write_result(struct rendering *rendering, int number, struct tt_row_source *rows,
                                struct tt_picture_report *report) {
    const struct tt_picture_output *output = &rendering->job->outputs[number];
    const struct tt_picture_options *options = output->options;
    struct tt_arena *arena = &rendering->arena;
    enum tt_err err = TT_OK;

    if (!options->grayscale)
        err = tt_colour_open(&rows, rows, rendering->colour, arena);
    if (err == TT_OK && options->watermark.enabled)
        err = tt_watermark_open(&rows, rows, rendering->job->watermark, &options->watermark, arena);
    if (err == TT_OK && options->format == TT_FORMAT_JPEG)
        err = tt_flatten_open(&rows, rows, arena);
    if (err == TT_OK)
        err = encode(output->fd, rows, options, arena);
    if (err != TT_OK)
        return err;
    report->results[number].width_px = rows->width_px;
    report->results[number].height_px = rows->height_px;
    return TT_OK;
}

/* A single result: its encoder pulls the rows through, and nothing is held. */
static enum tt_err render_one(struct rendering *rendering, struct tt_picture_report *report) {
    const struct tt_plan_result *result = &rendering->plan.results[0];
    struct tt_arena *arena = &rendering->arena;
    struct tt_row_source *rows;
    enum tt_err err = tt_resample_open(&rows, rendering->decoded, &result->box, result->width_px,
                                       result->height_px, arena);

    if (err == TT_OK)
        err = tt_orient_open(&rows, rows, rendering->header.orientation, arena);
    if (err == TT_OK)
        err = write_result(rendering, 0, rows, report);
    /* The result is good only if the picture is whole, also below the rows that were needed. */
    return err == TT_OK ? tt_decoder_finish(rendering->decoder) : err;
}

/* One of several results: decoded rows are pushed through, and wait in the canvas. */
struct branch {
    struct tt_resampler *resampler;
    struct tt_canvas *canvas;
    bool wants_luma; /* of colours that were decoded for another branch */
};

static enum tt_err open_branches(struct rendering *rendering, struct branch *branches) {
    const struct tt_row_source *decoded = rendering->decoded;

    for (int i = 0; i < rendering->plan.result_count; i++) {
        const struct tt_plan_result *result = &rendering->plan.results[i];
        enum tt_err err = tt_resampler_open(&branches[i].resampler, decoded->width_px,
                                            decoded->height_px, result->channels, &result->box,
                                            result->width_px, result->height_px, &rendering->arena);

        if (err == TT_OK)
            err =
                tt_canvas_open(&branches[i].canvas, result->width_px, result->height_px,
                               result->channels, rendering->header.orientation, &rendering->arena);
        if (err != TT_OK)
            return err;
        branches[i].wants_luma = result->channels != decoded->channels;
    }
    return TT_OK;
}

static void push_row(struct branch *branch, const uint8_t *row) {
    const uint8_t *result_row;

    tt_resampler_push(branch->resampler, row);
    while (tt_resampler_pop(branch->resampler, &result_row))
        tt_canvas_put(branch->canvas, result_row);
}

static enum tt_err fill_branches(struct rendering *rendering, struct branch *branches) {
    struct tt_row_source *decoded = rendering->decoded;
    uint8_t *luma = tt_arena_alloc_array(&rendering->arena, (size_t)decoded->width_px, 2);
    bool wants_luma = false;

    for (int i = 0; i < rendering->plan.result_count; i++)
        wants_luma = wants_luma || branches[i].wants_luma;
    if (luma == NULL)
        return TT_ERR_NO_MEMORY;
    for (int y = 0; y < decoded->height_px; y++) {
        const uint8_t *row;
        enum tt_err err = decoded->next(decoded, &row);

        if (err != TT_OK)
            return err;
        if (wants_luma)
            tt_luma_row(luma, row, (size_t)decoded->width_px, decoded->channels);
        for (int i = 0; i < rendering->plan.result_count; i++)
            push_row(&branches[i], branches[i].wants_luma ? luma : row);
    }
    return TT_OK;
}

static enum tt_err render_several(struct rendering *rendering, struct tt_picture_report *report) {
    struct branch branches[TT_PICTURE_RESULTS_MAX] = {{0}};
    enum tt_err err = open_branches(rendering, branches);

    if (err == TT_OK)
        err = fill_branches(rendering, branches);
    if (err == TT_OK)
        err = tt_decoder_finish(rendering->decoder);
    for (int i = 0; err == TT_OK && i < rendering->plan.result_count; i++)
        err = write_result(rendering, i, tt_canvas_rows(branches[i].canvas), report);
    return err;
}

static enum tt_err start_decoder(struct rendering *rendering, struct tt_picture_report *report) {
    const struct tt_image_job *job = rendering->job;
    struct tt_plan *plan = &rendering->plan;
    enum tt_err err = tt_decoder_open(&rendering->decoder, job->picture_fd, &rendering->arena,
                                      job->limits, &rendering->header);

    if (err != TT_OK)
        return err;
    report->source_width_px = rendering->header.width_px;
    report->source_height_px = rendering->header.height_px;
    err = tt_plan_make(plan, &rendering->header, job->outputs, job->output_count, job->limits);
    if (err == TT_OK)
        err = tt_decoder_start(rendering->decoder, plan->grayscale, &rendering->decoded);
    if (err == TT_OK && !plan->grayscale)
        err = tt_colour_transform_open(
            &rendering->colour, rendering->header.icc_profile, rendering->header.icc_bytes,
            (enum tt_colour_samples)rendering->header.channels, &rendering->arena);
    return err;
}

enum tt_err tt_image_render(const struct tt_image_job *job, struct tt_picture_report *report) {
    struct rendering rendering = {.job = job};

    *report = (struct tt_picture_report){0};
    tt_arena_init(&rendering.arena, (size_t)job->limits->max_memory_bytes);
    report->err = start_decoder(&rendering, report);
    if (report->err == TT_OK)
        report->err = job->output_count == 1 ? render_one(&rendering, report)
                                             : render_several(&rendering, report);
    tt_decoder_close(rendering.decoder);
    tt_arena_fini(&rendering.arena);
    if (report->err != TT_OK) {
        memset(report->results, 0, sizeof report->results);
        /* From here on the report carries the note, maybe to another process. */
        const struct tt_err_note note = tt_err_take(report->err);
        snprintf(report->cause, sizeof report->cause, "%s", note.cause);
        if (note.is_refusal)
            snprintf(report->detail, sizeof report->detail, "%s", note.detail);
    }
    return report->err;
}
