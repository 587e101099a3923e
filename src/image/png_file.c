/* PNG file: chunks, put together in one buffer and written when it is full. What is in the pixels'
 * stream is png_write.c's. */
#include "image/png_file.h"

#include <stddef.h>
#include <string.h>

#include <libdeflate.h>

#include "tintype/file.h"

#define SIGNATURE_BYTES  8
#define IHDR_BYTES       13
#define CHUNK_HEAD_BYTES 8 /* length and type */
#define CHUNK_TAIL_BYTES 4 /* CRC */
/* This is what a file has beside the bytes of Deflate: the signature, IHDR, the ends of an IDAT,
 * IEND. */
#define EDGE_BYTES (SIGNATURE_BYTES + IHDR_BYTES + 3 * (CHUNK_HEAD_BYTES + CHUNK_TAIL_BYTES))

uint32_t tt_png_crc(const uint8_t *bytes, size_t length) {
    return libdeflate_crc32(0, bytes, length);
}

size_t tt_png_file_bytes(size_t idat_bytes) {
    return idat_bytes + EDGE_BYTES;
}

static void store_32(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Puts length, type and checksum around data that is in its place already. */
static void end_chunk(struct tt_png_file *file, const char type[4], size_t length) {
    uint8_t *chunk = file->chunk;
    store_32(chunk, (uint32_t)length);
    memcpy(chunk + 4, type, 4);
    store_32(chunk + CHUNK_HEAD_BYTES + length,
             tt_png_crc(chunk + 4, CHUNK_HEAD_BYTES - 4 + length));
    file->chunk = chunk + CHUNK_HEAD_BYTES + length + CHUNK_TAIL_BYTES;
}

static enum tt_err write_out(struct tt_png_file *file) {
    enum tt_err err = tt_file_write(file->fd, file->bytes, (size_t)(file->chunk - file->bytes));
    file->chunk = file->bytes;
    return err;
}

static void begin_idat(struct tt_png_file *file) {
    file->sink.bytes = file->chunk + CHUNK_HEAD_BYTES;
    file->sink.length = 0;
}

static enum tt_err drain(struct tt_deflate_sink *sink) {
    struct tt_png_file *file =
        (struct tt_png_file *)((char *)sink - offsetof(struct tt_png_file, sink));
    end_chunk(file, "IDAT", sink->length);
    enum tt_err err = write_out(file);
    begin_idat(file);
    return err;
}

void tt_png_file_begin(struct tt_png_file *file, int fd, size_t idat_bytes,
                       const struct tt_row_sink *rows) {
    static const uint8_t signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t color_types[] = {0, 0, 4, 2, 6}; /* by channels */
    uint8_t *header = file->bytes + SIGNATURE_BYTES + CHUNK_HEAD_BYTES;
    file->fd = fd;
    file->adler = 1; /* of no bytes */
    file->sink = (struct tt_deflate_sink){.capacity = idat_bytes, .drain = drain};
    memcpy(file->bytes, signature, sizeof signature);
    file->chunk = file->bytes + SIGNATURE_BYTES;
    store_32(header, (uint32_t)rows->width_px);
    store_32(header + 4, (uint32_t)rows->height_px);
    header[8] = 8;
    header[9] = color_types[rows->channels];
    header[10] = header[11] = header[12] = 0;
    end_chunk(file, "IHDR", IHDR_BYTES);
    begin_idat(file);
    /* zlib's header says (RFC 1950): Deflate, a window of 32 KiB, the usual effort. */
    file->sink.bytes[0] = 0x78;
    file->sink.bytes[1] = 0x9c;
    file->sink.length = 2;
}

void tt_png_file_add(struct tt_png_file *file, const uint8_t *bytes, size_t length) {
    file->adler = libdeflate_adler32(file->adler, bytes, length);
}

enum tt_err tt_png_file_end(struct tt_png_file *file) {
    struct tt_deflate_sink *sink = &file->sink;
    tt_deflate_align(sink);
    store_32(sink->bytes + sink->length, file->adler);
    end_chunk(file, "IDAT", sink->length + 4);
    end_chunk(file, "IEND", 0);
    return write_out(file);
}
