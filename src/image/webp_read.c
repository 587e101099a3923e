/* WebP reader: a row source over libwebp. Here: the file's chunks, the first frame of an animation
 * laid on its canvas, the errors in plain words.
 *
 * libwebp is given one frame's bytes alone, so it never sees, and never walks, the rest of a file.
 * Of an animation nothing behind the first frame is decoded; a file shorter than its first
 * bytes say is refused, whatever is missing. */
#include <stdbool.h>
#include <string.h>

#include <webp/decode.h>

#include "image/decoder.h"
#include "image/exif.h"
#include "image/input.h"
#include "image/luma.h"
#include "tintype/file.h"

#define SEND_AGAIN "Send it again, or save it again from a program that can still open it."

/* Numbers are little-endian; a chunk is a name of four letters, a length, and that many bytes,
 * padded to an even count (RFC 9649, 2.3 and 2.7). */
#define CHUNK_HEAD_BYTES 8
#define RIFF_HEAD_BYTES  12
#define VP8X_BYTES       10
#define ANMF_BYTES       16 /* before the frame's own chunks */

/* Metadata behind that many chunks is not looked for. */
#define CHUNKS_MAX 10000

#define EXIF_BYTES_MAX   65536 /* no JPEG has room for more; the orientation is near the start */
#define EXIF_INTRO_BYTES 6     /* "Exif\0\0", which some programs leave there from a JPEG */

#define FEATURE_BYTES 64 /* of a chunk with its head: more than both kinds of header have */

struct chunk {
    uint8_t name[4];
    int64_t offset; /* in the file, of its bytes */
    uint32_t length;
};

struct webp_decoder {
    struct tt_decoder base; /* first: see decoder.h */
    struct tt_input input;
    int chunks_read;
    bool has_exif;
    int64_t riff_end; /* offset in the file */
    bool is_extended; /* there is a VP8X chunk, which gives the canvas: */
    int64_t canvas_width_px;
    int64_t canvas_height_px;
    bool is_animated;
    int64_t frame_offset; /* in the file, of the frame's first chunk; 0 while none was found */
    int64_t frame_bytes;
    int64_t pixels_offset; /* of its last chunk; where that is the first there is no alpha chunk */
    bool is_lossless;
    bool has_alpha;
    int left_px; /* where the frame lies on the canvas, and its size */
    int top_px;
    int width_px;
    int height_px;
    bool fills_canvas;
    WebPDecoderConfig library;
    uint8_t *pixels; /* of the frame, in the header's channels */
    uint8_t *row;    /* of the source, where it is not a row of pixels; NULL otherwise */
    int rows_given;
};

/* ---- the file's chunks ---- */

static enum tt_err cut_short(void) {
    return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The WebP ends before the picture does: the file "
                                                "was cut short. " SEND_AGAIN);
}

static enum tt_err damaged(const char *what) {
    return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The WebP is damaged (%s). " SEND_AGAIN, what);
}

static uint32_t load_24(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
}

static uint32_t load_32(const uint8_t *bytes) {
    return load_24(bytes) | (uint32_t)bytes[3] << 24;
}

static int64_t input_offset(const struct tt_input *input) {
    return input->offset - (int64_t)(input->length - input->position);
}

/* Reading only goes onwards, as all that is read lies in the order of the file. */
static void skip_to(struct webp_decoder *decoder, int64_t offset) {
    tt_input_skip(&decoder->input, (size_t)(offset - input_offset(&decoder->input)));
}

static enum tt_err read_exactly(struct webp_decoder *decoder, void *bytes, size_t length) {
    size_t got = 0;
    enum tt_err err = tt_input_read(&decoder->input, bytes, length, &got);
    return err == TT_OK && got < length ? cut_short() : err;
}

/* Reads the head of the next chunk of the room that ends at `end`; reading goes on at its bytes. */
static enum tt_err read_chunk(struct webp_decoder *decoder, int64_t end, struct chunk *chunk) {
    uint8_t head[CHUNK_HEAD_BYTES];
    if (decoder->chunks_read++ == CHUNKS_MAX)
        return damaged("there are too many blocks before its pixels");
    enum tt_err err = read_exactly(decoder, head, sizeof head);
    if (err != TT_OK)
        return err;
    memcpy(chunk->name, head, sizeof chunk->name);
    chunk->length = load_32(head + 4);
    chunk->offset = input_offset(&decoder->input);
    return chunk->length > end - chunk->offset ? damaged("a block is longer than the file") : TT_OK;
}

static int64_t chunk_end(const struct chunk *chunk) {
    return chunk->offset + chunk->length + chunk->length % 2;
}

