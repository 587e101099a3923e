/* Codec: finds the reader for a file and hands every call on to it. Decodes nothing itself. */
#include "image/codec.h"

#include "image/decoder.h"
#include "image/heif_library.h"
#include "tintype/file.h"
#include "tintype/image.h"

static const struct tt_decoder_kind *const kinds[TT_FORMAT_COUNT] = {
    [TT_FORMAT_PNG] = &tt_png_decoder_kind,   [TT_FORMAT_JPEG] = &tt_jpeg_decoder_kind,
    [TT_FORMAT_WEBP] = &tt_webp_decoder_kind, [TT_FORMAT_GIF] = &tt_gif_decoder_kind,
    [TT_FORMAT_HEIC] = &tt_heif_decoder_kind, [TT_FORMAT_AVIF] = &tt_heif_decoder_kind,
};

static enum tt_err sniff_file(int fd, enum tt_picture_format *format) {
    uint8_t start[TT_IMAGE_SNIFF_BYTES];
    size_t length = 0;
    enum tt_err err = tt_file_read_at(fd, 0, start, sizeof start, &length);
    *format = err == TT_OK ? tt_image_sniff(start, length) : TT_FORMAT_NONE;
    return err;
}

void tt_image_prepare(int picture_fd) {
    enum tt_picture_format format;
    (void)sniff_file(picture_fd, &format);
    if (format == TT_FORMAT_HEIC || format == TT_FORMAT_AVIF)
        (void)tt_heif_library_load();
    tt_err_clear(); /* whoever renders the picture meets the failure again, and tells the client */
}

enum tt_err tt_decoder_open(struct tt_decoder **decoder, int fd, struct tt_arena *arena,
                            const struct tt_picture_limits *limits,
                            struct tt_picture_header *header) {
    *decoder = NULL;
    enum tt_picture_format format;
    enum tt_err err = sniff_file(fd, &format);
    if (err != TT_OK)
        return err;
    const struct tt_decoder_kind *kind = kinds[format];
    if (!kind)
        return tt_err_refuse(TT_ERR_PICTURE_TYPE,
                             "The file is not a picture this service can read. "
                             "Send a JPEG, PNG, WebP, GIF, HEIC or AVIF.");
    struct tt_decoder *opened = tt_arena_alloc(arena, kind->size_bytes);
    if (!opened)
        return TT_ERR_NO_MEMORY;
    opened->fd = fd;
    opened->arena = arena;
    opened->limits = *limits;
    opened->header = (struct tt_picture_header){.format = format, .orientation = 1};
    err = kind->open(opened);
    if (err != TT_OK) {
        tt_decoder_close(opened);
        return err;
    }
    *header = opened->header;
    *decoder = opened;
    return TT_OK;
}

enum tt_err tt_decoder_start(struct tt_decoder *decoder, bool grayscale,
                             struct tt_row_source **source) {
    *source = NULL;
    enum tt_err err = decoder->start(decoder, grayscale);
    if (err == TT_OK)
        *source = &decoder->source;
    return err;
}

enum tt_err tt_decoder_finish(struct tt_decoder *decoder) {
    return decoder->finish(decoder);
}

void tt_decoder_close(struct tt_decoder *decoder) {
    if (decoder && decoder->close)
        decoder->close(decoder);
}

enum tt_err tt_decoder_check_pixels(const struct tt_decoder *self, int64_t width_px,
                                    int64_t height_px) {
    /* The same as width * height <= max_pixels, but the product of two 32-bit sides may overflow.
     */
    if (width_px == 0 || height_px <= self->limits.max_pixels / width_px)
        return TT_OK;
    return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                         "The picture is %lld x %lld pixels; at most %lld pixels in all are "
                         "accepted. Send a smaller picture.",
                         (long long)width_px, (long long)height_px,
                         (long long)self->limits.max_pixels);
}
