/* PNG reader: a row source over libpng. Here: its whole life, its errors in plain words, and the
 * limits of a file's chunks. Which size and colour are wanted is the caller's business.
 *
 * libpng reports errors by a function that must not return. Every call of the library is made
 * within run_step, the one place with a setjmp; all state lives in struct png_decoder, so the jump
 * finds no half-changed local variable. All of libpng's and zlib's memory comes from the arena. */
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include <png.h>

#include "image/decoder.h"
#include "image/exif.h"
#include "image/input.h"
#include "image/luma.h"

struct png_decoder {
    struct tt_decoder base; /* first: see decoder.h */
    png_structp library;
    png_infop info;
    jmp_buf escape;
    enum tt_err err; /* why `escape` was taken; stays */
    struct tt_input input;
    bool is_interlaced;   /* then no row is whole before the last pass has begun */
    uint8_t *rows;        /* one row, or all of them when the file is interlaced */
    size_t row_bytes;     /* of one, as libpng writes it */
    int library_channels; /* likewise */
    int rows_read;
};

/* ---- what libpng calls ---- */

#define SEND_AGAIN "Send it again, or save it again from a program that can still open it."

static _Noreturn void leave_step(struct png_decoder *decoder, enum tt_err err) {
    decoder->err = err;
    longjmp(decoder->escape, 1);
}

static _Noreturn void on_error(png_structp library, png_const_charp text) {
    struct png_decoder *decoder = png_get_error_ptr(library);
    if (decoder->err == TT_OK)
        decoder->err =
            tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The PNG is damaged (%s). " SEND_AGAIN, text);
    leave_step(decoder, decoder->err);
}

static void on_warning(png_structp library, png_const_charp text) {
    (void)library;
    (void)text;
}

static png_voidp take_memory(png_structp library, png_alloc_size_t size) {
    struct png_decoder *decoder = png_get_mem_ptr(library);
    void *memory = tt_arena_alloc(decoder->base.arena, size);
    if (!memory) /* libpng may go on without it; this decoder does not: run_step sees err */
        decoder->err = TT_ERR_NO_MEMORY;
    return memory;
}

static void give_memory_back(png_structp library, png_voidp memory) {
    (void)library;
    (void)memory; /* with the arena */
}

static enum tt_err cut_short(void) {
    return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The PNG ends before the picture does: the file "
                                                "was cut short. " SEND_AGAIN);
}

static void read_file(png_structp library, png_bytep bytes, size_t length) {
    struct png_decoder *decoder = png_get_io_ptr(library);
    size_t got = 0;
    enum tt_err err = tt_input_read(&decoder->input, bytes, length, &got);
    if (err == TT_OK && got < length)
        err = cut_short();
    if (err != TT_OK)
        leave_step(decoder, err);
}

static enum tt_err run_step(struct png_decoder *decoder, void (*step)(struct png_decoder *)) {
    if (setjmp(decoder->escape) == 0)
        step(decoder);
    return decoder->err;
}

/* ---- the header ---- */

#define SIGNATURE_BYTES 8
#define IHDR_BYTES      13
#define EXIF_BYTES_MAX  65536 /* no JPEG has room for more; the orientation is near the start */

static enum tt_err read_exactly(struct png_decoder *decoder, uint8_t *bytes, size_t length) {
    size_t got = 0;
    enum tt_err err = tt_input_read(&decoder->input, bytes, length, &got);
    return err == TT_OK && got < length ? cut_short() : err;
}

/* Holds the size in IHDR against the limits (PNG specification, 11.2.2). Damage in there is found
 * by libpng, which checks the CRC. */
static enum tt_err check_size(struct png_decoder *decoder) {
    uint8_t sides[8];
    enum tt_err err = read_exactly(decoder, sides, sizeof sides);
    if (err != TT_OK)
        return err;
    uint32_t width_px = png_get_uint_32(sides);
    uint32_t height_px = png_get_uint_32(sides + 4);
    err = tt_decoder_check_pixels(&decoder->base, width_px, height_px);
    if (err == TT_OK && (width_px > PNG_USER_WIDTH_MAX || height_px > PNG_USER_HEIGHT_MAX))
        err = tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                            "The PNG is wider or higher than %d pixels. Send a smaller picture.",
                            PNG_USER_WIDTH_MAX);
    tt_input_skip(&decoder->input, IHDR_BYTES - sizeof sides);
    return err;
}

