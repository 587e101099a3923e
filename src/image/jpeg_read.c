/* JPEG reader: a row source over libjpeg-turbo. Here: its whole life, its errors in plain words,
 * and the colour conversions it lacks. Which colours are wanted is the caller's business.
 *
 * libjpeg reports errors by a function that must not return. Every call of the library is made
 * within run_step, the one place with a setjmp; all state lives in struct jpeg_decoder, so the jump
 * finds no half-changed local variable. */
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h wants it first */
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image/colour.h"
#include "image/decoder.h"
#include "image/exif.h"
#include "image/input.h"
#include "image/jpeg_icc.h"
#include "image/luma.h"

#define MARKER_APP1      (JPEG_APP0 + 1)
#define APP1_BYTES_MAX   65533    /* T.81 B.2.4.6: a 16-bit length that counts its own two bytes */
#define EXIF_INTRO       "Exif\0" /* then one byte of padding: Exif 2.32, 4.5.4 */
#define EXIF_INTRO_BYTES 6
#define MARKER_APP2      (JPEG_APP0 + 2)

struct jpeg_decoder {
    struct tt_decoder base; /* first: see decoder.h */
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr reader;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    enum tt_err err; /* why `escape` was taken; stays */
    struct tt_input input;
    uint8_t *app1; /* room for APP1_BYTES_MAX; NULL until such a marker comes */
    bool have_exif;
    struct tt_jpeg_icc icc;
    const uint8_t *cmyk_profile; /* NULL: none */
    size_t cmyk_profile_bytes;
    struct tt_colour_transform *cmyk_transform; /* NULL: none that makes sense */
    bool grayscale;
    uint8_t *row;  /* what the library writes */
    uint8_t *cmyk; /* row, when it has four inks and the source's row is another */
};

/* ---- errors ---- */

struct message {
    int code;
    enum tt_err err;
    const char *sentence; /* NULL: nothing a client should read */
};

#define SAVE_AGAIN "Save it as a baseline or progressive JPEG of 8 bits a sample."
#define SEND_AGAIN "Send it again, or save it again from a program that can still open it."

/* Errors and warnings that deserve better than "damaged (what libjpeg said)". */
static const struct message messages[] = {
    {JERR_EMPTY_IMAGE, TT_ERR_PICTURE_BROKEN,
     "The JPEG's header gives no width or no height. " SAVE_AGAIN},
    {JERR_BAD_PRECISION, TT_ERR_PICTURE_TYPE,
     "The JPEG does not have 8 bits a sample. " SAVE_AGAIN},
    {JERR_SOF_UNSUPPORTED, TT_ERR_PICTURE_TYPE,
     "The JPEG is of a lossless or hierarchical kind, which is not supported. " SAVE_AGAIN},
    {JERR_ARITH_NOTIMPL, TT_ERR_PICTURE_TYPE,
     "The JPEG uses arithmetic coding, which is not supported. " SAVE_AGAIN},
    {JERR_FRACT_SAMPLE_NOTIMPL, TT_ERR_PICTURE_TYPE,
     "The JPEG uses a colour subsampling that is not supported. " SAVE_AGAIN},
    {JERR_CONVERSION_NOTIMPL, TT_ERR_PICTURE_TYPE,
     "The JPEG uses a colour space that is not supported. " SAVE_AGAIN},
    {JERR_IMAGE_TOO_BIG, TT_ERR_PICTURE_TOO_LARGE,
     "The JPEG is wider or higher than 65500 pixels. Send a smaller picture."},
    {JERR_NO_BACKING_STORE, TT_ERR_PICTURE_TOO_LARGE,
     "The JPEG takes more memory than a picture may take. Save it as a baseline JPEG, or smaller."},
    {JERR_OUT_OF_MEMORY, TT_ERR_NO_MEMORY, NULL},
    {JWRN_HIT_MARKER, TT_ERR_PICTURE_BROKEN,
     "The JPEG's data ends before the picture does: a part of it is missing. " SEND_AGAIN},
};

