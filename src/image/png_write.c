/* PNG writer: takes rows and writes IHDR, IDAT and IEND; no other chunk.
 *
 * Here: bands of rows, and which way each is compressed. Filters, matches, Huffman codes, Deflate's
 * blocks and the chunks around them are in the other png_*.c.
 *
 * A photograph has no strings worth a search: filtered well, Huffman codes are all there is to
 * gain. In a drawing matches are everything. So a sample of each band is tried both ways, and how
 * much of the band is even is counted, as a sample cannot show it: margins, or the page around a
 * photograph.
 *
 * Deflate is written here, as libraries have no way between the two. zlib spends 7 ns a byte on
 * Huffman codes alone (here under 2). libdeflate takes only whole pictures; of lines filtered and
 * plain the better, its level 6 makes 19 of the 124 drawings, backgrounds and pages below larger
 * than 1.03 (one 1.39), and its level 9 takes 4 to 13 times the CPU time of this.
 *
 * These are CPU time and size relative to the default of Pillow 9.4 on the same pixels, by
 * tests/bench/png_bench.py; "before" is libpng with zlib's Z_RLE and the filters sub, up and
 * average:
 *
 *                                          time: all  worst    size: mean  worst    before
 *     80 photographs, 256 to 1024 px wide     0.056   0.175        0.944   1.027   0.097  0.969
 *     32 drawings and screenshots             0.377   0.511        0.881   0.978   0.292  3.331
 *     20 desktop backgrounds, 720 px          0.187   0.475        0.869   1.017   0.185  1.120
 *     72 photographs on pages, 200 to 720 px  0.284   0.711        0.979   1.024
 *
 * A gray photograph of 720 px takes 1.4 ms (Pillow: 38 ms). The pages over 0.5 in time are gray
 * ones of 200 px, which take 0.2 to 0.6 ms. Sizes of 64 to 128 px may be over 1.03: of such
 * pictures the sample is a few rows. */
#include <string.h>

#include "image/encoder.h"
#include "image/operations.h"
#include "image/png_deflate.h"
#include "image/png_file.h"
#include "image/png_filter.h"
#include "image/png_match.h"

/* A picture is written in bands of about so many bytes of lines; one that has hardly more, such as
 * 256 rows of 256 bytes, is a single band. */
#define BAND_BYTES     65536
#define ONE_BAND_BYTES (BAND_BYTES + 4096)
#define HISTORY_BYTES  TT_DEFLATE_DISTANCE_MAX

/* A band's sample has at least so many bytes and rows. Where the picture is a single band, the
 * sample is taken from so many parts of it, as an icon may have anything anywhere. */
#define SAMPLE_BYTES 2048
#define SAMPLE_ROWS  3
#define SAMPLE_PARTS 4

/* A run of like pixels is even from this length on, as photographs have short ones too. */
#define EVEN_BYTES 32

/* So many rows are remembered: more than matches reach back, in all but narrow pictures. */
#define SEEN_ROWS 256

/* A block with matches has room for so many pieces; one without has at most so many literals. */
#define PIECES_MIN   16
#define PIECES_MAX   16384
#define LITERALS_MAX 32768

#define IDAT_BYTES 65536 /* a chunk has no more */

/* Matches must save 1 in so many of the bits of literals. On samples of photographs they save
 * nothing, up to 3 in 100; of drawings 15 in 100 and more. Of a photograph beside text it is as
 * little as of the photograph alone, for few words are in a sample twice, though many are in reach:
 * so less will do to go on with matches than to begin with them. */
#define GAIN_PART 32
#define STAY_PART 128

/* One way with matches must beat the other, which the band before had, by 1 in so many bits. */
#define SWITCH_PART 16

/* A sample has too few places for wide chains to show their worth, so they may lose 1 in so many
 * bits there. Smooth slopes, in all, gain up to 1 in 4 by them. */
#define WIDE_LOSS_PART 8

/* How a band is compressed. */
enum way {
    WAY_LITERALS,      /* adaptive filters, Huffman codes alone: photographs */
    WAY_MATCHES,       /* adaptive filters, and matches */
    WAY_MATCHES_PLAIN, /* no filter, and matches: what repeats stays equal */
};

