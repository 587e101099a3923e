/* WebP writer: takes rows and writes a lossy WebP with libwebp; pixels and alpha, nothing else.
 *
 * libwebp encodes a whole picture, but only its planes of luma and of quarter-size chroma: the rows
 * are turned into those a strip at a time, so the picture is never held in RGB. Strips are of an
 * even height, which makes the planes the same as libwebp's own of the whole. Its memory comes from
 * the heap, and is given back in this file. */
#include <string.h>

#include <webp/encode.h>

#include "image/encoder.h"
#include "tintype/file.h"

#define STRIP_ROWS 16

/* How hard to look for the best modes. Measured on 8 photographs (Debian's mate-backgrounds, 720 px
 * wide, gray, quality 80), CPU time as the mean of each one's best of 4:
 *
 *     method 0     6.2 ms   316 KB   40.9 dB
 *     method 2    10.6 ms   262 KB   40.5 dB
 *     method 4    23.7 ms   253 KB   41.1 dB   (libwebp's default)
 *     method 6    55.0 ms   237 KB */
#define METHOD 4

/* Above this size libwebp walks over the picture again instead of keeping its symbols: in 1.6 of
 * the time, and in 4 bytes a pixel instead of 28. */
#define KEEP_SYMBOLS_MAX_PX (INT64_C(4) << 20)

struct webp_encoder {
    struct tt_encoder base; /* first: see encoder.h */
    enum tt_err write_err;  /* of the file, which libwebp only knows as a failure */
    WebPConfig config;
    WebPPicture picture;
    int rows_put;
    uint8_t *strip; /* STRIP_ROWS of RGB or RGBA; NULL for gray */
};

static enum tt_err note_failure(const struct webp_encoder *encoder, const WebPPicture *picture) {
    if (encoder->write_err != TT_OK)
        return encoder->write_err;
    switch (picture->error_code) {
    case VP8_ENC_OK: /* libwebp 1.2 gives no reason where its encoder of alpha lacks memory */
    case VP8_ENC_ERROR_OUT_OF_MEMORY:
    case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY: return tt_err_fail(TT_ERR_NO_MEMORY, "libwebp");
    case VP8_ENC_ERROR_PARTITION0_OVERFLOW: /* its prediction modes take over 512 KiB */
    case VP8_ENC_ERROR_PARTITION_OVERFLOW:
    case VP8_ENC_ERROR_FILE_TOO_BIG:
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "The result is larger than a WebP can hold. Ask for a smaller width "
                             "and height, a lower quality, or a PNG.");
    default: return tt_err_fail(TT_ERR_INTERNAL, "libwebp: error %d", (int)picture->error_code);
    }
}

/* Returns 1 when all is written. */
static int write_file(const uint8_t *bytes, size_t length, const WebPPicture *picture) {
    struct webp_encoder *encoder = picture->custom_ptr;
    if (encoder->write_err == TT_OK)
        encoder->write_err = tt_file_write(encoder->base.fd, bytes, length);
    return encoder->write_err == TT_OK;
}

/* Returns the luma of gray in the range 16 to 235 of BT.601, in the very integers of libwebp's own
 * conversion of r = g = b (VP8RGBToY in dsp/yuv.h), so that gray and RGB give the same file. */
static uint8_t gray_to_y(uint8_t gray) {
    return (uint8_t)((56318u * gray + (1u << 15) + (16u << 16)) >> 16);
}

static void put_gray(struct webp_encoder *encoder, const uint8_t *row) {
    WebPPicture *picture = &encoder->picture;
    int channels = encoder->base.sink.channels;
    size_t y = (size_t)encoder->rows_put;
    uint8_t *luma = picture->y + y * (size_t)picture->y_stride;
    uint8_t *alpha = picture->a ? picture->a + y * (size_t)picture->a_stride : NULL;
    for (int x = 0; x < picture->width; x++) {
        luma[x] = gray_to_y(row[x * channels]);
        if (alpha)
            alpha[x] = row[x * channels + 1];
    }
}

static void copy_plane(uint8_t *to, int to_stride, const uint8_t *from, int from_stride, int width,
                       int height) {
    for (int y = 0; y < height; y++)
        memcpy(to + (size_t)y * (size_t)to_stride, from + (size_t)y * (size_t)from_stride,
               (size_t)width);
}

static void copy_planes(WebPPicture *picture, const WebPPicture *strip, int top_px) {
    size_t top = (size_t)top_px;
    int chroma_width = (strip->width + 1) / 2;
    int chroma_height = (strip->height + 1) / 2;
    size_t chroma_offset = top / 2 * (size_t)picture->uv_stride;
    copy_plane(picture->y + top * (size_t)picture->y_stride, picture->y_stride, strip->y,
               strip->y_stride, strip->width, strip->height);
    copy_plane(picture->u + chroma_offset, picture->uv_stride, strip->u, strip->uv_stride,
               chroma_width, chroma_height);
    copy_plane(picture->v + chroma_offset, picture->uv_stride, strip->v, strip->uv_stride,
               chroma_width, chroma_height);
    if (!picture->a)
        return;
    uint8_t *alpha = picture->a + top * (size_t)picture->a_stride;
    if (strip->a)
        copy_plane(alpha, picture->a_stride, strip->a, strip->a_stride, strip->width,
                   strip->height);
    else /* opaque throughout */
        memset(alpha, 255, (size_t)picture->a_stride * (size_t)strip->height);
}

