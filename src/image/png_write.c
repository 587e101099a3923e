/* PNG writer: pulls rows and writes IHDR, IDAT and IEND; no other chunk.
 *
 * Here: bands of rows, which way each is compressed, and the chunks. Filters, matches, Huffman
 * codes and Deflate's blocks are in the other png_*.c.
 *
 * A photograph has no strings worth a search: filtered well, Huffman codes are all there is to
 * gain. In a drawing matches are everything. So the middle of each band is tried both ways, and a
 * screenshot with a photograph in it, or a page with white margins, gets each where it is due.
 *
 * Deflate is written here, as libraries have no way between the two: zlib spends 7 ns a byte on
 * Huffman codes alone (here 2), libdeflate takes only whole pictures. CPU time and size relative to
 * the default of Pillow 9.4 on the same pixels, by tests/bench/png_bench.py; "before" is libpng
 * with zlib's Z_RLE and the filters sub, up and average:
 *
 *                                          time: all  worst    size: mean  worst    before
 *     80 photographs, 256 to 1024 px wide     0.055   0.202        0.945   1.027   0.097  0.969
 *     32 drawings and screenshots             0.347   0.620        0.959   1.337   0.292  3.331
 *     20 desktop backgrounds, 720 px          0.170   0.452        0.935   1.017   0.185  1.120
 *
 * A gray photograph of 720 px takes 1.8 ms (Pillow: 38 ms). Of the drawings one is over 1.03 in
 * size, a smooth slope (20 KB for Pillow's 15), as Pillow looks at 128 places for each byte; over
 * half of Pillow's time are gray screenshots whose even areas are noisy, where Pillow is quick as
 * well, and a gray icon of 0.3 ms. Concentric rings (a zone plate) are 1.41: their matches are
 * farther apart than the rows tried. */
#include <string.h>

#include <libdeflate.h>

#include "image/codec.h"
#include "image/png_deflate.h"
#include "image/png_filter.h"
#include "image/png_match.h"
#include "tintype/file.h"

#define BAND_BYTES    65536 /* of lines, about */
#define HISTORY_BYTES TT_DEFLATE_DISTANCE_MAX
#define SAMPLE_BYTES  4096  /* of a band's lines, at least */
#define SAMPLE_ROWS   3     /* likewise, and of a band */
#define PIECES_MAX    24576 /* of a block with matches */
#define LITERALS_MAX  32768 /* of a block without */
#define FILE_BYTES    65536

#define ARENA_PADDING_BYTES 64 /* of each allocation, at most (arena.h) */

/* What matches must save, and by what one way with them must beat the other, as a part: 1 in so
 * many. On samples of photographs matches save nothing, up to 3 in 100; of drawings 15 in 100 and
 * more. */
#define GAIN_PART 16

#define SIGNATURE_BYTES  8
#define IHDR_BYTES       13
#define CHUNK_HEAD_BYTES 8 /* length and type */
#define CHUNK_TAIL_BYTES 4 /* CRC */
/* Beside the bytes of Deflate: the signature, IHDR, the ends of an IDAT, IEND. */
#define FILE_EDGE_BYTES (SIGNATURE_BYTES + IHDR_BYTES + 3 * (CHUNK_HEAD_BYTES + CHUNK_TAIL_BYTES))

/* How a band is compressed. */
enum way {
    WAY_LITERALS,      /* adaptive filters, Huffman codes alone: photographs */
    WAY_MATCHES,       /* adaptive filters, and matches */
    WAY_MATCHES_PLAIN, /* no filter, and matches: what repeats stays equal */
};

/* Sizes of what depends on the picture's. */
struct sizes {
    size_t row_bytes;
    size_t line_bytes; /* with the filter's number */
    size_t band_rows;
    size_t sample_rows;
};

struct png_encoder {
    int fd;
    struct tt_row_source *source;
    size_t channels;
    struct sizes sizes;

    uint8_t *rows;   /* the row above a band, then the band's */
    uint8_t *window; /* what matches may reach, then the band's lines */
    uint32_t base;   /* place of window[0] */
    enum way way;    /* of the band before */
    struct tt_match_finder finder;
    struct tt_pieces found;
    uint32_t adler;