/* These sizes follow that of the picture, so that a small one touches little memory. */
struct sizes {
    size_t row_bytes;
    size_t line_bytes; /* with the filter's number */
    size_t band_rows;
    size_t sample_rows;
    size_t sample_parts;
    size_t history_bytes;
    size_t idat_bytes;
    size_t pieces;
    size_t searched_bytes; /* that matches may span */
};

/* A row that was there is known again by its checksum. */
struct seen_row {
    uint32_t checksum;
    uint32_t number; /* from 1; 0: none */
};

struct png_encoder {
    struct tt_encoder base; /* first: see encoder.h */
    size_t channels;
    struct sizes sizes;

    uint8_t *rows; /* the row above a band, then the band's */
    struct seen_row seen_rows[SEEN_ROWS];
    uint32_t row_count;    /* before the band */
    size_t band_row_count; /* of the band, so far */
    uint8_t *window;       /* what matches may reach, then the band's lines */
    uint32_t window_place; /* place of window[0] */
    enum way way;          /* of the band before */
    struct tt_match_finder finder;
    struct tt_pieces found;

    uint8_t *sample; /* lines of a band */
    tt_piece *sample_pieces;
    uint32_t sample_base;
    struct tt_match_finder sample_finder;

    struct tt_deflate_codes codes;
    struct tt_deflate_codes sample_codes;
    struct tt_png_file file;
};

static size_t within(size_t value, size_t least, size_t most) {
    if (value < least)
        value = least;
    return value < most ? value : most;
}

/* ---- bands ---- */

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

/* A trial compresses the sample with matches, to see how many bits that takes. */
struct trial {
    struct tt_deflate_codes codes;
    uint64_t bits;
    bool is_wide; /* chains, see png_match.h */
};

/* Returns the number of pieces. */
static size_t match_sample(struct png_encoder *encoder, size_t length, struct trial *trial) {
    struct tt_pieces found = {encoder->sample_pieces, 0, length};
    tt_match_find(&encoder->sample_finder, &found, encoder->sample, 0, length,
                  encoder->sample_base);
    encoder->sample_base += (uint32_t)length;
    tt_deflate_count(&trial->codes, found.pieces, found.count);
    trial->bits = tt_deflate_bits(&trial->codes);
    return found.count;
}

static void try_matches(struct png_encoder *encoder, size_t length, struct trial *trial) {
    size_t count = match_sample(encoder, length, trial);
    struct trial wide;
    trial->is_wide = false;
    if (tt_match_asks_for_wide(&encoder->sample_finder, length, count)) {
        tt_match_set_wide(&encoder->sample_finder, true);
        match_sample(encoder, length, &wide);
        tt_match_set_wide(&encoder->sample_finder, false);
        trial->is_wide = wide.bits - wide.bits / WIDE_LOSS_PART < trial->bits;
    }
}

/* Returns how many of the band's rows were there before, within what a match may reach, but not
 * just above: a row like the one above it costs little in every way. */
static size_t count_repeats(struct png_encoder *encoder, size_t band_rows) {
    size_t reach = TT_DEFLATE_DISTANCE_MAX / encoder->sizes.line_bytes;
    uint32_t number = encoder->row_count;
    size_t repeats = 0;
    for (size_t i = 1; i <= band_rows; i++) {
        const uint8_t *row = encoder->rows + i * encoder->sizes.row_bytes;
        uint32_t checksum = tt_png_crc(row, encoder->sizes.row_bytes);
        struct seen_row *seen = &encoder->seen_rows[checksum % SEEN_ROWS];
        bool is_equal = seen->number != 0 && seen->checksum == checksum;
        number++;
        repeats += is_equal && number - seen->number > 1 && number - seen->number <= reach;
        *seen = (struct seen_row){checksum, number};
    }
    return repeats;
}

/* Counts the bytes of rows in runs of equal pixels, which cost matches nothing, and literals a bit
 * each. */
