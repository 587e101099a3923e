/* WebP writer: pulls rows and writes a lossy WebP with libwebp; pixels and alpha, nothing else.
 *
 * libwebp encodes a whole picture, but only its planes of luma and of quarter-size chroma: the rows
 * are turned into those a strip at a time, so the picture is never held in RGB. Strips are of an
 * even height, which makes the planes the same as libwebp's own of the whole. Its memory comes from
 * the heap, and is given back in this file. */
#include <string.h>

#include <webp/encode.h>

#include "image/codec.h"
#include "tintype/file.h"

#define STRIP_ROWS 16

_Static_assert(TT_WEBP_WRITE_SIDE_MAX_PX == WEBP_MAX_DIMENSION, "codec.h has libwebp's own limit");

/* How hard to look for the best modes. Measured on 8 photographs (Debian's mate-backgrounds, 720 px
 * wide, gray, quality 80), CPU time as the mean of each one's best of 4:
 *
 *     method 0     6.2 ms   316 KB   40.9 dB
 *     method 2    10.6 ms   262 KB   40.5 dB
 *     method 4    23.7 ms   253 KB   41.1 dB   (libwebp's default)
 *     method 6    55.0 ms   237 KB */
#define METHOD 4

/* Above this, libwebp walks over the picture again instead of keeping its symbols: in 1.6 of the
 * time, and in 4 bytes a pixel instead of 28. */
#define KEEP_SYMBOLS_MAX_PX (INT64_C(4) << 20)

/* For tt_webp_write_bytes: above what a counting malloc measured, with noise at quality 100, as
 * that is what packs worst. Alpha goes through the lossless packer, which takes 41 a pixel. */
#define SYMBOLS_BYTES_PER_PIXEL 32 /* 28.4 measured */
#define PLAIN_BYTES_PER_PIXEL   6  /* 4.1 */
#define ALPHA_BYTES_PER_PIXEL   48 /* 40.8 */
#define BYTES_PER_COLUMN        512
#define FIXED_BYTES             (1536 * 1024)

struct webp_encoder {
    int fd;
    enum tt_err write_err; /* of the file, which libwebp only knows as a failure */
    struct tt_row_source *source;
    WebPConfig config;
    WebPPicture picture;
    uint8_t *strip; /* STRIP_ROWS of RGB or RGBA; NULL for gray */
};