    uint8_t *sample; /* lines of a band's middle */
    tt_piece *sample_pieces;
    uint32_t sample_base;
    struct tt_match_finder sample_finder;

    struct tt_deflate_codes codes;
    struct tt_deflate_codes sample_codes;
    struct tt_deflate_sink sink;
    uint8_t *chunk; /* where in file the next chunk begins */
    uint8_t file[FILE_BYTES + FILE_EDGE_BYTES];
    tt_piece pieces[PIECES_MAX];
};

/* ---- chunks ---- */

static void store_32(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The data is in its place already. */
static void end_chunk(struct png_encoder *encoder, const char type[4], size_t length) {
    uint8_t *chunk = encoder->chunk;

    store_32(chunk, (uint32_t)length);
    memcpy(chunk + 4, type, 4);
    store_32(chunk + CHUNK_HEAD_BYTES + length,
             libdeflate_crc32(0, chunk + 4, CHUNK_HEAD_BYTES - 4 + length));
    encoder->chunk = chunk + CHUNK_HEAD_BYTES + length + CHUNK_TAIL_BYTES;
}

static enum tt_err write_file(struct png_encoder *encoder) {
    enum tt_err err =
        tt_file_write(encoder->fd, encoder->file, (size_t)(encoder->chunk - encoder->file));

    encoder->chunk = encoder->file;
    return err;
}

static void begin_idat(struct png_encoder *encoder) {
    encoder->sink.bytes = encoder->chunk + CHUNK_HEAD_BYTES;
    encoder->sink.length = 0;
}

static enum tt_err drain(struct tt_deflate_sink *sink) {
    struct png_encoder *encoder =
        (struct png_encoder *)((char *)sink - offsetof(struct png_encoder, sink));
    enum tt_err err;

    end_chunk(encoder, "IDAT", sink->length);
    err = write_file(encoder);
    begin_idat(encoder);
    return err;
}

static void begin_file(struct png_encoder *encoder) {
    static const uint8_t signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t color_types[] = {0, 0, 4, 2, 6};
    uint8_t *header = encoder->file + SIGNATURE_BYTES + CHUNK_HEAD_BYTES;

    memcpy(encoder->file, signature, sizeof signature);
    encoder->chunk = encoder->file + SIGNATURE_BYTES;
    store_32(header, (uint32_t)encoder->source->width_px);
    store_32(header + 4, (uint32_t)encoder->source->height_px);
    header[8] = 8;
    header[9] = color_types[encoder->channels];
    header[10] = header[11] = header[12] = 0;
    end_chunk(encoder, "IHDR", IHDR_BYTES);
    begin_idat(encoder);
    /* zlib's header (RFC 1950): Deflate, a window of 32 KiB, the usual effort. */
    encoder->sink.bytes[0] = 0x78;
    encoder->sink.bytes[1] = 0x9c;
    encoder->sink.length = 2;
}

static enum tt_err end_file(struct png_encoder *encoder) {
    struct tt_deflate_sink *sink = &encoder->sink;

    tt_deflate_align(sink);
    store_32(sink->bytes + sink->length, encoder->adler);
    end_chunk(encoder, "IDAT", sink->length + 4);
    end_chunk(encoder, "IEND", 0);
    return write_file(encoder);
}

/* ---- bands ---- */

static enum tt_err pull_rows(struct png_encoder *encoder, size_t count) {
    for (size_t i = 1; i <= count; i++) {
        const uint8_t *row = NULL;
        enum tt_err err = encoder->source->next(encoder->source, &row);

        if (err != TT_OK)
            return err;
        memcpy(encoder->rows + i * encoder->sizes.row_bytes, row, encoder->sizes.row_bytes);
    }
    return TT_OK;
}

static void filter_rows(const struct png_encoder *encoder, uint8_t *lines, size_t first,
                        size_t count, bool is_plain) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t *above = encoder->rows + (first + i) * encoder->sizes.row_bytes;
        const uint8_t *row = above + encoder->sizes.row_bytes;
        enum tt_png_filter filter =
            is_plain
                ? TT_PNG_FILTER_NONE
                : tt_png_filter_choose(row, above, encoder->sizes.row_bytes, encoder->channels);

        tt_png_filter_apply(filter, lines + i * encoder->sizes.line_bytes, row, above,
                            encoder->sizes.row_bytes, encoder->channels);
    }
}