/* Converts the strip that ends with the last row put. */
static enum tt_err convert_strip(struct webp_encoder *encoder, int rows) {
    const struct tt_row_sink *sink = &encoder->base.sink;
    int row_bytes = sink->width_px * sink->channels;
    WebPPicture strip;
    if (!WebPPictureInit(&strip))
        return tt_err_fail(TT_ERR_INTERNAL, "libwebp is not of the version of its header");
    strip.width = sink->width_px;
    strip.height = rows;
    int done = sink->channels == 4 ? WebPPictureImportRGBA(&strip, encoder->strip, row_bytes)
                                   : WebPPictureImportRGB(&strip, encoder->strip, row_bytes);
    if (done)
        copy_planes(&encoder->picture, &strip, encoder->rows_put - rows);
    enum tt_err err = done ? TT_OK : note_failure(encoder, &strip);
    WebPPictureFree(&strip);
    return err;
}

static enum tt_err put_color(struct webp_encoder *encoder, const uint8_t *row) {
    const struct tt_row_sink *sink = &encoder->base.sink;
    size_t row_bytes = (size_t)sink->width_px * (size_t)sink->channels;
    memcpy(encoder->strip + (size_t)(encoder->rows_put % STRIP_ROWS) * row_bytes, row, row_bytes);
    int rows = encoder->rows_put % STRIP_ROWS + 1;
    bool is_last = encoder->rows_put + 1 == sink->height_px;
    encoder->rows_put++;
    return rows == STRIP_ROWS || is_last ? convert_strip(encoder, rows) : TT_OK;
}

/* ---- the encoder's functions ---- */

static enum tt_err put_row(struct tt_row_sink *sink, const uint8_t *row) {
    struct webp_encoder *encoder = (struct webp_encoder *)sink;
    if (encoder->strip) {
        enum tt_err err = put_color(encoder, row);
        if (err != TT_OK)
            return err;
    } else {
        put_gray(encoder, row);
        encoder->rows_put++;
    }
    if (encoder->rows_put == sink->height_px && !WebPEncode(&encoder->config, &encoder->picture))
        return note_failure(encoder, &encoder->picture);
    return TT_OK;
}

static void close_webp(struct tt_encoder *self) {
    struct webp_encoder *encoder = (struct webp_encoder *)self;
    WebPPictureFree(&encoder->picture);
}

/* Takes the planes of the whole picture, and a strip for what is converted into them. Gray needs no
 * strip, and its colours are the same everywhere. */
static enum tt_err take_memory(struct webp_encoder *encoder) {
    const struct tt_row_sink *sink = &encoder->base.sink;
    WebPPicture *picture = &encoder->picture;
    picture->width = sink->width_px;
    picture->height = sink->height_px;
    picture->colorspace = tt_row_has_alpha(sink->channels) ? WEBP_YUV420A : WEBP_YUV420;
    picture->writer = write_file;
    picture->custom_ptr = encoder;
    if (!WebPPictureAlloc(picture))
        return note_failure(encoder, picture);
    if (sink->channels <= 2) {
        size_t chroma_bytes = (size_t)picture->uv_stride * (size_t)((picture->height + 1) / 2);
        memset(picture->u, 128, chroma_bytes);
        memset(picture->v, 128, chroma_bytes);
        return TT_OK;
    }
    encoder->strip = tt_arena_alloc_array(encoder->base.arena, STRIP_ROWS,
                                          (size_t)sink->width_px * (size_t)sink->channels);
    return encoder->strip ? TT_OK : TT_ERR_NO_MEMORY;
}

static enum tt_err open_webp(struct tt_encoder *self) {
    struct webp_encoder *encoder = (struct webp_encoder *)self;
    if (!WebPConfigInit(&encoder->config) || !WebPPictureInit(&encoder->picture))
        return tt_err_fail(TT_ERR_INTERNAL, "libwebp is not of the version of its header");
    encoder->config.quality = (float)self->quality;
    encoder->config.method = METHOD;
    encoder->config.low_memory =
        (int64_t)self->sink.width_px * self->sink.height_px > KEEP_SYMBOLS_MAX_PX;
    self->sink.put = put_row;
    self->close = close_webp;
    return take_memory(encoder);
}

const struct tt_encoder_kind tt_webp_encoder_kind = {
    .size_bytes = sizeof(struct webp_encoder),
    .side_max_px = WEBP_MAX_DIMENSION, /* VP8 has 14 bits for a side: RFC 6386, 9.1 */
    .has_alpha = true,
    .open = open_webp,
};
