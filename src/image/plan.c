/* Plan: sizes, boxes and memory of a rendering.
 *
 * Here: arithmetic on the header, the options and the limits. Nothing is read or allocated. */
#include "image/plan.h"

#include <math.h>
#include <stdbool.h>

#include "image/operations.h"

/* What the plane a JPEG is decoded to must have at least, against the result, for its reduced
 * transforms to do no harm: measured on photographs at just this ratio, 50 to 59 dB against the
 * full decode. */
#define REDUCED_DECODE_RATIO_MIN 1.8

/* What colour must have more than luma where the decoder upsamples it after a reduced transform:
 * its linear interpolation blurs as well. Measured on saturated stripes, 4:2:2, against the full
 * decode: 36 dB with a ratio of 1.8, 45 dB with twice that, which is what 4:4:4 gives with 1.8. */
#define UPSAMPLED_CHROMA_RATIO 2

/* Memory beside what is counted exactly. Library handles, tables and zlib's windows, measured below
 * 1 MiB together; and the rows a codec keeps, at most those of a JPEG: 4 components with the
 * largest sampling factor of 4 (T.81 B.2.2), each an MCU row and its context of two more row
 * groups, 4 × 4 × (8 + 2); 4 × 4 upsampled; and those handed over. */
#define CODEC_BYTES             (INT64_C(2) << 20)
#define DECODER_BYTES_PER_PIXEL 192 /* of width */
#define ENCODER_BYTES_PER_PIXEL 64

/* Sides before they are known to be sane: a result's may be anything that 64 bits hold. */
struct size {
    int64_t width, height;
};

/* value × numerator / denominator to the nearest, at least 1. All are positive; value and numerator
 * are sides, so their product fits. */
static int64_t scale_side(int64_t value, int64_t numerator, int64_t denominator) {
    int64_t scaled = (2 * value * numerator + denominator) / (2 * denominator);

    return scaled > 0 ? scaled : 1;
}

/* The picture's size at a width, or at a height, in proportion. */
static struct size at_width(struct size picture, int64_t width) {
    return (struct size){width, scale_side(picture.height, width, picture.width)};
}

static struct size at_height(struct size picture, int64_t height) {
    return (struct size){scale_side(picture.width, height, picture.height), height};
}

/* Whether width / picture.width < height / picture.height. */
static bool width_scale_is_less(struct size picture, struct size wanted) {
    return wanted.width * picture.height < wanted.height * picture.width;
}

static struct size fit_inside(struct size picture, struct size wanted) {
    struct size fitted;

    if (wanted.height == 0 || (wanted.width != 0 && width_scale_is_less(picture, wanted)))
        fitted = at_width(picture, wanted.width);
    else
        fitted = at_height(picture, wanted.height);
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

/* The result's size before orientation, and the part of the picture that becomes it. */
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

/* The least scale at which the box still has REDUCED_DECODE_RATIO_MIN of the result; where colour
 * is wanted, of colour as well. */
static int choose_scale(const struct tt_row_box *box, struct size result, int chroma_ratio) {
    double ratio_x = (box->right - box->left) / (double)result.width;
    double ratio_y = (box->bottom - box->top) / (double)result.height;
    double ratio = ratio_x < ratio_y ? ratio_x : ratio_y;
    int eighths = 1; /* libjpeg-turbo has fast transforms for 1, 2, 4 and 8 alone */

    if (chroma_ratio > 1)
        ratio /= UPSAMPLED_CHROMA_RATIO * chroma_ratio;
    while (eighths < 8 && ratio * eighths / 8 < REDUCED_DECODE_RATIO_MIN)
        eighths *= 2;
    return eighths;
}

static void scale_box(struct tt_row_box *box, int eighths) {
    double scale = eighths / 8.0;

    box->left *= scale;
    box->top *= scale;
    box->right *= scale;
    box->bottom *= scale;
}

static int scale_up_to_whole(int side_px, int eighths) {
    return (int)(((int64_t)side_px * eighths + 7) / 8);
}

static int64_t count_memory(const struct tt_plan *plan, const struct tt_picture_header *header,
                            bool is_gray) {
    int decoded_width_px = scale_up_to_whole(header->width_px, plan->scale_eighths);
    int decoded_height_px = scale_up_to_whole(header->height_px, plan->scale_eighths);
    bool swaps_sides = tt_orientation_swaps_sides(header->orientation);
    int result_width_px = swaps_sides ? plan->height_px : plan->width_px;

    return header->whole_bytes + CODEC_BYTES + 2 * (int64_t)header->icc_bytes +
           (is_gray ? 0 : tt_colour_bytes(result_width_px, header->icc_bytes)) +
           (int64_t)header->width_px * DECODER_BYTES_PER_PIXEL +
           tt_resample_bytes(decoded_width_px, decoded_height_px, plan->channels, &plan->box,
                             plan->width_px, plan->height_px) +
           tt_orient_bytes(plan->width_px, plan->height_px, plan->channels, header->orientation) +
           tt_flatten_bytes(result_width_px) + (int64_t)result_width_px * ENCODER_BYTES_PER_PIXEL;
}

static bool is_over(struct size size, const struct tt_picture_limits *limits) {
    return size.width > TT_OPERATION_SIDE_MAX_PX || size.height > TT_OPERATION_SIDE_MAX_PX ||
           size.width * size.height > limits->max_pixels;
}

enum tt_err tt_plan_make(struct tt_plan *plan, const struct tt_picture_header *header,
                         const struct tt_picture_options *options,
                         const struct tt_picture_limits *limits) {
    struct size picture = {header->width_px, header->height_px};
    struct size result;

    *plan = (struct tt_plan){.scale_eighths = 8};
    if (is_over(picture, limits))
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "The picture is %d x %d pixels; at most %lld pixels in all, and %d on "
                             "a side, are accepted. Send a smaller one.",
                             header->width_px, header->height_px, (long long)limits->max_pixels,
                             TT_OPERATION_SIDE_MAX_PX);
    result = fit_picture(picture, header, options, &plan->box);
    if (is_over(result, limits))
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "The result would be %lld x %lld pixels; at most %lld pixels in all, "
                             "and %d on a side, are made. Ask for a smaller size.",
                             (long long)result.width, (long long)result.height,
                             (long long)limits->max_pixels, TT_OPERATION_SIDE_MAX_PX);
    plan->width_px = (int)result.width;
    plan->height_px = (int)result.height;
    plan->channels = options->grayscale ? 2 - header->channels % 2 : header->channels;
    if (header->can_scale)
        plan->scale_eighths =
            choose_scale(&plan->box, result, options->grayscale ? 1 : header->chroma_ratio);
    scale_box(&plan->box, plan->scale_eighths);

    plan->memory_bytes = count_memory(plan, header, options->grayscale);
    if (plan->memory_bytes > limits->max_memory_bytes)
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "The picture, %d x %d pixels, would take %lld bytes of memory; at "
                             "most %lld are allowed. %s",
                             header->width_px, header->height_px, (long long)plan->memory_bytes,
                             (long long)limits->max_memory_bytes,
                             header->whole ? "Save it as a baseline JPEG or a PNG that is not "
                                             "interlaced, or send a smaller one."
                                           : "Send a smaller one, or ask for a smaller result.");
    return TT_OK;
}