static size_t count_even(const struct png_encoder *encoder, size_t first, size_t count) {
    size_t row_bytes = encoder->sizes.row_bytes;
    size_t even = 0;
    for (size_t i = first + 1; i <= first + count; i++) {
        const uint8_t *row = encoder->rows + i * row_bytes;
        for (size_t at = encoder->channels; at + EVEN_BYTES <= row_bytes; at += EVEN_BYTES)
            even += memcmp(row + at, row + at - encoder->channels, EVEN_BYTES) == 0;
    }
    return even * EVEN_BYTES;
}

/* A survey says where a band's sample is, and how much of the band is not even. */
struct survey {
    size_t firsts[SAMPLE_PARTS]; /* rows of the sample's parts */
    size_t ends[SAMPLE_PARTS];
    size_t bytes; /* of the band's lines */
    size_t uneven_bytes;
};

/* In each part of the band the least even rows are taken, or the middle ones of those alike: even
 * ones say nothing of how the others are to be filtered, and these cost most. */
static struct survey survey_band(const struct png_encoder *encoder, size_t band_rows) {
    size_t parts = encoder->sizes.sample_parts;
    size_t sample_rows = within(encoder->sizes.sample_rows, 0, band_rows);
    size_t bytes = band_rows * encoder->sizes.line_bytes;
    struct survey survey = {.bytes = bytes, .uneven_bytes = bytes};
    for (size_t part = 0; part < parts; part++) {
        size_t count = (part + 1) * sample_rows / parts - part * sample_rows / parts;
        size_t begin = part * band_rows / parts;
        size_t end = (part + 1) * band_rows / parts;
        size_t first = begin + (end - begin - count) / 2;
        size_t least = count_even(encoder, first, count);
        for (size_t at = begin; count > 0 && at < end; at += count) {
            size_t even = count_even(encoder, at, within(count, 0, end - at));
            survey.uneven_bytes -= even;
            if (even < least && at + count <= end) {
                least = even;
                first = at;
            }
        }
        survey.firsts[part] = first;
        survey.ends[part] = first + count;
    }
    return survey;
}

static bool is_gain(const struct png_encoder *encoder, uint64_t bits, uint64_t literal_bits) {
    uint64_t part = encoder->way == WAY_LITERALS ? GAIN_PART : STAY_PART;
    return bits + literal_bits / part <= literal_bits;
}

/* Of the ways with matches, the one of the band before stays unless the other is clearly better:
 * lines filtered differently have no matches in common. */
static bool is_plain_better(const struct png_encoder *encoder, uint64_t plain_bits,
                            uint64_t filtered_bits) {
    if (encoder->way == WAY_MATCHES)
        plain_bits += filtered_bits / SWITCH_PART;
    if (encoder->way == WAY_MATCHES_PLAIN)
        filtered_bits += plain_bits / SWITCH_PART;
    return plain_bits <= filtered_bits;
}

/* Filters the sample, and returns its length. */
static size_t fill_sample(struct png_encoder *encoder, const struct survey *survey, bool is_plain) {
    size_t length = 0;
    for (size_t part = 0; part < encoder->sizes.sample_parts; part++) {
        size_t count = survey->ends[part] - survey->firsts[part];
        filter_rows(encoder, encoder->sample + length, survey->firsts[part], count, is_plain);
        length += count * encoder->sizes.line_bytes;
    }
    return length;
}

/* The finder's prices are the trial's where the block before is of another kind. */
static void set_finder(struct png_encoder *encoder, enum way way, const struct trial *trial) {
    tt_match_set_wide(&encoder->finder, trial->is_wide);
    if (way != encoder->way)
        tt_match_set_prices(&encoder->finder, &trial->codes);
}

/* Tries the ways on a sample of the band. Rows that repeat farther away than the sample is high
 * do so unfiltered, and then cost nothing; nor does what is even, which the sample has little of.
 */
