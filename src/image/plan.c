/* Plan: sizes and boxes of a rendering.
 *
 * Here: arithmetic on the header, the options and the limits. Nothing is read or allocated. */
#include "image/plan.h"

#include <math.h>
#include <stdbool.h>

#include "image/operations.h"

/* These are sides before they are known to be sane: a result's may be anything that 64 bits hold.
 */
struct size {
    int64_t width, height;
};

/* Returns value × numerator / denominator to the nearest, at least 1. All are positive; value and
 * numerator are sides, so their product fits. */
static int64_t scale_side(int64_t value, int64_t numerator, int64_t denominator) {
    int64_t scaled = (2 * value * numerator + denominator) / (2 * denominator);
    return scaled > 0 ? scaled : 1;
}

/* These two return the picture's size at a width, or at a height, in proportion. */
static struct size at_width(struct size picture, int64_t width) {
    return (struct size){width, scale_side(picture.height, width, picture.width)};
}

static struct size at_height(struct size picture, int64_t height) {
    return (struct size){scale_side(picture.width, height, picture.height), height};
}

/* Returns whether width / picture.width < height / picture.height. */
static bool width_scale_is_less(struct size picture, struct size wanted) {
    return wanted.width * picture.height < wanted.height * picture.width;
}

static struct size fit_inside(struct size picture, struct size wanted) {
    bool by_width =
        wanted.height == 0 || (wanted.width != 0 && width_scale_is_less(picture, wanted));
    struct size fitted =
        by_width ? at_width(picture, wanted.width) : at_height(picture, wanted.height);
    return fitted.width < picture.width || fitted.height < picture.height ? fitted : picture;
}

static struct size fit_fill(struct size picture, struct size wanted) {
    if (wanted.height == 0)
        return at_width(picture, wanted.width);
    if (wanted.width == 0)
        return at_height(picture, wanted.height);
    return wanted;
}

/* Centres a part of the picture. Where nothing is scaled it begins at a whole pixel, so that pixels
 * stay what they are. */
static struct tt_row_box centre(struct size picture, double width, double height, bool is_scaled) {
    double left = ((double)picture.width - width) / 2;
    double top = ((double)picture.height - height) / 2;
    if (is_scaled)
        return (struct tt_row_box){left, top, (double)picture.width - left,
                                   (double)picture.height - top};
    left = floor(left);
    top = floor(top);
    return (struct tt_row_box){left, top, left + width, top + height};
}

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static struct size fit_cover(struct size picture, struct size wanted, struct tt_row_box *box) {
    struct size fitted = {lesser(wanted.width, picture.width),
                          lesser(wanted.height, picture.height)};
    bool is_scaled = wanted.width < picture.width && wanted.height < picture.height;
    double width = (double)fitted.width;
    double height = (double)fitted.height;
    if (is_scaled && width_scale_is_less(picture, wanted)) {
        width = (double)(wanted.width * picture.height) / (double)wanted.height;
        height = (double)picture.height;
    } else if (is_scaled) {
        width = (double)picture.width;
        height = (double)(wanted.height * picture.width) / (double)wanted.width;
    }
    *box = centre(picture, width, height, is_scaled);
    return fitted;
}

/* Returns the result's size before orientation, and sets the part of the picture that becomes it.
 */
static struct size fit_picture(struct size picture, const struct tt_picture_header *header,
                               const struct tt_picture_options *options, struct tt_row_box *box) {
    bool swaps_sides = tt_orientation_swaps_sides(header->orientation);
    struct size wanted = {
        .width = swaps_sides ? options->height_px : options->width_px,
        .height = swaps_sides ? options->width_px : options->height_px,
    };
    *box = (struct tt_row_box){
        .right = (double)picture.width,
        .bottom = (double)picture.height,
    };
    if (wanted.width == 0 && wanted.height == 0)
        return picture;
    if (options->fit == TT_FIT_FILL)
        return fit_fill(picture, wanted);
    if (options->fit == TT_FIT_COVER && wanted.width != 0 && wanted.height != 0)
        return fit_cover(picture, wanted, box);
    return fit_inside(picture, wanted);
}

/* Returns the channels of gray, or of gray and alpha. */
static int gray_channels(int channels) {
    return 2 - channels % 2;
}

static bool is_over(struct size size, int side_max_px, const struct tt_picture_limits *limits) {
    return size.width > side_max_px || size.height > side_max_px ||
           size.width * size.height > limits->max_pixels;
}

/* A client can do something about its own options, but not about those of a preset that every
 * picture is made in. */
static enum tt_err refuse_result(const struct tt_picture_output *output, struct size size,
                                 int orientation, const struct tt_picture_limits *limits) {
    enum tt_picture_format format = output->options->format;
    bool swaps_sides = tt_orientation_swaps_sides(orientation);
    long long width = swaps_sides ? size.height : size.width;
    long long height = swaps_sides ? size.width : size.height;

    if (output->preset)
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "The service makes a rendition \"%s\" of every picture, which would "
                             "be %lld x %lld pixels; at most %lld in all, and %d on a side of a "
                             "%s, are made. Send a smaller picture.",
                             output->preset, width, height, (long long)limits->max_pixels,
                             tt_encoder_side_max_px(format), tt_picture_format_row(format)->name);
    return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                         "The result would be %lld x %lld pixels; at most %lld in all, and %d on a "
                         "side of a %s, are made. Ask for a smaller size%s.",
                         width, height, (long long)limits->max_pixels,
                         tt_encoder_side_max_px(format), tt_picture_format_row(format)->name,
                         format == TT_FORMAT_PNG ? "" : ", or for a PNG");
}

/* Finds the size of one result, and the part of the picture that becomes it. */
static enum tt_err plan_result(struct tt_plan_result *planned,
                               const struct tt_picture_header *header,
                               const struct tt_picture_output *output,
                               const struct tt_picture_limits *limits) {
    const struct tt_picture_options *options = output->options;
    struct size picture = {header->width_px, header->height_px};
    struct size result = fit_picture(picture, header, options, &planned->box);
    if (is_over(result, tt_encoder_side_max_px(options->format), limits))
        return refuse_result(output, result, header->orientation, limits);
    planned->width_px = (int)result.width;
    planned->height_px = (int)result.height;
    planned->channels = options->grayscale ? gray_channels(header->channels) : header->channels;
    return TT_OK;
}

enum tt_err tt_plan_make(struct tt_plan *plan, const struct tt_picture_header *header,
                         const struct tt_picture_output *outputs, int output_count,
                         const struct tt_picture_limits *limits) {
    struct size picture = {header->width_px, header->height_px};
    *plan = (struct tt_plan){.grayscale = true, .result_count = output_count};
    if (is_over(picture, TT_OPERATION_SIDE_MAX_PX, limits))
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "The picture is %d x %d pixels; at most %lld pixels in all, and %d on "
                             "a side, are accepted. Send a smaller one.",
                             header->width_px, header->height_px, (long long)limits->max_pixels,
                             TT_OPERATION_SIDE_MAX_PX);
    for (int i = 0; i < output_count; i++) {
        enum tt_err err = plan_result(&plan->results[i], header, &outputs[i], limits);
        if (err != TT_OK)
            return err;
        plan->grayscale = plan->grayscale && outputs[i].options->grayscale;
    }
    plan->channels = plan->grayscale ? gray_channels(header->channels) : header->channels;
    return TT_OK;
}
