/* Cost: CPU time by format and size. A picture that was made to be slow may take more: what it may
 * spend is limited by whoever runs the rendering, as a multiple of this. */
#include "image/cost.h"

/* Nanoseconds for each pixel of the file, or for each of its samples, were measured on 5 Mpx of a
 * noisy photograph and of noise, one core of an AMD EPYC at 2.6 GHz (libjpeg-turbo 2.1.5, libpng
 * 1.6.39, libwebp 1.2.4, giflib 5.2.1, libde265 1.0.11, dav1d 1.0.0), and rounded up: JPEG 9 to 35,
 * PNG 6 for each sample of 8 bits, WebP 29 to 74, GIF 19, HEIC 34 to
 * 170, AVIF 17 to 40. */
static const struct {
    int pixel_ns;
    int sample_ns;
} decoding[TT_FORMAT_COUNT] = {
    [TT_FORMAT_JPEG] = {.pixel_ns = 16}, [TT_FORMAT_PNG] = {.sample_ns = 8},
    [TT_FORMAT_WEBP] = {.pixel_ns = 50}, [TT_FORMAT_GIF] = {.pixel_ns = 20},
    [TT_FORMAT_HEIC] = {.pixel_ns = 80}, [TT_FORMAT_AVIF] = {.pixel_ns = 45},
};

/* The same for each sample of a result: PNG 8, JPEG 4, WebP 75 to 165. */
static const int encoding_ns[TT_FORMAT_COUNT] = {
    [TT_FORMAT_PNG] = 10, [TT_FORMAT_JPEG] = 5, [TT_FORMAT_WEBP] = 150};

/* Each result's resampling reads the part of the picture that it is made of: 1 to 2 for each
 * sample.
 */
#define RESAMPLING_NS 2

/* The machine may be half as fast. */
#define SLOWNESS 2

#define NS_PER_MS 1000000

int64_t tt_cost_ms(const struct tt_plan *plan, const struct tt_picture_header *header,
                   const struct tt_picture_output *outputs) {
    int64_t pixels = (int64_t)header->width_px * header->height_px;
    int64_t ns = pixels * (decoding[header->format].pixel_ns +
                           decoding[header->format].sample_ns * header->channels);
    for (int i = 0; i < plan->result_count; i++) {
        const struct tt_plan_result *result = &plan->results[i];
        double box =
            (result->box.right - result->box.left) * (result->box.bottom - result->box.top);
        int64_t samples = (int64_t)result->width_px * result->height_px * result->channels;
        ns += (int64_t)box * result->channels * RESAMPLING_NS +
              samples * encoding_ns[outputs[i].options->format];
    }
    return SLOWNESS * ns / NS_PER_MS;
}