static enum tt_err note_failure(j_common_ptr library) {
    char text[JMSG_LENGTH_MAX];
    library->err->format_message(library, text);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        const struct message *message = &messages[i];
        if (message->code != library->err->msg_code)
            continue;
        return message->sentence ? tt_err_refuse(message->err, "%s", message->sentence)
                                 : tt_err_fail(message->err, "libjpeg: %s", text);
    }
    return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The JPEG is damaged (%s). " SEND_AGAIN, text);
}

static _Noreturn void leave_step(struct jpeg_decoder *decoder, enum tt_err err) {
    decoder->err = err;
    longjmp(decoder->escape, 1);
}

static void on_error(j_common_ptr library) {
    leave_step(library->client_data, note_failure(library));
}

/* Some cameras leave a few bytes before the end marker; more than that, or anything at all before a
 * restart marker, is picture data the decoder lost its way in. */
#define PADDING_BYTES_MAX 16

/* A warning means that libjpeg goes on with made-up pixels, which is a broken picture here, unless
 * no pixel is in doubt. */
static bool warning_is_harmless(const struct jpeg_error_mgr *errors) {
    switch (errors->msg_code) {
    case JWRN_JFIF_MAJOR:     /* a version number nothing depends on */
    case JWRN_ADOBE_XFORM:    /* an unknown code is read as the usual one, as everywhere */
    case JWRN_NOT_SEQUENTIAL: /* old encoders write zeros for spectral selection; it is not used */
        return true;
    case JWRN_EXTRANEOUS_DATA: /* parameters: how many bytes, before which marker */
        return errors->msg_parm.i[0] <= PADDING_BYTES_MAX &&
               !(errors->msg_parm.i[1] >= JPEG_RST0 && errors->msg_parm.i[1] <= JPEG_RST0 + 7);
    default: return false;
    }
}

static void on_message(j_common_ptr library, int level) {
    if (level < 0 && !warning_is_harmless(library->err))
        on_error(library);
}

static enum tt_err run_step(struct jpeg_decoder *decoder, void (*step)(struct jpeg_decoder *)) {
    if (setjmp(decoder->escape) == 0)
        step(decoder);
    return decoder->err;
}

/* ---- the file ---- */

static void begin_reading(j_decompress_ptr library) {
    (void)library;
}

/* The library is handed less at a time than its fast path through Huffman codes takes (512 bytes a
 * block: jdhuff.c of libjpeg-turbo 2.1), because that path lets a code that is none pass without a
 * warning. This costs 3 % of the instructions of a rendering. */
#define WINDOW_BYTES 511

/* Input's position is that of the first byte the library has not been handed. */
static boolean fill_reader(j_decompress_ptr library) {
    struct jpeg_decoder *decoder = library->client_data;
    struct tt_input *input = &decoder->input;
    enum tt_err err = input->position == input->length ? tt_input_fill(input) : TT_OK;
    if (err != TT_OK)
        leave_step(decoder, err);
    size_t left = input->length - input->position;
    if (left == 0)
        leave_step(decoder, tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                                          "The JPEG ends before the picture does: the file was "
                                          "cut short. " SEND_AGAIN));
    decoder->reader.next_input_byte = input->buffer + input->position;
    decoder->reader.bytes_in_buffer = left < WINDOW_BYTES ? left : WINDOW_BYTES;
    input->position += decoder->reader.bytes_in_buffer;
    return TRUE;
}

static void skip_reader(j_decompress_ptr library, long length) {
    struct jpeg_decoder *decoder = library->client_data;
    if (length <= 0)
        return;
    decoder->input.position -= decoder->reader.bytes_in_buffer;
    decoder->reader.bytes_in_buffer = 0;
    tt_input_skip(&decoder->input, (size_t)length);
}