/* The bits that the sample's lines take with matches. */
static uint64_t match_sample(struct png_encoder *encoder, size_t length) {
    struct tt_pieces found = {encoder->sample_pieces, 0, length};

    (void)tt_match_find(&encoder->sample_finder, &found, encoder->sample, 0, length,
                        encoder->sample_base);
    encoder->sample_base += (uint32_t)length;
    tt_deflate_count(&encoder->sample_codes, found.pieces, found.count);
    return tt_deflate_bits(&encoder->sample_codes);
}

/* Tries the ways on the middle of the band. Of the ways with matches, the one of the band before
 * stays unless the other is clearly better: lines filtered differently have no matches in common.
 */
static enum way choose_way(struct png_encoder *encoder, size_t band_rows) {
    size_t most = encoder->sizes.sample_rows;
    size_t count = most < band_rows ? most : band_rows;
    size_t first = (band_rows - count) / 2;
    size_t length = count * encoder->sizes.line_bytes;
    uint64_t literal_bits, match_bits, plain_bits;

    filter_rows(encoder, encoder->sample, first, count, false);
    tt_deflate_count_bytes(&encoder->sample_codes, encoder->sample, length);
    literal_bits = tt_deflate_bits(&encoder->sample_codes);
    match_bits = match_sample(encoder, length);
    if (match_bits + literal_bits / GAIN_PART > literal_bits)
        return WAY_LITERALS;
    filter_rows(encoder, encoder->sample, first, count, true);
    plain_bits = match_sample(encoder, length);
    if (encoder->way == WAY_MATCHES)
        plain_bits += match_bits / GAIN_PART;
    if (encoder->way == WAY_MATCHES_PLAIN)
        match_bits += plain_bits / GAIN_PART;
    return plain_bits > match_bits ? WAY_MATCHES : WAY_MATCHES_PLAIN;
}

static enum tt_err flush_pieces(struct png_encoder *encoder, bool is_last) {
    struct tt_pieces *found = &encoder->found;

    tt_deflate_count(&encoder->codes, found->pieces, found->count);
    tt_match_set_prices(&encoder->finder, &encoder->codes);
    enum tt_err err =
        tt_deflate_block(&encoder->sink, &encoder->codes, found->pieces, found->count, is_last);
    found->count = 0;
    return err;
}

static enum tt_err pack_literals(struct png_encoder *encoder, size_t length, bool is_last) {
    const uint8_t *lines = encoder->window + HISTORY_BYTES;
    enum tt_err err = TT_OK;

    if (encoder->found.count > 0)
        err = flush_pieces(encoder, false);
    if (err != TT_OK)
        return err;
    for (size_t at = 0; at < length && err == TT_OK; at += LITERALS_MAX) {
        size_t count = length - at < LITERALS_MAX ? length - at : LITERALS_MAX;

        tt_deflate_count_bytes(&encoder->codes, lines + at, count);
        err = tt_deflate_block_bytes(&encoder->sink, &encoder->codes, lines + at, count,
                                     is_last && at + count == length);
    }
    return err;
}

static enum tt_err pack_matches(struct png_encoder *encoder, size_t length, bool is_last) {
    size_t end = HISTORY_BYTES + length;

    for (size_t at = HISTORY_BYTES; at < end;) {
        at = tt_match_find(&encoder->finder, &encoder->found, encoder->window, at, end,
                           encoder->base);
        if (encoder->found.count == PIECES_MAX || (is_last && at == end)) {
            enum tt_err err = flush_pieces(encoder, is_last && at == end);
            if (err != TT_OK)
                return err;
        }
    }
    return TT_OK;
}

static enum tt_err write_band(struct png_encoder *encoder, size_t count, bool is_last) {
    size_t length = count * encoder->sizes.line_bytes;
    enum tt_err err = pull_rows(encoder, count);

