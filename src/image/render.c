/* Render: the whole way of one picture, from a file to one file or several.
 *
 * Here: the order of the steps. Each step has its own file; the process it runs in is proc's. */
#include "tintype/image.h"

#include <stdio.h>
#include <string.h>

#include "image/codec.h"
#include "image/colour.h"
#include "image/cost.h"
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
    struct tt_colour_transform *colour; /* NULL where colours are right, or none are wanted */
    struct branch {
        struct tt_encoder *encoder;
        struct tt_row_sink *sink; /* takes the decoder's rows, or their luma */
        bool wants_luma; /* rows are decoded in colour for another result, this one is gray */
    } branches[TT_PICTURE_RESULTS_MAX];
};

static enum tt_err open_encoder(struct rendering *rendering, int number,
                                struct tt_picture_report *report) {
    const struct tt_picture_output *output = &rendering->job->outputs[number];
    const struct tt_plan_result *result = &rendering->plan.results[number];
    bool swaps_sides = tt_orientation_swaps_sides(rendering->header.orientation);
    bool keeps_alpha = tt_encoder_has_alpha(output->options->format);
    int colours = result->channels - (tt_row_has_alpha(result->channels) ? 1 : 0);
    const struct tt_encoder_wish wish = {
        .format = output->options->format,
        .width_px = swaps_sides ? result->height_px : result->width_px,
        .height_px = swaps_sides ? result->width_px : result->height_px,
        .channels = keeps_alpha ? result->channels : colours,
        .quality = output->options->quality,
    };
    report->results[number].width_px = wish.width_px;
    report->results[number].height_px = wish.height_px;
    return tt_encoder_open(&rendering->branches[number].encoder, output->fd, &wish,
                           &rendering->arena);
}

/* The way from the decoder to one result, opened from its end. */
static enum tt_err open_branch(struct rendering *rendering, int number,
                               struct tt_picture_report *report) {
    const struct tt_picture_options *options = rendering->job->outputs[number].options;
    const struct tt_picture_header *header = &rendering->header;
    const struct tt_plan_result *result = &rendering->plan.results[number];
    struct tt_arena *arena = &rendering->arena;
    struct branch *branch = &rendering->branches[number];
    enum tt_err err = open_encoder(rendering, number, report);
    if (err != TT_OK)
        return err;
    struct tt_row_sink *sink = tt_encoder_sink(branch->encoder);
    if (sink->channels != result->channels)
        err = tt_flatten_open(&sink, sink, arena);
    if (err == TT_OK && options->watermark.enabled)
        err = tt_watermark_open(&sink, sink, rendering->job->watermark, &options->watermark, arena);
    if (err == TT_OK && !options->grayscale)
        err = tt_colour_open(&sink, sink, rendering->colour, arena);
    if (err == TT_OK)
        err = tt_orient_open(&sink, sink, header->orientation, arena);
    if (err == TT_OK)
        err = tt_resample_open(&branch->sink, sink, header->width_px, header->height_px,
                               &result->box, arena);
    branch->wants_luma = result->channels != rendering->plan.channels;
    return err;
}

static enum tt_err open_branches(struct rendering *rendering, struct tt_picture_report *report) {
    const struct tt_picture_header *header = &rendering->header;
    enum tt_err err = TT_OK;
    if (!rendering->plan.grayscale)
        err = tt_colour_transform_open(&rendering->colour, header->icc_profile, header->icc_bytes,
                                       (enum tt_colour_samples)header->channels, &rendering->arena);
    for (int i = 0; i < rendering->plan.result_count && err == TT_OK; i++)
        err = open_branch(rendering, i, report);
    return err;
}

/* Puts a decoded row, or its luma, into every branch that still takes rows. */
static enum tt_err put_row(struct rendering *rendering, int y, const uint8_t *row,
                           const uint8_t *luma) {
    for (int i = 0; i < rendering->plan.result_count; i++) {
        struct branch *branch = &rendering->branches[i];
        if (y >= branch->sink->height_px)
            continue;
        enum tt_err err = branch->sink->put(branch->sink, branch->wants_luma ? luma : row);
        if (err != TT_OK)
            return err;
    }
    return TT_OK;
}

/* How many of the decoder's rows any branch takes. */
static int count_rows(const struct rendering *rendering) {
    int rows = 0;
    for (int i = 0; i < rendering->plan.result_count; i++)
        if (rendering->branches[i].sink->height_px > rows)
            rows = rendering->branches[i].sink->height_px;
    return rows;
}

static bool is_luma_wanted(const struct rendering *rendering) {
    for (int i = 0; i < rendering->plan.result_count; i++)
        if (rendering->branches[i].wants_luma)
            return true;
    return false;
}

/* The luma is computed once for all branches that want it. */
static enum tt_err push_rows(struct rendering *rendering, struct tt_row_source *rows) {
    uint8_t *luma = NULL;
    if (is_luma_wanted(rendering)) {
        luma = tt_arena_alloc_array(&rendering->arena, (size_t)rows->width_px, 2);
        if (!luma)
            return TT_ERR_NO_MEMORY;
    }
    int count = count_rows(rendering);
    for (int y = 0; y < count; y++) {
        const uint8_t *row;
        enum tt_err err = rows->next(rows, &row);
        if (err == TT_OK && luma)
            tt_luma_row(luma, row, (size_t)rows->width_px, rows->channels);
        if (err == TT_OK)
            err = put_row(rendering, y, row, luma);
        if (err != TT_OK)
            return err;
    }
    return TT_OK;
}

static enum tt_err render(struct rendering *rendering, struct tt_picture_report *report) {
    const struct tt_image_job *job = rendering->job;
    struct tt_picture_header *header = &rendering->header;
    struct tt_row_source *rows = NULL;
    enum tt_err err = tt_decoder_open(&rendering->decoder, job->picture_fd, &rendering->arena,
                                      job->limits, header);
    if (err != TT_OK)
        return err;
    report->source_width_px = header->width_px;
    report->source_height_px = header->height_px;
    err = tt_plan_make(&rendering->plan, header, job->outputs, job->output_count, job->limits);
    if (err == TT_OK && job->begin)
        err = job->begin(job->context, tt_cost_ms(&rendering->plan, header, job->outputs));
    if (err == TT_OK)
        err = open_branches(rendering, report);
    if (err == TT_OK)
        err = tt_decoder_start(rendering->decoder, rendering->plan.grayscale, &rows);
    if (err == TT_OK)
        err = push_rows(rendering, rows);
    /* The results are good only if the picture is whole, also below the rows that were needed. */
    return err == TT_OK ? tt_decoder_finish(rendering->decoder) : err;
}

enum tt_err tt_image_render(const struct tt_image_job *job, struct tt_picture_report *report) {
    struct rendering rendering = {.job = job};
    *report = (struct tt_picture_report){0};
    tt_arena_init(&rendering.arena, (size_t)job->limits->max_memory_bytes);
    report->err = render(&rendering, report);
    for (int i = 0; i < job->output_count; i++)
        tt_encoder_close(rendering.branches[i].encoder);
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