static bool is_named(const struct chunk *chunk, const char *name) {
    return memcmp(chunk->name, name, sizeof chunk->name) == 0;
}

/* ---- what the chunks say ---- */

static enum tt_err read_canvas(struct webp_decoder *decoder, const struct chunk *chunk) {
    uint8_t bytes[VP8X_BYTES];
    if (chunk->length < sizeof bytes)
        return damaged("its header is short");
    enum tt_err err = read_exactly(decoder, bytes, sizeof bytes);
    if (err != TT_OK)
        return err;
    decoder->is_extended = true;
    decoder->canvas_width_px = (int64_t)load_24(bytes + 4) + 1;
    decoder->canvas_height_px = (int64_t)load_24(bytes + 7) + 1;
    return tt_decoder_check_pixels(&decoder->base, decoder->canvas_width_px,
                                   decoder->canvas_height_px);
}

static enum tt_err read_profile(struct webp_decoder *decoder, const struct chunk *chunk) {
    struct tt_picture_header *header = &decoder->base.header;
    if (header->icc_profile || chunk->length == 0 ||
        chunk->length > decoder->base.limits.max_chunk_bytes)
        return TT_OK;
    uint8_t *profile = tt_arena_alloc(decoder->base.arena, chunk->length);
    if (!profile)
        return TT_ERR_NO_MEMORY;
    header->icc_profile = profile;
    header->icc_bytes = chunk->length;
    return read_exactly(decoder, profile, chunk->length);
}

static enum tt_err read_exif(struct webp_decoder *decoder, const struct chunk *chunk) {
    decoder->has_exif = true;
    size_t length = chunk->length < EXIF_BYTES_MAX ? chunk->length : EXIF_BYTES_MAX;
    uint8_t *exif = tt_arena_alloc(decoder->base.arena, length);
    if (!exif)
        return TT_ERR_NO_MEMORY;
    enum tt_err err = read_exactly(decoder, exif, length);
    if (err != TT_OK)
        return err;
    if (length >= EXIF_INTRO_BYTES && memcmp(exif, "Exif\0", EXIF_INTRO_BYTES) == 0) {
        exif += EXIF_INTRO_BYTES;
        length -= EXIF_INTRO_BYTES;
    }
    decoder->base.header.orientation = tt_exif_orientation(exif, length);
    return TT_OK;
}

/* chunk is the first of a frame: its alpha, or its pixels. They go to libwebp as they stand. */
static enum tt_err find_frame(struct webp_decoder *decoder, struct chunk *chunk, int64_t end) {
    decoder->frame_offset = chunk->offset - CHUNK_HEAD_BYTES;
    while (!is_named(chunk, "VP8 ") && !is_named(chunk, "VP8L")) {
        if (chunk_end(chunk) > end - CHUNK_HEAD_BYTES)
            return damaged("a frame has no pixels");
        skip_to(decoder, chunk_end(chunk));
        enum tt_err err = read_chunk(decoder, end, chunk);
        if (err != TT_OK)
            return err;
    }
    decoder->pixels_offset = chunk->offset - CHUNK_HEAD_BYTES;
    decoder->is_lossless = is_named(chunk, "VP8L");
    if (decoder->is_lossless) /* has its alpha within */
        decoder->frame_offset = decoder->pixels_offset;
    decoder->frame_bytes = chunk->offset + chunk->length - decoder->frame_offset;
    return TT_OK;
}

/* The frame's place is in units of 2 px, its size less 1 (RFC 9649, 2.7.1.3). */
static enum tt_err find_animation_frame(struct webp_decoder *decoder, const struct chunk *chunk) {
    uint8_t bytes[ANMF_BYTES];
    struct chunk inner = {0};
    int64_t end = chunk->offset + chunk->length;
    decoder->is_animated = true;
    if (!decoder->is_extended || chunk->length < sizeof bytes + CHUNK_HEAD_BYTES)
        return damaged("a frame's header is short");
    enum tt_err err = read_exactly(decoder, bytes, sizeof bytes);
    if (err != TT_OK)
        return err;
    decoder->left_px = 2 * (int)load_24(bytes);
    decoder->top_px = 2 * (int)load_24(bytes + 3);
    decoder->width_px = (int)load_24(bytes + 6) + 1;
    decoder->height_px = (int)load_24(bytes + 9) + 1;
    if (decoder->left_px + decoder->width_px > decoder->canvas_width_px ||
        decoder->top_px + decoder->height_px > decoder->canvas_height_px)
        return damaged("a frame lies outside the canvas");
    err = read_chunk(decoder, end, &inner);
    return err == TT_OK ? find_frame(decoder, &inner, end) : err;
}