static enum way choose_way(struct png_encoder *encoder, size_t band_rows) {
    size_t repeats = count_repeats(encoder, band_rows);
    struct survey survey = survey_band(encoder, band_rows);
    size_t length = fill_sample(encoder, &survey, false);
    struct trial filtered, plain;
    bool is_plain = true;
    tt_deflate_count_bytes(&encoder->sample_codes, encoder->sample, length);
    uint64_t literal_bits = tt_deflate_bits(&encoder->sample_codes);
    try_matches(encoder, length, &filtered);
    bool pays = is_gain(encoder, filtered.bits * survey.uneven_bytes, literal_bits * survey.bytes);
    if (!pays && repeats == 0)
        return WAY_LITERALS;
    fill_sample(encoder, &survey, true);
    try_matches(encoder, length, &plain);
    if (pays)
        is_plain = is_plain_better(encoder, plain.bits, filtered.bits);
    else if (!is_gain(encoder, plain.bits * (band_rows - repeats) / band_rows, literal_bits))
        return WAY_LITERALS;
    enum way way = is_plain ? WAY_MATCHES_PLAIN : WAY_MATCHES;
    set_finder(encoder, way, is_plain ? &plain : &filtered);
    return way;
}

static enum tt_err flush_pieces(struct png_encoder *encoder, bool is_last) {
    struct tt_pieces *found = &encoder->found;
    tt_deflate_count(&encoder->codes, found->pieces, found->count);
    tt_match_set_prices(&encoder->finder, &encoder->codes);
    enum tt_err err = tt_deflate_block(&encoder->file.sink, &encoder->codes, found->pieces,
                                       found->count, is_last);
    found->count = 0;
    return err;
}

static enum tt_err pack_literals(struct png_encoder *encoder, size_t length, bool is_last) {
    const uint8_t *lines = encoder->window + encoder->sizes.history_bytes;
    enum tt_err err = TT_OK;
    if (encoder->found.count > 0)
        err = flush_pieces(encoder, false);
    if (err != TT_OK)
        return err;
    for (size_t at = 0; at < length && err == TT_OK; at += LITERALS_MAX) {
        size_t count = length - at < LITERALS_MAX ? length - at : LITERALS_MAX;
        tt_deflate_count_bytes(&encoder->codes, lines + at, count);
        err = tt_deflate_block_bytes(&encoder->file.sink, &encoder->codes, lines + at, count,
                                     is_last && at + count == length);
    }
    return err;
}

static enum tt_err pack_matches(struct png_encoder *encoder, size_t length, bool is_last) {
    size_t start = encoder->sizes.history_bytes;
    size_t end = start + length;
    for (size_t at = start; at < end;) {
        at = tt_match_find(&encoder->finder, &encoder->found, encoder->window, at, end,
                           encoder->window_place);
        if (encoder->found.count == encoder->found.capacity || (is_last && at == end)) {
            enum tt_err err = flush_pieces(encoder, is_last && at == end);
            if (err != TT_OK)
                return err;
        }
    }
    return TT_OK;
}

static enum tt_err write_band(struct png_encoder *encoder, size_t count, bool is_last) {
    size_t length = count * encoder->sizes.line_bytes;
    encoder->way = choose_way(encoder, count);
    uint8_t *lines = encoder->window + encoder->sizes.history_bytes;
    filter_rows(encoder, lines, 0, count, encoder->way == WAY_MATCHES_PLAIN);
    tt_png_file_add(&encoder->file, lines, length);
    enum tt_err err = encoder->way == WAY_LITERALS ? pack_literals(encoder, length, is_last)
                                                   : pack_matches(encoder, length, is_last);
    memmove(encoder->window, encoder->window + length, encoder->sizes.history_bytes);
    encoder->window_place += (uint32_t)length;
    encoder->row_count += (uint32_t)count;
    memcpy(encoder->rows, encoder->rows + count * encoder->sizes.row_bytes,
           encoder->sizes.row_bytes);
    return err;
}

/* ---- the whole ---- */