    if (err != TT_OK)
        return err;
    encoder->way = choose_way(encoder, count);
    uint8_t *lines = encoder->window + HISTORY_BYTES;
    filter_rows(encoder, lines, 0, count, encoder->way == WAY_MATCHES_PLAIN);
    encoder->adler = libdeflate_adler32(encoder->adler, lines, length);
    err = encoder->way == WAY_LITERALS ? pack_literals(encoder, length, is_last)
                                       : pack_matches(encoder, length, is_last);
    memmove(encoder->window, encoder->window + length, HISTORY_BYTES);
    encoder->base += (uint32_t)length;
    memcpy(encoder->rows, encoder->rows + count * encoder->sizes.row_bytes,
           encoder->sizes.row_bytes);
    return err;
}

/* ---- the whole ---- */

static size_t within(size_t value, size_t least, size_t most) {
    if (value < least)
        value = least;
    return value < most ? value : most;
}

static struct sizes make_sizes(int width_px, int height_px, int channels) {
    size_t row_bytes = (size_t)width_px * (size_t)channels;
    size_t line_bytes = 1 + row_bytes;
    size_t band_rows = within(BAND_BYTES / line_bytes, SAMPLE_ROWS, (size_t)height_px);
    size_t sample_rows = (SAMPLE_BYTES + line_bytes - 1) / line_bytes;

    if (band_rows == (size_t)height_px) /* the one sample there will be */
        sample_rows = within(sample_rows, band_rows / 4, band_rows);
    return (struct sizes){
        .row_bytes = row_bytes,
        .line_bytes = line_bytes,
        .band_rows = band_rows,
        .sample_rows = within(sample_rows, SAMPLE_ROWS, band_rows),
    };
}

static enum tt_err take_memory(struct png_encoder *encoder, struct tt_arena *arena) {
    const struct sizes *sizes = &encoder->sizes;
    size_t sample_bytes = sizes->sample_rows * sizes->line_bytes;

    encoder->rows = tt_arena_alloc_array(arena, sizes->band_rows + 1, sizes->row_bytes);
    encoder->window = tt_arena_alloc(arena, HISTORY_BYTES + sizes->band_rows * sizes->line_bytes);
    encoder->sample = tt_arena_alloc(arena, sample_bytes);
    encoder->sample_pieces = tt_arena_alloc_array(arena, sample_bytes, sizeof(tt_piece));
    return encoder->rows && encoder->window && encoder->sample && encoder->sample_pieces
               ? TT_OK
               : TT_ERR_NO_MEMORY;
}

int64_t tt_png_write_bytes(int width_px, int height_px, int channels) {
    struct sizes sizes = make_sizes(width_px, height_px, channels);
    size_t sample_bytes = sizes.sample_rows * sizes.line_bytes;

    return (int64_t)(sizeof(struct png_encoder) + (sizes.band_rows + 1) * sizes.row_bytes +
                     HISTORY_BYTES + sizes.band_rows * sizes.line_bytes +
                     sample_bytes * (1 + sizeof(tt_piece)) + 5 * ARENA_PADDING_BYTES);
}

enum tt_err tt_png_write(int fd, struct tt_row_source *source, struct tt_arena *arena) {
    struct png_encoder *encoder = tt_arena_alloc(arena, sizeof *encoder);
    size_t height = (size_t)source->height_px;

    if (!encoder)
        return TT_ERR_NO_MEMORY;
    encoder->fd = fd;
    encoder->source = source;
    encoder->channels = (size_t)source->channels;
    encoder->sizes = make_sizes(source->width_px, source->height_px, source->channels);
    encoder->found = (struct tt_pieces){encoder->pieces, 0, PIECES_MAX};
    encoder->adler = 1; /* of no bytes */
    encoder->sink.capacity = FILE_BYTES;
    encoder->sink.drain = drain;
    tt_match_reset(&encoder->finder);
    tt_match_reset(&encoder->sample_finder);
    enum tt_err err = take_memory(encoder, arena);
    if (err != TT_OK)
        return err;
    begin_file(encoder);
    for (size_t y = 0; y < height && err == TT_OK; y += encoder->sizes.band_rows) {
        size_t count = within(encoder->sizes.band_rows, 0, height - y);
        err = write_band(encoder, count, y + count == height);
    }
    return err == TT_OK ? end_file(encoder) : err;
}