static void end_reading(j_decompress_ptr library) {
    (void)library;
}

static uint8_t read_byte(struct jpeg_decoder *decoder) {
    if (decoder->reader.bytes_in_buffer == 0)
        fill_reader(&decoder->library);
    decoder->reader.bytes_in_buffer--;
    return *decoder->reader.next_input_byte++;
}

/* Reads a marker's length and returns how many bytes follow it. */
static size_t read_length(struct jpeg_decoder *decoder) {
    size_t length = (size_t)read_byte(decoder) << 8;
    length |= read_byte(decoder);
    return length > 2 ? length - 2 : 0;
}

static void read_bytes(struct jpeg_decoder *decoder, uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        bytes[i] = read_byte(decoder);
}

/* Called by the library at an APP1 marker. jpeg_save_markers would keep every one of them, and a
 * file can be nothing but APP1 markers; here one buffer serves all. */
static boolean read_app1(j_decompress_ptr library) {
    struct jpeg_decoder *decoder = library->client_data;
    size_t length = read_length(decoder);
    if (decoder->have_exif || length < EXIF_INTRO_BYTES) {
        skip_reader(library, (long)length);
        return TRUE;
    }
    if (!decoder->app1)
        decoder->app1 = tt_arena_alloc(decoder->base.arena, APP1_BYTES_MAX);
    if (!decoder->app1)
        leave_step(decoder, TT_ERR_NO_MEMORY);
    read_bytes(decoder, decoder->app1, length);
    if (memcmp(decoder->app1, EXIF_INTRO, sizeof EXIF_INTRO - 1) == 0) {
        decoder->have_exif = true;
        decoder->base.header.orientation =
            tt_exif_orientation(decoder->app1 + EXIF_INTRO_BYTES, length - EXIF_INTRO_BYTES);
    }
    return TRUE;
}

/* Called by the library at an APP2 marker, which other things than profiles use as well. */
static boolean read_app2(j_decompress_ptr library) {
    struct jpeg_decoder *decoder = library->client_data;
    size_t length = read_length(decoder);
    uint8_t intro[TT_JPEG_ICC_INTRO_BYTES];
    uint8_t *room = NULL;
    if (length >= sizeof intro) {
        read_bytes(decoder, intro, sizeof intro);
        length -= sizeof intro;
        enum tt_err err = tt_jpeg_icc_add(&decoder->icc, intro, length,
                                          (size_t)decoder->base.limits.max_chunk_bytes,
                                          decoder->base.arena, &room);
        if (err != TT_OK)
            leave_step(decoder, err);
    }
    if (room)
        read_bytes(decoder, room, length);
    else
        skip_reader(library, (long)length);
    return TRUE;
}

/* Called by the library again and again; each scan of a progressive JPEG costs a walk over the
 * whole picture, however few bytes it has. */
static void check_scans(j_common_ptr library) {
    struct jpeg_decoder *decoder = library->client_data;
    int64_t scans = decoder->library.input_scan_number;
    if (scans > decoder->base.limits.max_scans)
        leave_step(decoder, tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                                          "The JPEG has more than %lld scans. Save it as a "
                                          "baseline JPEG.",
                                          (long long)decoder->base.limits.max_scans));
}

/* ---- the header ---- */

static bool is_cmyk(const struct jpeg_decompress_struct *library) {
    return library->jpeg_color_space == JCS_CMYK || library->jpeg_color_space == JCS_YCCK;
}

/* A profile of four inks is applied here, as no row source has four channels of ink. Any other is
 * the caller's to apply. */
static void note_profile(struct jpeg_decoder *decoder) {
    struct tt_picture_header *header = &decoder->base.header;
    const uint8_t *profile;
    size_t profile_bytes;
    enum tt_err err =
        tt_jpeg_icc_join(&decoder->icc, decoder->base.arena, &profile, &profile_bytes);
    if (err != TT_OK)
        leave_step(decoder, err);
    if (profile && !is_cmyk(&decoder->library)) {
        header->icc_profile = profile;
        header->icc_bytes = profile_bytes;
        return;
    }
    decoder->cmyk_profile = profile;
    decoder->cmyk_profile_bytes = profile_bytes;
}