static enum tt_err note_failure(const struct webp_encoder *encoder, const WebPPicture *picture) {
    if (encoder->write_err != TT_OK)
        return encoder->write_err;
    switch (picture->error_code) {
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

/* 1 when all is written. */
static int write_file(const uint8_t *bytes, size_t length, const WebPPicture *picture) {
    struct webp_encoder *encoder = picture->custom_ptr;
    if (encoder->write_err == TT_OK)
        encoder->write_err = tt_file_write(encoder->fd, bytes, length);
    return encoder->write_err == TT_OK;
}

/* Luma of gray in the range 16 to 235 of BT.601, in the very integers of libwebp's own conversion
 * of r = g = b (VP8RGBToY in dsp/yuv.h), so that gray and RGB give the same file. */
static uint8_t gray_to_y(uint8_t gray) {
    return (uint8_t)((56318u * gray + (1u << 15) + (16u << 16)) >> 16);
}

static enum tt_err pull_gray(struct webp_encoder *encoder) {
    struct tt_row_source *source = encoder->source;
    WebPPicture *picture = &encoder->picture;
    size_t chroma_bytes = (size_t)picture->uv_stride * (size_t)((picture->height + 1) / 2);
    memset(picture->u, 128, chroma_bytes);
    memset(picture->v, 128, chroma_bytes);
    for (int y = 0; y < picture->height; y++) {
        const uint8_t *row = NULL;
        enum tt_err err = source->next(source, &row);
        if (err != TT_OK)
            return err;
        uint8_t *luma = picture->y + (size_t)y * (size_t)picture->y_stride;
        uint8_t *alpha = picture->a ? picture->a + (size_t)y * (size_t)picture->a_stride : NULL;
        for (int x = 0; x < picture->width; x++) {
            luma[x] = gray_to_y(row[x * source->channels]);
            if (alpha)
                alpha[x] = row[x * source->channels + 1];
        }
    }
    return TT_OK;
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

static enum tt_err pull_strip(struct webp_encoder *encoder, int top_px, int rows) {
    struct tt_row_source *source = encoder->source;
    size_t row_bytes = (size_t)source->width_px * (size_t)source->channels;
    for (int y = 0; y < rows; y++) {
        const uint8_t *row = NULL;
        enum tt_err err = source->next(source, &row);
        if (err != TT_OK)
            return err;
        memcpy(encoder->strip + (size_t)y * row_bytes, row, row_bytes);
    }
    WebPPicture strip;
    if (!WebPPictureInit(&strip))
        return tt_err_fail(TT_ERR_INTERNAL, "libwebp is not of the version of its header");
    strip.width = source->width_px;
    strip.height = rows;
    int done = source->channels == 4 ? WebPPictureImportRGBA(&strip, encoder->strip, (int)row_bytes)
                                     : WebPPictureImportRGB(&strip, encoder->strip, (int)row_bytes);
    if (done)
        copy_planes(&encoder->picture, &strip, top_px);
    enum tt_err err = done ? TT_OK : note_failure(encoder, &strip);
    WebPPictureFree(&strip);
    return err;
}

static enum tt_err pull_color(struct webp_encoder *encoder, struct tt_arena *arena) {
    struct tt_row_source *source = encoder->source;
    encoder->strip = tt_arena_alloc_array(arena, STRIP_ROWS,
                                          (size_t)source->width_px * (size_t)source->channels);
    if (!encoder->strip)
        return TT_ERR_NO_MEMORY;
    enum tt_err err = TT_OK;
    for (int top = 0; top < source->height_px && err == TT_OK; top += STRIP_ROWS) {
        int rows = source->height_px - top;
        err = pull_strip(encoder, top, rows < STRIP_ROWS ? rows : STRIP_ROWS);
    }
    return err;
}

static enum tt_err encode(struct webp_encoder *encoder, struct tt_arena *arena) {
    const struct tt_row_source *source = encoder->source;
    WebPPicture *picture = &encoder->picture;
    picture->width = source->width_px;
    picture->height = source->height_px;
    picture->colorspace = tt_row_has_alpha(source) ? WEBP_YUV420A : WEBP_YUV420;
    picture->writer = write_file;
    picture->custom_ptr = encoder;
    if (!WebPPictureAlloc(picture))
        return note_failure(encoder, picture);
    enum tt_err err = source->channels <= 2 ? pull_gray(encoder) : pull_color(encoder, arena);
    if (err == TT_OK && !WebPEncode(&encoder->config, picture))
        err = note_failure(encoder, picture);
    return err;
}

enum tt_err tt_webp_write(int fd, struct tt_row_source *source, int quality,
                          struct tt_arena *arena) {
    if (source->width_px > WEBP_MAX_DIMENSION || source->height_px > WEBP_MAX_DIMENSION)
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "A WebP holds at most %d pixels a side. Ask for a smaller width and "
                             "height, or for a PNG.",
                             WEBP_MAX_DIMENSION);
    struct webp_encoder *encoder = tt_arena_alloc(arena, sizeof *encoder);
    if (!encoder)
        return TT_ERR_NO_MEMORY;
    encoder->fd = fd;
    encoder->source = source;
    if (!WebPConfigInit(&encoder->config) || !WebPPictureInit(&encoder->picture))
        return tt_err_fail(TT_ERR_INTERNAL, "libwebp is not of the version of its header");
    encoder->config.quality = (float)quality;
    encoder->config.method = METHOD;
    encoder->config.low_memory =
        (int64_t)source->width_px * source->height_px > KEEP_SYMBOLS_MAX_PX;
    enum tt_err err = encode(encoder, arena);
    WebPPictureFree(&encoder->picture);
    return err;
}

int64_t tt_webp_write_bytes(int width_px, int height_px, int channels) {
    int64_t pixels = (int64_t)width_px * height_px;
    int64_t per_pixel =
        pixels > KEEP_SYMBOLS_MAX_PX ? PLAIN_BYTES_PER_PIXEL : SYMBOLS_BYTES_PER_PIXEL;
    if (channels == 2 || channels == 4)
        per_pixel = ALPHA_BYTES_PER_PIXEL;
    return pixels * per_pixel + (int64_t)width_px * BYTES_PER_COLUMN + FIXED_BYTES;
}