static enum tt_err take_chunk(struct webp_decoder *decoder, struct chunk *chunk) {
    if (is_named(chunk, "VP8X") && !decoder->is_extended && decoder->frame_offset == 0)
        return read_canvas(decoder, chunk);
    if (is_named(chunk, "ICCP"))
        return read_profile(decoder, chunk);
    if (is_named(chunk, "EXIF") && !decoder->has_exif)
        return read_exif(decoder, chunk);
    if (decoder->frame_offset != 0)
        return TT_OK;
    if (is_named(chunk, "ANMF"))
        return find_animation_frame(decoder, chunk);
    if (is_named(chunk, "ALPH") || is_named(chunk, "VP8 ") || is_named(chunk, "VP8L"))
        return find_frame(decoder, chunk, decoder->riff_end);
    return TT_OK;
}

static enum tt_err survey_chunks(struct webp_decoder *decoder) {
    uint8_t head[RIFF_HEAD_BYTES];
    uint8_t last;
    size_t got = 0;
    enum tt_err err = read_exactly(decoder, head, sizeof head);
    if (err != TT_OK)
        return err;
    decoder->riff_end = CHUNK_HEAD_BYTES + (int64_t)load_32(head + 4);
    err = tt_file_read_at(decoder->base.fd, decoder->riff_end - 1, &last, 1, &got);
    if (err != TT_OK)
        return err;
    if (got == 0)
        return cut_short();
    while (input_offset(&decoder->input) <= decoder->riff_end - CHUNK_HEAD_BYTES) {
        struct chunk chunk = {0};
        if (decoder->frame_offset != 0 && decoder->chunks_read == CHUNKS_MAX)
            break;
        err = read_chunk(decoder, decoder->riff_end, &chunk);
        if (err == TT_OK)
            err = take_chunk(decoder, &chunk);
        if (err != TT_OK)
            return err;
        /* Without a VP8X chunk there is the frame alone (RFC 9649, 2.5). */
        if (decoder->frame_offset != 0 && !decoder->is_extended)
            break;
        skip_to(decoder, chunk_end(&chunk));
    }
    return decoder->frame_offset != 0 ? TT_OK : damaged("it has no pixels");
}

/* ---- the header ---- */

static enum tt_err note_failure(VP8StatusCode status) {
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: return tt_err_fail(TT_ERR_NO_MEMORY, "libwebp");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return tt_err_refuse(TT_ERR_PICTURE_TYPE, "The WebP is of a kind that is not supported. "
                                                  "Save it again as a plain WebP.");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: return cut_short();
    case VP8_STATUS_BITSTREAM_ERROR: return damaged("its pixels");
    default: return tt_err_fail(TT_ERR_INTERNAL, "libwebp: status %d", (int)status);
    }
}

/* The pixels' chunk tells in its first bytes what libwebp will make of it. */
static enum tt_err read_features(struct webp_decoder *decoder) {
    uint8_t start[FEATURE_BYTES];
    WebPBitstreamFeatures features;
    size_t got = 0;
    enum tt_err err =
        tt_file_read_at(decoder->base.fd, decoder->pixels_offset, start, sizeof start, &got);
    if (err != TT_OK)
        return err;
    int64_t length = decoder->frame_offset + decoder->frame_bytes - decoder->pixels_offset;
    VP8StatusCode status =
        WebPGetFeatures(start, (int64_t)got < length ? got : (size_t)length, &features);
    if (status != VP8_STATUS_OK)
        return note_failure(status);
    if (features.width == 0 || features.height == 0)
        return damaged("it has no width or no height");
    if (decoder->is_animated
            ? features.width != decoder->width_px || features.height != decoder->height_px
            : decoder->is_extended && (features.width != decoder->canvas_width_px ||
                                       features.height != decoder->canvas_height_px))
        return damaged("its sizes differ");
    decoder->width_px = features.width;
    decoder->height_px = features.height;
    decoder->has_alpha = features.has_alpha || decoder->frame_offset != decoder->pixels_offset;
    return TT_OK;
}

static enum tt_err read_header(struct webp_decoder *decoder) {
    struct tt_picture_header *header = &decoder->base.header;
    enum tt_err err = survey_chunks(decoder);
    if (err == TT_OK)
        err = read_features(decoder);
    if (err != TT_OK)
        return err;
    header->width_px = decoder->is_animated ? (int)decoder->canvas_width_px : decoder->width_px;
    header->height_px = decoder->is_animated ? (int)decoder->canvas_height_px : decoder->height_px;
    decoder->fills_canvas =
        decoder->width_px == header->width_px && decoder->height_px == header->height_px;
    header->channels = decoder->has_alpha || !decoder->fills_canvas ? 4 : 3;
    return tt_decoder_check_pixels(&decoder->base, header->width_px, header->height_px);
}