/* An eXIf chunk holds the TIFF structure alone (PNG, third edition, 11.3.4.5). */
static enum tt_err read_exif(struct png_decoder *decoder, size_t length) {
    size_t kept = length < EXIF_BYTES_MAX ? length : EXIF_BYTES_MAX;
    uint8_t *exif = tt_arena_alloc(decoder->base.arena, kept);
    if (!exif)
        return TT_ERR_NO_MEMORY;
    enum tt_err err = read_exactly(decoder, exif, kept);
    if (err == TT_OK)
        decoder->base.header.orientation = tt_exif_orientation(exif, kept);
    tt_input_skip(&decoder->input, length - kept);
    return err;
}

/* Looks over the chunks before the pixels, as libpng will: the picture's size, no chunk over
 * max_chunk_bytes, and the orientation. libpng itself then skips every chunk that does not change a
 * pixel or say what its values mean, in constant memory. */
static enum tt_err survey_chunks(struct png_decoder *decoder) {
    bool have_exif = false;
    tt_input_skip(&decoder->input, SIGNATURE_BYTES);
    for (bool first = true;; first = false) {
        uint8_t start[8];
        enum tt_err err = read_exactly(decoder, start, sizeof start);
        if (err != TT_OK)
            return err;
        size_t length = png_get_uint_32(start);
        const uint8_t *type = start + 4;
        if (first != (memcmp(type, "IHDR", 4) == 0) || (first && length != IHDR_BYTES))
            return tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                                 "The PNG does not begin with its one header. " SEND_AGAIN);
        if (memcmp(type, "IDAT", 4) == 0 || memcmp(type, "IEND", 4) == 0)
            return TT_OK;
        if (length > (size_t)decoder->base.limits.max_chunk_bytes)
            return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                                 "The PNG has %zu bytes in one block beside the pixels; at most "
                                 "%lld are accepted. Save it without metadata.",
                                 length, (long long)decoder->base.limits.max_chunk_bytes);
        if (first) {
            err = check_size(decoder);
        } else if (!have_exif && memcmp(type, "eXIf", 4) == 0) {
            have_exif = true;
            err = read_exif(decoder, length);
        } else {
            tt_input_skip(&decoder->input, length);
        }
        if (err != TT_OK)
            return err;
        tt_input_skip(&decoder->input, 4); /* CRC */
    }
}

static const png_byte profile_chunk[] = "iCCP";

/* libpng has looked at the profile's header, and holds its length, inflated, to max_chunk_bytes;
 * what it does not like it leaves out. A profile beats an sRGB chunk (PNG, third edition, 11.3.2),
 * which says that there is nothing to convert. gAMA and cHRM are ignored, as Pillow and most
 * programs do: they are often wrong, and writers who mean it add a profile. */
static void note_profile(struct png_decoder *decoder) {
    png_charp name;
    int compression;
    png_bytep profile;
    png_uint_32 length;
    if (png_get_iCCP(decoder->library, decoder->info, &name, &compression, &profile, &length) == 0)
        return;
    decoder->base.header.icc_profile = profile;
    decoder->base.header.icc_bytes = length;
}

