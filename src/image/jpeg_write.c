/* JPEG writer: pulls rows and writes a baseline JPEG with libjpeg-turbo; a JFIF header and pixels,
 * nothing else.
 *
 * Huffman tables are the standard ones: optimal tables (a few percent smaller) would hold the
 * coefficients of the whole picture in memory first. Errors jump back to run_step's setjmp, the
 * only one here; all state lives in struct jpeg_encoder. */
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h wants it first */
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image/codec.h"
#include "tintype/file.h"

#define BUFFER_BYTES 65536

_Static_assert(TT_JPEG_WRITE_SIDE_MAX_PX == JPEG_MAX_DIMENSION, "codec.h has libjpeg's own limit");

struct jpeg_encoder {
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr writer;
    jmp_buf escape;
    enum tt_err err; /* why `escape` was taken */
    int fd;
    struct tt_row_source *source;
    int quality;
    uint8_t *row;
    uint8_t buffer[BUFFER_BYTES];
};

static _Noreturn void leave_step(struct jpeg_encoder *encoder, enum tt_err err) {
    encoder->err = err;
    longjmp(encoder->escape, 1);
}

static void on_error(j_common_ptr library) {
    char text[JMSG_LENGTH_MAX];
    enum tt_err err;
    library->err->format_message(library, text);
    switch (library->err->msg_code) {
    case JERR_IMAGE_TOO_BIG:
        err = tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                            "A JPEG holds at most %ld pixels a side. Ask for a smaller width and "
                            "height, or for a PNG.",
                            JPEG_MAX_DIMENSION);
        break;
    case JERR_OUT_OF_MEMORY: err = tt_err_fail(TT_ERR_NO_MEMORY, "libjpeg: %s", text); break;
    default: err = tt_err_fail(TT_ERR_INTERNAL, "libjpeg: %s", text); break;
    }
    leave_step(library->client_data, err);
}

static void on_message(j_common_ptr library, int level) {
    (void)library;
    (void)level;
}

static void begin_buffer(j_compress_ptr library) {
    struct jpeg_encoder *encoder = library->client_data;
    encoder->writer.next_output_byte = encoder->buffer;
    encoder->writer.free_in_buffer = BUFFER_BYTES;
}

static void write_buffer(struct jpeg_encoder *encoder, size_t length) {
    enum tt_err err = tt_file_write(encoder->fd, encoder->buffer, length);
    if (err != TT_OK)
        leave_step(encoder, err);
}

/* By contract the whole buffer is full, whatever free_in_buffer says. */
static boolean empty_buffer(j_compress_ptr library) {
    write_buffer(library->client_data, BUFFER_BYTES);
    begin_buffer(library);
    return TRUE;
}

static void end_buffer(j_compress_ptr library) {
    struct jpeg_encoder *encoder = library->client_data;
    write_buffer(encoder, BUFFER_BYTES - encoder->writer.free_in_buffer);
}

static void write_step(struct jpeg_encoder *encoder) {
    struct jpeg_compress_struct *library = &encoder->library;
    struct tt_row_source *source = encoder->source;
    jpeg_create_compress(library);
    library->dest = &encoder->writer;
    library->image_width = (JDIMENSION)source->width_px;
    library->image_height = (JDIMENSION)source->height_px;
    library->input_components = source->channels;
    library->in_color_space = source->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(library);
    jpeg_set_quality(library, encoder->quality, TRUE);
    jpeg_start_compress(library, TRUE);
    size_t row_bytes = (size_t)source->width_px * (size_t)source->channels;
    while (library->next_scanline < library->image_height) {
        const uint8_t *row = NULL;
        enum tt_err err = source->next(source, &row);
        if (err != TT_OK)
            leave_step(encoder, err);
        memcpy(encoder->row, row, row_bytes); /* libjpeg takes no const */
        jpeg_write_scanlines(library, &encoder->row, 1);
    }
    jpeg_finish_compress(library);
}

static enum tt_err run_step(struct jpeg_encoder *encoder) {
    if (setjmp(encoder->escape) == 0)
        write_step(encoder);
    return encoder->err;
}

enum tt_err tt_jpeg_write(int fd, struct tt_row_source *source, int quality,
                          struct tt_arena *arena) {
    struct jpeg_encoder *encoder = tt_arena_alloc(arena, sizeof *encoder);
    if (!encoder)
        return TT_ERR_NO_MEMORY;
    encoder->row = tt_arena_alloc_array(arena, (size_t)source->width_px, (size_t)source->channels);
    if (!encoder->row)
        return TT_ERR_NO_MEMORY;
    encoder->fd = fd;
    encoder->source = source;
    encoder->quality = quality;
    encoder->library.err = jpeg_std_error(&encoder->errors);
    encoder->errors.error_exit = on_error;
    encoder->errors.emit_message = on_message;
    encoder->writer.init_destination = begin_buffer;
    encoder->writer.empty_output_buffer = empty_buffer;
    encoder->writer.term_destination = end_buffer;
    encoder->library.client_data = encoder;
    enum tt_err err = run_step(encoder);
    jpeg_destroy_compress(&encoder->library);
    return err;
}

/* libjpeg's rows of blocks, and its tables; above what a counting malloc measured: 11.5 bytes a
 * column in gray, 34.6 in RGB, and 110 KB. */
int64_t tt_jpeg_write_bytes(int width_px, int height_px, int channels) {
    (void)height_px; /* rows stream */
    return (int64_t)width_px * channels * 16 + 192 * 1024;
}
