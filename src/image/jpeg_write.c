/* JPEG writer: takes rows and writes a baseline JPEG with libjpeg-turbo; a JFIF header and pixels,
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

#include "image/encoder.h"
#include "tintype/file.h"

#define BUFFER_BYTES 65536

struct jpeg_encoder {
    struct tt_encoder base; /* first: see encoder.h */
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr writer;
    jmp_buf escape;
    enum tt_err err; /* why `escape` was taken */
    uint8_t *row;    /* of the sink's, for libjpeg, which takes no const */
    uint8_t buffer[BUFFER_BYTES];
};

static _Noreturn void leave_step(struct jpeg_encoder *encoder, enum tt_err err) {
    encoder->err = err;
    longjmp(encoder->escape, 1);
}

static void on_error(j_common_ptr library) {
    char text[JMSG_LENGTH_MAX];
    library->err->format_message(library, text);
    bool is_memory = library->err->msg_code == JERR_OUT_OF_MEMORY;
    leave_step(library->client_data,
               tt_err_fail(is_memory ? TT_ERR_NO_MEMORY : TT_ERR_INTERNAL, "libjpeg: %s", text));
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
    enum tt_err err = tt_file_write(encoder->base.fd, encoder->buffer, length);
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

static void open_step(struct jpeg_encoder *encoder) {
    struct jpeg_compress_struct *library = &encoder->library;
    const struct tt_row_sink *sink = &encoder->base.sink;
    jpeg_create_compress(library);
    library->dest = &encoder->writer;
    library->image_width = (JDIMENSION)sink->width_px;
    library->image_height = (JDIMENSION)sink->height_px;
    library->input_components = sink->channels;
    library->in_color_space = sink->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(library);
    jpeg_set_quality(library, encoder->base.quality, TRUE);
    jpeg_start_compress(library, TRUE);
}

static void row_step(struct jpeg_encoder *encoder) {
    struct jpeg_compress_struct *library = &encoder->library;
    jpeg_write_scanlines(library, &encoder->row, 1);
    if (library->next_scanline == library->image_height)
        jpeg_finish_compress(library);
}

static enum tt_err run_step(struct jpeg_encoder *encoder, void (*step)(struct jpeg_encoder *)) {
    if (setjmp(encoder->escape) == 0)
        step(encoder);
    return encoder->err;
}

/* ---- the encoder's functions ---- */

static enum tt_err put_row(struct tt_row_sink *sink, const uint8_t *row) {
    struct jpeg_encoder *encoder = (struct jpeg_encoder *)sink;
    memcpy(encoder->row, row, (size_t)sink->width_px * (size_t)sink->channels);
    return run_step(encoder, row_step);
}

static void close_jpeg(struct tt_encoder *self) {
    struct jpeg_encoder *encoder = (struct jpeg_encoder *)self;
    jpeg_destroy_compress(&encoder->library);
}

static enum tt_err open_jpeg(struct tt_encoder *self) {
    struct jpeg_encoder *encoder = (struct jpeg_encoder *)self;
    encoder->row =
        tt_arena_alloc_array(self->arena, (size_t)self->sink.width_px, (size_t)self->sink.channels);
    if (!encoder->row)
        return TT_ERR_NO_MEMORY;
    encoder->library.err = jpeg_std_error(&encoder->errors);
    encoder->errors.error_exit = on_error;
    encoder->errors.emit_message = on_message;
    encoder->writer.init_destination = begin_buffer;
    encoder->writer.empty_output_buffer = empty_buffer;
    encoder->writer.term_destination = end_buffer;
    encoder->library.client_data = encoder;
    self->sink.put = put_row;
    self->close = close_jpeg;
    return run_step(encoder, open_step);
}

const struct tt_encoder_kind tt_jpeg_encoder_kind = {
    .size_bytes = sizeof(struct jpeg_encoder),
    .side_max_px = JPEG_MAX_DIMENSION, /* libjpeg's; the format's is 65535 */
    .open = open_jpeg,
};
