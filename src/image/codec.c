/* Codec: finds the reader or the writer of a format and hands every call on to it. Decodes and
 * encodes nothing itself. */
#include "image/codec.h"

#include "image/heif_library.h"
#include "tintype/file.h"
#include "tintype/image.h"

static const struct tt_decoder_kind *const decoder_kinds[TT_FORMAT_COUNT] = {
    [TT_FORMAT_PNG] = &tt_png_decoder_kind,   [TT_FORMAT_JPEG] = &tt_jpeg_decoder_kind,
    [TT_FORMAT_WEBP] = &tt_webp_decoder_kind, [TT_FORMAT_GIF] = &tt_gif_decoder_kind,
    [TT_FORMAT_HEIC] = &tt_heif_decoder_kind, [TT_FORMAT_AVIF] = &tt_heif_decoder_kind,
};

static const struct tt_encoder_kind *const encoder_kinds[TT_FORMAT_COUNT] = {
    [TT_FORMAT_PNG] = &tt_png_encoder_kind,
    [TT_FORMAT_JPEG] = &tt_jpeg_encoder_kind,
    [TT_FORMAT_WEBP] = &tt_webp_encoder_kind,
};

static enum tt_err sniff_file(int fd, enum tt_picture_format *format) {
    uint8_t start[TT_IMAGE_SNIFF_BYTES];
    size_t length = 0;
    enum tt_err err = tt_file_read_at(fd, 0, start, sizeof start, &length);
    *format = err == TT_OK ? tt_image_sniff(start, length) : TT_FORMAT_NONE;
    return err;
}

void tt_image_load(void) {
    tt_heif_library_load();
    /* Whoever renders such a picture meets the failure again, and tells the client. */
    tt_err_take(TT_OK);
}

void tt_image_prepare(int picture_fd) {
    enum tt_picture_format format;
    sniff_file(picture_fd, &format);
    tt_heif_library_leave_out(format != TT_FORMAT_HEIC && format != TT_FORMAT_AVIF);
    tt_err_take(TT_OK); /* whoever renders the picture meets a failure again */
}

enum tt_err tt_decoder_open(struct tt_decoder **decoder, int fd, struct tt_arena *arena,
                            const struct tt_picture_limits *limits,
                            struct tt_picture_header *header) {
    *decoder = NULL;
    enum tt_picture_format format;
    enum tt_err err = sniff_file(fd, &format);
    if (err != TT_OK)
        return err;
    const struct tt_decoder_kind *kind = decoder_kinds[format];
    if (!kind)
        return tt_picture_refuse_format();
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

/* ---- encoders ---- */

int tt_encoder_side_max_px(enum tt_picture_format format) {
    const struct tt_encoder_kind *kind = encoder_kinds[format];
    return kind ? kind->side_max_px : 0;
}

bool tt_encoder_has_alpha(enum tt_picture_format format) {
    const struct tt_encoder_kind *kind = encoder_kinds[format];
    return kind && kind->has_alpha;
}

enum tt_err tt_encoder_open(struct tt_encoder **encoder, int fd, const struct tt_encoder_wish *wish,
                            struct tt_arena *arena) {
    *encoder = NULL;
    const struct tt_encoder_kind *kind = encoder_kinds[wish->format];
    if (!kind)
        return tt_err_fail(TT_ERR_INTERNAL, "a %s is not written",
                           tt_picture_format_row(wish->format)->name);
    struct tt_encoder *opened = tt_arena_alloc(arena, kind->size_bytes);
    if (!opened)
        return TT_ERR_NO_MEMORY;
    opened->sink.width_px = wish->width_px;
    opened->sink.height_px = wish->height_px;
    opened->sink.channels = wish->channels;
    opened->fd = fd;
    opened->quality = wish->quality;
    opened->arena = arena;
    enum tt_err err = kind->open(opened);
    if (err != TT_OK) {
        tt_encoder_close(opened);
        return err;
    }
    *encoder = opened;
    return TT_OK;
}

struct tt_row_sink *tt_encoder_sink(struct tt_encoder *encoder) {
    return &encoder->sink;
}

void tt_encoder_close(struct tt_encoder *encoder) {
    if (encoder && encoder->close)
        encoder->close(encoder);
}