static void open_step(struct png_decoder *decoder) {
    struct tt_picture_header *header = &decoder->base.header;
    decoder->library = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, decoder, on_error,
                                                on_warning, decoder, take_memory, give_memory_back);
    if (!decoder->library)
        leave_step(decoder, decoder->err != TT_OK
                                ? decoder->err
                                : tt_err_fail(TT_ERR_INTERNAL, "png_create_read_struct_2"));
    png_structp library = decoder->library;
    decoder->info = png_create_info_struct(library);
    if (!decoder->info)
        leave_step(decoder, TT_ERR_NO_MEMORY);
    png_set_read_fn(library, decoder, read_file);
    png_set_chunk_malloc_max(library, (png_alloc_size_t)decoder->base.limits.max_chunk_bytes);
    png_set_crc_action(library, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    /* -1 stands for every chunk but IHDR, PLTE, tRNS, IDAT and IEND. */
    png_set_keep_unknown_chunks(library, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(library, PNG_HANDLE_CHUNK_AS_DEFAULT, profile_chunk, 1);
    png_read_info(library, decoder->info);
    /* Behind the pixels a profile is out of place, and must not become an error there. */
    png_set_keep_unknown_chunks(library, PNG_HANDLE_CHUNK_NEVER, profile_chunk, 1);
    note_profile(decoder);

    int color_type = png_get_color_type(library, decoder->info);
    bool alpha = (color_type & PNG_COLOR_MASK_ALPHA) != 0 ||
                 png_get_valid(library, decoder->info, PNG_INFO_tRNS) != 0;
    header->width_px = (int)png_get_image_width(library, decoder->info);
    header->height_px = (int)png_get_image_height(library, decoder->info);
    header->channels = ((color_type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1) + (alpha ? 1 : 0);
    decoder->is_interlaced = png_get_interlace_type(library, decoder->info) != PNG_INTERLACE_NONE;
}

/* ---- rows ---- */

static void start_step(struct png_decoder *decoder) {
    png_structp library = decoder->library;
    const struct tt_picture_header *header = &decoder->base.header;
    /* From here on an irregularity is damage: bytes left over in the compressed pixels, a wrong
     * checksum over them. Before, libpng's tolerance is right: a palette in a gray picture and such
     * change no pixel. */
    png_set_benign_errors(library, 0);
    png_set_expand(library); /* palette and 1, 2, 4 bits to 8; tRNS to alpha */
    png_set_scale_16(library);
    int passes = png_set_interlace_handling(library);
    png_read_update_info(library, decoder->info);
    decoder->row_bytes = png_get_rowbytes(library, decoder->info);
    if (decoder->row_bytes != (size_t)header->width_px * (size_t)header->channels)
        leave_step(decoder, tt_err_fail(TT_ERR_INTERNAL, "libpng gives rows of %zu bytes",
                                        decoder->row_bytes));
    size_t count = decoder->is_interlaced ? (size_t)header->height_px : 1;
    decoder->rows = tt_arena_alloc_array(decoder->base.arena, count, decoder->row_bytes);
    if (!decoder->rows)
        leave_step(decoder, TT_ERR_NO_MEMORY);
    if (!decoder->is_interlaced)
        return;
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < count; y++)
            png_read_row(library, decoder->rows + y * decoder->row_bytes, NULL);
}

static void row_step(struct png_decoder *decoder) {
    png_read_row(decoder->library, decoder->rows, NULL);
}

static void finish_step(struct png_decoder *decoder) {
    if (!decoder->is_interlaced)
        for (; decoder->rows_read < decoder->base.header.height_px; decoder->rows_read++)
            row_step(decoder);
    png_read_end(decoder->library, NULL); /* reads to the IEND chunk */
}

/* ---- the decoder's functions ---- */

static enum tt_err next_row(struct tt_row_source *self, const uint8_t **row) {
    struct png_decoder *decoder = (struct png_decoder *)self;
    uint8_t *samples = decoder->rows;
    if (decoder->is_interlaced) {
        samples += (size_t)decoder->rows_read * decoder->row_bytes;
    } else {
        enum tt_err err = run_step(decoder, row_step);
        if (err != TT_OK)
            return err;
    }
    decoder->rows_read++;
    if (self->channels != decoder->base.header.channels)
        tt_luma_row(samples, samples, (size_t)self->width_px, decoder->base.header.channels);
    *row = samples;
    return TT_OK;
}

static enum tt_err start_png(struct tt_decoder *self, bool grayscale) {
    struct png_decoder *decoder = (struct png_decoder *)self;
    bool to_gray = grayscale && self->header.channels >= 3;
    self->source.width_px = self->header.width_px;
    self->source.height_px = self->header.height_px;
    self->source.channels = self->header.channels - (to_gray ? 2 : 0);
    self->source.next = next_row;
    return run_step(decoder, start_step);
}

static enum tt_err finish_png(struct tt_decoder *self) {
    return run_step((struct png_decoder *)self, finish_step);
}

static void close_png(struct tt_decoder *self) {
    struct png_decoder *decoder = (struct png_decoder *)self;
    if (decoder->library)
        png_destroy_read_struct(&decoder->library, &decoder->info, NULL);
}

static enum tt_err open_png(struct tt_decoder *self) {
    struct png_decoder *decoder = (struct png_decoder *)self;
    self->start = start_png;
    self->finish = finish_png;
    self->close = close_png;
    enum tt_err err = tt_input_init(&decoder->input, self->fd, self->arena);
    if (err == TT_OK)
        err = survey_chunks(decoder);
    if (err != TT_OK)
        return err;
    tt_input_rewind(&decoder->input);
    return run_step(decoder, open_step);
}

const struct tt_decoder_kind tt_png_decoder_kind = {sizeof(struct png_decoder), open_png};