static void open_step(struct jpeg_decoder *decoder) {
    struct jpeg_decompress_struct *library = &decoder->library;
    struct tt_picture_header *header = &decoder->base.header;
    jpeg_create_decompress(library);
    library->src = &decoder->reader;
    library->progress = &decoder->progress;
    /* The coefficients of a progressive JPEG are all kept: libjpeg allocates them in start, and
     * refuses there what is over this limit. */
    library->mem->max_memory_to_use = (long)decoder->base.limits.max_memory_bytes;
    jpeg_set_marker_processor(library, MARKER_APP1, read_app1);
    jpeg_set_marker_processor(library, MARKER_APP2, read_app2);
    jpeg_read_header(library, TRUE);

    enum tt_err err =
        tt_decoder_check_pixels(&decoder->base, library->image_width, library->image_height);
    if (err != TT_OK)
        leave_step(decoder, err);
    if (library->arith_code) /* its decoder reads any bytes as a picture: damage would not show */
        ERREXIT(library, JERR_ARITH_NOTIMPL);
    if (library->jpeg_color_space == JCS_UNKNOWN)
        ERREXIT(library, JERR_CONVERSION_NOTIMPL);
    header->width_px = (int)library->image_width;
    header->height_px = (int)library->image_height;
    header->channels = library->jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
    note_profile(decoder);
}

/* ---- rows ---- */

static J_COLOR_SPACE output_space(const struct jpeg_decoder *decoder) {
    if (is_cmyk(&decoder->library))
        return JCS_CMYK;
    return decoder->base.header.channels == 1 || decoder->grayscale ? JCS_GRAYSCALE : JCS_RGB;
}

/* By now the library has the scans of the whole file, or the first one, which has it all. A
 * component of which there was none has no table yet, and would silently be an even gray. */
static void check_components(struct jpeg_decoder *decoder) {
    const struct jpeg_decompress_struct *library = &decoder->library;
    for (int i = 0; i < library->num_components; i++)
        if (!library->comp_info[i].quant_table)
            leave_step(decoder, tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                                              "The JPEG lacks a part of its colours. " SEND_AGAIN));
}

static void start_step(struct jpeg_decoder *decoder) {
    struct jpeg_decompress_struct *library = &decoder->library;
    struct tt_row_source *source = &decoder->base.source;
    library->dct_method = JDCT_ISLOW;
    library->out_color_space = output_space(decoder);
    jpeg_calc_output_dimensions(library);
    source->width_px = (int)library->output_width;
    source->height_px = (int)library->output_height;
    source->channels = decoder->base.header.channels == 1 || decoder->grayscale ? 1 : 3;

    decoder->row = tt_arena_alloc_array(decoder->base.arena, library->output_width,
                                        (size_t)library->output_components);
    if (!decoder->row)
        leave_step(decoder, TT_ERR_NO_MEMORY);
    if (library->out_color_space == JCS_CMYK) {
        decoder->cmyk = decoder->row;
        decoder->row = tt_arena_alloc_array(decoder->base.arena, library->output_width, 3);
        if (!decoder->row)
            leave_step(decoder, TT_ERR_NO_MEMORY);
        enum tt_err err = tt_colour_transform_open(&decoder->cmyk_transform, decoder->cmyk_profile,
                                                   decoder->cmyk_profile_bytes, TT_COLOUR_CMYK,
                                                   decoder->base.arena);
        if (err != TT_OK)
            leave_step(decoder, err);
    }
    jpeg_start_decompress(library);
    check_components(decoder);
}

/* Returns a × b / 255, rounded, which is exact for all 8-bit values (Blinn, "Three wrongs make a
 * right", 1995). */
