/* src/image/png_deflate.c: blocks that libdeflate inflates to what they stand for, and in exactly
 * the bits foretold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "image/png_deflate.h"

static uint8_t packed[1 << 20];
static size_t packed_length;
static uint8_t buffer[TT_DEFLATE_SINK_MIN_BYTES + 16];
static int drains_left; /* negative: endless */
static struct tt_deflate_codes codes;

static enum tt_err drain(struct tt_deflate_sink *self) {
    if (drains_left == 0)
        return TT_ERR_SPOOL_FULL;
    drains_left--;
    assert_true(packed_length + self->length <= sizeof packed);
    memcpy(packed + packed_length, self->bytes, self->length);
    packed_length += self->length;
    self->length = 0;
    return TT_OK;
}

static struct tt_deflate_sink make_sink(void) {
    packed_length = 0;
    drains_left = -1;
    return (struct tt_deflate_sink){
        .bytes = buffer, .capacity = TT_DEFLATE_SINK_MIN_BYTES, .drain = drain};
}

static void assert_inflates(struct tt_deflate_sink *sink, const uint8_t *expected, size_t length) {
    static uint8_t inflated[1 << 20];
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    size_t got = 0;
    assert_non_null(inflater);
    tt_deflate_align(sink);
    assert_int_equal(drain(sink), TT_OK);
    assert_int_equal(libdeflate_deflate_decompress(inflater, packed, packed_length, inflated,
                                                   sizeof inflated, &got),
                     LIBDEFLATE_SUCCESS);
    libdeflate_free_decompressor(inflater);
    assert_int_equal(got, length);
    assert_memory_equal(inflated, expected, length);
}

static void a_small_block_is_to_the_letter(void **state) {
    static const uint8_t text[2] = {0, 0};
    struct tt_deflate_sink sink = make_sink();
    (void)state;
    tt_deflate_count_bytes(&codes, text, 2);
    assert_int_equal(tt_deflate_bits(&codes), 3); /* two literals and the end, a bit each */
    assert_int_equal(tt_deflate_block_bytes(&sink, &codes, text, 2, true), TT_OK);
    assert_inflates(&sink, text, 2);
}

static void bytes_come_back(void **state) {
    static uint8_t bytes[200000];
    struct tt_deflate_sink sink = make_sink();
    uint32_t noise = 1;
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        noise = noise * 1664525 + 1013904223; /* Numerical Recipes' generator */
        bytes[i] = (uint8_t)(i < 100000 ? noise >> 24 : (noise >> 24) % 20 * (noise >> 16 & 1));
    }
    tt_deflate_count_bytes(&codes, bytes, 100000);
    assert_int_equal(tt_deflate_block_bytes(&sink, &codes, bytes, 100000, false), TT_OK);
    tt_deflate_count_bytes(&codes, bytes + 100000, 100000);
    assert_int_equal(tt_deflate_block_bytes(&sink, &codes, bytes + 100000, 100000, true), TT_OK);
    assert_inflates(&sink, bytes, sizeof bytes);
}

/* Each length is tried at each kind of distance: every symbol and every value of its extra bits. */
static void every_match_comes_back(void **state) {
    static uint8_t bytes[1 << 20];
    static tt_piece pieces[80000];
    struct tt_deflate_sink sink = make_sink();
    size_t count = 0;
    size_t length = 0;
    (void)state;
    for (; length < TT_DEFLATE_DISTANCE_MAX; length++)
        pieces[count++] = bytes[length] = (uint8_t)(length * length >> 7);
    for (size_t distance = 1; distance <= TT_DEFLATE_DISTANCE_MAX; distance += 1 + distance / 9) {
        for (size_t i = 0; i < 20; i++) {
            size_t run = 3 + (count * 7 + i) % 256;
            pieces[count++] = tt_piece_match(run, distance);
            for (size_t j = 0; j < run; j++, length++)
                bytes[length] = bytes[length - distance];
        }
    }
    pieces[count++] = tt_piece_match(258, TT_DEFLATE_DISTANCE_MAX);
    for (size_t j = 0; j < 258; j++, length++)
        bytes[length] = bytes[length - TT_DEFLATE_DISTANCE_MAX];
    assert_true(length <= sizeof bytes);
    tt_deflate_count(&codes, pieces, count);
    assert_int_equal(tt_deflate_block(&sink, &codes, pieces, count, true), TT_OK);
    uint64_t bits = tt_deflate_bits(&codes);
    assert_inflates(&sink, bytes, length);
    assert_in_range(packed_length * 8, bits, bits + 8 * 300); /* the codes' description */
}

static void the_drain_s_failure_ends_the_block(void **state) {
    static const uint8_t bytes[65536];
    static tt_piece pieces[65536];
    (void)state;
    for (int drains = 0; drains < 3; drains++) {
        struct tt_deflate_sink sink = make_sink();
        for (size_t i = 0; i < 65536; i++)
            pieces[i] = i % 251;
        drains_left = drains;
        tt_deflate_count(&codes, pieces, 65536);
        assert_int_equal(tt_deflate_block(&sink, &codes, pieces, 65536, true), TT_ERR_SPOOL_FULL);
    }
    struct tt_deflate_sink sink = make_sink();
    sink.length = sink.capacity;
    drains_left = 0;
    tt_deflate_count_bytes(&codes, bytes, 65536);
    assert_int_equal(tt_deflate_block_bytes(&sink, &codes, bytes, 65536, true), TT_ERR_SPOOL_FULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_block_is_to_the_letter),
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(every_match_comes_back),
        cmocka_unit_test(the_drain_s_failure_ends_the_block),
    };
    return cmocka_run_group_tests_name("image_png_deflate", tests, NULL, NULL);
}
