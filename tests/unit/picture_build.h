/* Pictures made by hand for the tests of src/image's codecs: PNG chunk by chunk, so that each can
 * be wrong on purpose, JPEG by libjpeg's writing side; and a decoder run from a file to a grid. */
#ifndef TINTYPE_TESTS_PICTURE_BUILD_H
#define TINTYPE_TESTS_PICTURE_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/codec.h"

/* ---- a file in memory ---- */

struct file {
    uint8_t bytes[65536];
    size_t length;
};

static inline void file_append(struct file *file, const void *bytes, size_t length) {
    assert_true(length <= sizeof file->bytes - file->length);
    memcpy(file->bytes + file->length, bytes, length);
    file->length += length;
}

static inline void file_append_byte(struct file *file, unsigned int byte) {
    uint8_t value = (uint8_t)byte;
    file_append(file, &value, 1);
}

static inline void store_32(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Returns the place of the first occurrence; the test fails without one. */
static inline size_t file_find(const struct file *file, const void *bytes, size_t length) {
    const uint8_t *found = memmem(file->bytes, file->length, bytes, length);
    assert_non_null(found);
    return (size_t)(found - file->bytes);
}

static inline int file_open(const uint8_t *bytes, size_t length) {
    int fd = memfd_create("picture", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, 0), length);
    return fd;
}

/* ---- PNG ---- */

static inline uint32_t png_crc(const uint8_t *bytes, size_t length) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

static inline void png_chunk(struct file *file, const char *type, const void *data, size_t length) {
    uint8_t word[4];
    store_32(word, (uint32_t)length);
    file_append(file, word, 4);
    size_t start = file->length;
    file_append(file, type, 4);
    file_append(file, data, length);
    store_32(word, png_crc(file->bytes + start, length + 4));
    file_append(file, word, 4);
}

static inline void png_begin(struct file *file, uint32_t width_px, uint32_t height_px,
                             unsigned int bits, unsigned int color_type, bool interlaced) {
    uint8_t header[13] = {0};
    file->length = 0;
    file_append(file, "\x89PNG\r\n\x1a\n", 8);
    store_32(header, width_px);
    store_32(header + 4, height_px);
    header[8] = (uint8_t)bits;
    header[9] = (uint8_t)color_type;
    header[12] = interlaced ? 1 : 0;
    png_chunk(file, "IHDR", header, sizeof header);
}

/* Adds one IDAT chunk with the scan lines (filter bytes included) in one stored deflate block. */
static inline void png_pixels(struct file *file, const void *lines, size_t length) {
    static struct file packed;
    uint32_t a = 1;
    uint32_t b = 0;
    const uint8_t *bytes = lines;
    for (size_t i = 0; i < length; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    packed.length = 0;
    file_append(&packed, "\x78\x01\x01", 3);
    file_append_byte(&packed, (unsigned int)length & 0xff);
    file_append_byte(&packed, (unsigned int)length >> 8);
    file_append_byte(&packed, ~(unsigned int)length & 0xff);
    file_append_byte(&packed, ~(unsigned int)length >> 8 & 0xff);
    file_append(&packed, lines, length);
    uint8_t adler[4];
    store_32(adler, b << 16 | a);
    file_append(&packed, adler, 4);
    png_chunk(file, "IDAT", packed.bytes, packed.length);
}

static inline void png_end(struct file *file) {
    png_chunk(file, "IEND", "", 0);
}

/* Builds a PNG of header, pixels and end, not interlaced. */
static inline void png_build(struct file *file, uint32_t width_px, uint32_t height_px,
                             unsigned int bits, unsigned int color_type, const void *lines,
                             size_t length) {
    png_begin(file, width_px, height_px, bits, color_type, false);
    png_pixels(file, lines, length);
    png_end(file);
}

/* ---- decoding ---- */

static const struct tt_picture_limits test_limits = {
    .max_pixels = 1000000,
    .max_memory_bytes = (int64_t)16 << 20,
    .max_chunk_bytes = 10000,
    .max_scans = 20,
};

struct grid {
    struct tt_picture_header header;
    int width_px;
    int height_px;
    int channels;
    uint8_t samples[65536];
};

struct decoding {
    bool grayscale;
    int rows;                               /* to pull before finish; negative: all */
    const struct tt_picture_limits *limits; /* NULL: test_limits */
};

static const struct decoding in_color = {.rows = -1};
static const struct decoding in_gray = {.grayscale = true, .rows = -1};

static inline enum tt_err pull_rows(struct tt_row_source *source, int rows, struct grid *grid) {
    size_t row_bytes = (size_t)source->width_px * (size_t)source->channels;
    grid->width_px = source->width_px;
    grid->height_px = source->height_px;
    grid->channels = source->channels;
    assert_true(row_bytes * (size_t)source->height_px <= sizeof grid->samples);
    for (int y = 0; y < rows; y++) {
        const uint8_t *row = NULL;
        enum tt_err err = source->next(source, &row);
        if (err != TT_OK)
            return err;
        if (!row)
            fail_msg("row %d is nowhere", y);
        else
            memcpy(grid->samples + (size_t)y * row_bytes, row, row_bytes);
    }
    return TT_OK;
}

/* Opens, starts, pulls rows, finishes and closes. */
static inline enum tt_err decode(const uint8_t *bytes, size_t length,
                                 const struct decoding *decoding, struct grid *grid) {
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_row_source *source = NULL;
    int fd = file_open(bytes, length);

    memset(grid, 0, sizeof *grid);
    tt_err_take(TT_OK);
    tt_arena_init(&arena, (size_t)test_limits.max_memory_bytes);
    enum tt_err err = tt_decoder_open(
        &decoder, fd, &arena, decoding->limits ? decoding->limits : &test_limits, &grid->header);
    if (err == TT_OK)
        err = tt_decoder_start(decoder, decoding->grayscale, &source);
    if (err == TT_OK)
        err = pull_rows(source, decoding->rows < 0 ? source->height_px : decoding->rows, grid);
    if (err == TT_OK)
        err = tt_decoder_finish(decoder);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);
    return err;
}