static uint8_t multiply_255(unsigned int a, unsigned int b) {
    unsigned int product = a * b + 128;
    return (uint8_t)((product + (product >> 8)) >> 8);
}

/* Computes the light that a pixel's inks and its black leave, where no profile says it better.
 * Adobe's programs store 255 minus the ink, and browsers, Pillow and libvips read every file so,
 * marked or not. */
static void mix_inks(struct jpeg_decoder *decoder) {
    size_t width_px = decoder->library.output_width;
    const uint8_t *from = decoder->cmyk;
    uint8_t *to = decoder->row;
    for (size_t x = 0; x < width_px; x++, from += 4, to += 3) {
        unsigned int black = from[3];
        for (int c = 0; c < 3; c++)
            to[c] = multiply_255(from[c], black);
    }
}

static void convert_cmyk(struct jpeg_decoder *decoder) {
    int width_px = decoder->base.source.width_px;
    if (decoder->cmyk_transform)
        tt_colour_transform_row(decoder->cmyk_transform, decoder->row, decoder->cmyk, width_px);
    else
        mix_inks(decoder);
    if (decoder->base.source.channels == 1)
        tt_luma_row(decoder->row, decoder->row, (size_t)width_px, 3);
}

static void row_step(struct jpeg_decoder *decoder) {
    JSAMPROW row = decoder->cmyk ? decoder->cmyk : decoder->row;
    jpeg_read_scanlines(&decoder->library, &row, 1);
}

static void finish_step(struct jpeg_decoder *decoder) {
    while (decoder->library.output_scanline < decoder->library.output_height)
        row_step(decoder);
    jpeg_finish_decompress(&decoder->library); /* reads to the EOI marker */
}

/* ---- the decoder's functions ---- */

static enum tt_err next_row(struct tt_row_source *self, const uint8_t **row) {
    struct jpeg_decoder *decoder = (struct jpeg_decoder *)self;
    enum tt_err err = run_step(decoder, row_step);
    if (err != TT_OK)
        return err;
    if (decoder->cmyk)
        convert_cmyk(decoder);
    *row = decoder->row;
    return TT_OK;
}

static enum tt_err start_jpeg(struct tt_decoder *self, bool grayscale) {
    struct jpeg_decoder *decoder = (struct jpeg_decoder *)self;
    decoder->grayscale = grayscale;
    self->source.next = next_row;
    return run_step(decoder, start_step);
}

static enum tt_err finish_jpeg(struct tt_decoder *self) {
    return run_step((struct jpeg_decoder *)self, finish_step);
}

static void close_jpeg(struct tt_decoder *self) {
    struct jpeg_decoder *decoder = (struct jpeg_decoder *)self;
    jpeg_destroy_decompress(&decoder->library);
}

static enum tt_err open_jpeg(struct tt_decoder *self) {
    struct jpeg_decoder *decoder = (struct jpeg_decoder *)self;
    enum tt_err err = tt_input_init(&decoder->input, self->fd, self->arena);
    if (err != TT_OK)
        return err;
    decoder->library.err = jpeg_std_error(&decoder->errors);
    decoder->errors.error_exit = on_error;
    decoder->errors.emit_message = on_message;
    decoder->reader.init_source = begin_reading;
    decoder->reader.fill_input_buffer = fill_reader;
    decoder->reader.skip_input_data = skip_reader;
    decoder->reader.resync_to_restart = jpeg_resync_to_restart;
    decoder->reader.term_source = end_reading;
    decoder->progress.progress_monitor = check_scans;
    decoder->library.client_data = decoder;
    self->start = start_jpeg;
    self->finish = finish_jpeg;
    self->close = close_jpeg;
    return run_step(decoder, open_step);
}

const struct tt_decoder_kind tt_jpeg_decoder_kind = {sizeof(struct jpeg_decoder), open_jpeg};