/* ---- rows ---- */

static enum tt_err decode_frame(struct webp_decoder *decoder) {
    size_t channels = (size_t)decoder->base.header.channels;
    size_t row_bytes = (size_t)decoder->width_px * channels;
    size_t length = (size_t)decoder->frame_bytes;
    WebPDecoderConfig *library = &decoder->library;
    uint8_t *bytes = tt_arena_alloc(decoder->base.arena, length);
    decoder->pixels =
        tt_arena_alloc_array(decoder->base.arena, (size_t)decoder->height_px, row_bytes);
    if (!bytes || !decoder->pixels)
        return TT_ERR_NO_MEMORY;
    size_t got = 0;
    enum tt_err err = tt_file_read_at(decoder->base.fd, decoder->frame_offset, bytes, length, &got);
    if (err != TT_OK)
        return err;
    if (got < length)
        return cut_short();
    if (!WebPInitDecoderConfig(library))
        return tt_err_fail(TT_ERR_INTERNAL, "libwebp is not of the version of its header");
    library->output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    library->output.is_external_memory = 1;
    library->output.u.RGBA.rgba = decoder->pixels;
    library->output.u.RGBA.stride = (int)row_bytes;
    library->output.u.RGBA.size = row_bytes * (size_t)decoder->height_px;
    VP8StatusCode status = WebPDecode(bytes, length, library);
    WebPFreeDecBuffer(&library->output); /* nothing, while the memory is ours */
    return status == VP8_STATUS_OK ? TT_OK : note_failure(status);
}

static void lay_on_canvas(struct webp_decoder *decoder, const uint8_t *pixels) {
    size_t channels = (size_t)decoder->base.source.channels;
    uint8_t *to = decoder->row + (size_t)decoder->left_px * channels;
    size_t width_px = (size_t)decoder->width_px;
    if (decoder->base.source.channels == decoder->base.header.channels)
        memcpy(to, pixels, width_px * channels);
    else
        tt_luma_row(to, pixels, width_px, decoder->base.header.channels);
}

static enum tt_err next_row(struct tt_row_source *self, const uint8_t **row) {
    struct webp_decoder *decoder = (struct webp_decoder *)self;
    int y = decoder->rows_given++ - decoder->top_px;
    bool in_frame = y >= 0 && y < decoder->height_px;
    const uint8_t *pixels = in_frame ? decoder->pixels + (size_t)y * (size_t)decoder->width_px *
                                                             (size_t)decoder->base.header.channels
                                     : NULL;
    *row = decoder->row;
    if (!decoder->row)
        *row = pixels;
    else if (in_frame)
        lay_on_canvas(decoder, pixels);
    else if (y == decoder->height_px) /* the canvas below; the one above is still as it came */
        memset(decoder->row, 0, (size_t)self->width_px * (size_t)self->channels);
    return TT_OK;
}

/* ---- the decoder's functions ---- */

static enum tt_err start_webp(struct tt_decoder *self, bool grayscale) {
    struct webp_decoder *decoder = (struct webp_decoder *)self;
    self->source.width_px = self->header.width_px;
    self->source.height_px = self->header.height_px;
    self->source.channels = self->header.channels - (grayscale ? 2 : 0);
    self->source.next = next_row;
    if (grayscale || !decoder->fills_canvas) {
        decoder->row = tt_arena_alloc_array(self->arena, (size_t)self->source.width_px,
                                            (size_t)self->source.channels);
        if (!decoder->row)
            return TT_ERR_NO_MEMORY;
    }
    return decode_frame(decoder);
}

/* There is nothing left to do: start has decoded every pixel, and open has seen that the file is as
 * long as it says. */
static enum tt_err finish_webp(struct tt_decoder *self) {
    (void)self;
    return TT_OK;
}

static enum tt_err open_webp(struct tt_decoder *self) {
    struct webp_decoder *decoder = (struct webp_decoder *)self;
    self->start = start_webp;
    self->finish = finish_webp;
    enum tt_err err = tt_input_init(&decoder->input, self->fd, self->arena);
    return err == TT_OK ? read_header(decoder) : err;
}

const struct tt_decoder_kind tt_webp_decoder_kind = {sizeof(struct webp_decoder), open_webp};