static struct sizes make_sizes(int width_px, int height_px, int channels) {
    size_t height = (size_t)height_px;
    size_t row_bytes = (size_t)width_px * (size_t)channels;
    size_t line_bytes = 1 + row_bytes;
    bool is_one_band = height * line_bytes <= ONE_BAND_BYTES || height <= SAMPLE_ROWS;
    size_t band_rows = is_one_band ? height : within(BAND_BYTES / line_bytes, SAMPLE_ROWS, height);
    size_t sample_rows = (SAMPLE_BYTES + line_bytes - 1) / line_bytes;
    size_t band_bytes = band_rows * line_bytes;
    if (is_one_band) /* the one sample there will be */
        sample_rows = within(sample_rows, band_rows / 8, band_rows);
    return (struct sizes){
        .row_bytes = row_bytes,
        .line_bytes = line_bytes,
        .band_rows = band_rows,
        .sample_rows = within(sample_rows, SAMPLE_ROWS, band_rows),
        .sample_parts = is_one_band ? SAMPLE_PARTS : 1,
        .history_bytes = is_one_band ? 0 : HISTORY_BYTES,
        .idat_bytes = within(band_bytes, TT_DEFLATE_SINK_MIN_BYTES, IDAT_BYTES),
        .pieces = within(band_bytes, PIECES_MIN, PIECES_MAX),
        .searched_bytes = within(height * line_bytes, 0, HISTORY_BYTES),
    };
}

static enum tt_err take_memory(struct png_encoder *encoder, struct tt_arena *arena) {
    const struct sizes *sizes = &encoder->sizes;
    size_t sample_bytes = sizes->sample_rows * sizes->line_bytes;
    tt_piece *pieces = tt_arena_alloc_array(arena, sizes->pieces, sizeof(tt_piece));
    encoder->found = (struct tt_pieces){pieces, 0, sizes->pieces};
    encoder->rows = tt_arena_alloc_array(arena, sizes->band_rows + 1, sizes->row_bytes);
    encoder->window =
        tt_arena_alloc(arena, sizes->history_bytes + sizes->band_rows * sizes->line_bytes);
    encoder->sample = tt_arena_alloc(arena, sample_bytes);
    encoder->sample_pieces = tt_arena_alloc_array(arena, sample_bytes, sizeof(tt_piece));
    encoder->file.bytes = tt_arena_alloc(arena, tt_png_file_bytes(sizes->idat_bytes));
    if (!pieces || !encoder->rows || !encoder->window || !encoder->sample ||
        !encoder->sample_pieces || !encoder->file.bytes)
        return TT_ERR_NO_MEMORY;
    enum tt_err err = tt_match_init(&encoder->sample_finder, arena, sample_bytes);
    return err == TT_OK ? tt_match_init(&encoder->finder, arena, sizes->searched_bytes) : err;
}

/* ---- the encoder's functions ---- */

static enum tt_err put_row(struct tt_row_sink *sink, const uint8_t *row) {
    struct png_encoder *encoder = (struct png_encoder *)sink;
    const struct sizes *sizes = &encoder->sizes;
    encoder->band_row_count++;
    memcpy(encoder->rows + encoder->band_row_count * sizes->row_bytes, row, sizes->row_bytes);
    size_t count = encoder->band_row_count;
    bool is_last = encoder->row_count + count == (size_t)sink->height_px;
    if (count < sizes->band_rows && !is_last)
        return TT_OK;
    encoder->band_row_count = 0;
    enum tt_err err = write_band(encoder, count, is_last);
    return err == TT_OK && is_last ? tt_png_file_end(&encoder->file) : err;
}

static enum tt_err open_png(struct tt_encoder *self) {
    struct png_encoder *encoder = (struct png_encoder *)self;
    const struct tt_row_sink *sink = &self->sink;
    encoder->channels = (size_t)sink->channels;
    encoder->sizes = make_sizes(sink->width_px, sink->height_px, sink->channels);
    self->sink.put = put_row;
    enum tt_err err = take_memory(encoder, self->arena);
    if (err == TT_OK)
        tt_png_file_begin(&encoder->file, self->fd, encoder->sizes.idat_bytes, sink);
    return err;
}

const struct tt_encoder_kind tt_png_encoder_kind = {
    .size_bytes = sizeof(struct png_encoder),
    .side_max_px = TT_OPERATION_SIDE_MAX_PX, /* the format's is 2^31 - 1: PNG, 11.2.1 */
    .has_alpha = true,
    .open = open_png,
};