static inline void assert_decodes(const struct file *file, const struct decoding *decoding,
                                  struct grid *grid) {
    enum tt_err err = decode(file->bytes, file->length, decoding, grid);
    if (err != TT_OK)
        print_error("%s\n", tt_err_cause());
    assert_int_equal(err, TT_OK);
}

static inline void assert_grid(const struct grid *grid, int width_px, int height_px, int channels,
                               const void *samples) {
    assert_int_equal(grid->width_px, width_px);
    assert_int_equal(grid->height_px, height_px);
    assert_int_equal(grid->channels, channels);
    assert_memory_equal(grid->samples, samples, (size_t)(width_px * height_px * channels));
}

/* The picture is refused with that code, and a sentence that holds those words. */
static inline void assert_refused(const struct file *file, enum tt_err expected,
                                  const char *words) {
    static struct grid grid;
    assert_int_equal(decode(file->bytes, file->length, &in_color, &grid), expected);
    if (!strstr(tt_err_detail(expected), words))
        fail_msg("\"%s\" is not in \"%s\"", words, tt_err_detail(expected));
}

/* ---- encoding ---- */

/* A row sink that keeps what it gets, and may fail at one of its rows. */
struct sample_sink {
    struct tt_row_sink rows;
    uint8_t *samples;   /* where rows are kept; NULL: nowhere */
    const uint8_t *row; /* the last one, where it was put from */
    int y;
    int fails_at; /* negative: never */
};

static inline enum tt_err put_sample_row(struct tt_row_sink *self, const uint8_t *row) {
    struct sample_sink *sink = (struct sample_sink *)self;
    size_t row_bytes = (size_t)self->width_px * (size_t)self->channels;
    assert_true(sink->y < self->height_px);
    if (sink->y == sink->fails_at)
        return tt_err_fail(TT_ERR_STORAGE, "the sink fails");
    sink->row = row;
    if (sink->samples)
        memcpy(sink->samples + (size_t)sink->y * row_bytes, row, row_bytes);
    sink->y++;
    return TT_OK;
}

static inline struct sample_sink sample_sink(uint8_t *samples, int width_px, int height_px,
                                             int channels) {
    return (struct sample_sink){.rows = {.width_px = width_px,
                                         .height_px = height_px,
                                         .channels = channels,
                                         .put = put_sample_row},
                                .samples = samples,
                                .fails_at = -1};
}

/* Puts as many rows as the sink takes. */
static inline enum tt_err put_samples(struct tt_row_sink *sink, const uint8_t *samples) {
    size_t row_bytes = (size_t)sink->width_px * (size_t)sink->channels;
    enum tt_err err = TT_OK;
    for (int y = 0; y < sink->height_px && err == TT_OK; y++)
        err = sink->put(sink, samples + (size_t)y * row_bytes);
    return err;
}

/* Writes a whole picture to fd, in an arena of cap_bytes. */
static inline enum tt_err encode(int fd, const struct tt_encoder_wish *wish, const uint8_t *samples,
                                 size_t cap_bytes) {
    struct tt_arena arena;
    struct tt_encoder *encoder;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, cap_bytes);
    enum tt_err err = tt_encoder_open(&encoder, fd, wish, &arena);
    if (err == TT_OK)
        err = put_samples(tt_encoder_sink(encoder), samples);
    tt_encoder_close(encoder);
    tt_arena_fini(&arena);
    return err;
}

/* Reads what an encoder wrote to fd, and closes it. */
static inline void file_read_back(struct file *file, int fd) {
    ssize_t got = pread(fd, file->bytes, sizeof file->bytes, 0);
    assert_true(got >= 0 && (size_t)got < sizeof file->bytes);
    file->length = (size_t)got;
    (void)close(fd);
}

#endif
