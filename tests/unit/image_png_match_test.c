/* src/image/png_match.c: pieces that stand for exactly the bytes they were found in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/png_match.h"

#define BYTES 150000

static struct tt_match_finder finder;
static uint8_t window[BYTES];
static uint8_t played[BYTES];
static tt_piece pieces[BYTES];

/* Plays count pieces after played[0, length) and gives the new length. */
static size_t play(size_t length, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t run = pieces[i] >> 16;
        size_t distance = (pieces[i] & 0xffff) + 1;
        if (pieces[i] < 256) {
            assert_true(length < BYTES);
            played[length++] = (uint8_t)pieces[i];
            continue;
        }
        assert_in_range(run, TT_DEFLATE_MATCH_MIN, TT_DEFLATE_MATCH_MAX);
        assert_in_range(distance, 1, length);
        assert_true(distance <= TT_DEFLATE_DISTANCE_MAX && run <= BYTES - length);
        for (size_t j = 0; j < run; j++, length++)
            played[length] = played[length - distance];
    }
    return length;
}

/* In parts of part bytes and capacity pieces; gives the number of pieces. */
static size_t assert_plays(size_t length, size_t part, size_t capacity, uint32_t base) {
    struct tt_pieces found = {pieces, 0, capacity};
    size_t total = 0;
    size_t at = 0;
    size_t done = 0;
    tt_match_reset(&finder);
    while (at < length) {
        size_t end = at + part < length ? at + part : length;
        size_t next = tt_match_find(&finder, &found, window, at, end, base);
        assert_true(next > at && next <= end && found.count <= capacity);
        assert_true(next == end || found.count == capacity);
        done = play(done, found.count);
        assert_int_equal(done, next);
        total += found.count;
        found.count = 0;
        at = next;
    }
    assert_memory_equal(played, window, length);
    return total;
}

static void a_repeated_word_is_one_match(void **state) {
    static const char text[] = "wet plate and dry plate, wet plate and dry plate, tintype.";
    (void)state;
    memcpy(window, text, sizeof text - 1);
    struct tt_pieces found = {pieces, 0, BYTES};
    tt_match_reset(&finder);
    assert_int_equal(tt_match_find(&finder, &found, window, 0, sizeof text - 1, 0),
                     sizeof text - 1);
    size_t long_matches = 0;
    for (size_t i = 0; i < found.count; i++)
        long_matches += pieces[i] == tt_piece_match(25, 25);
    assert_int_equal(long_matches, 1);
}

static void even_bytes_are_longest_matches_of_distance_1(void **state) {
    (void)state;
    memset(window, 7, BYTES);
    assert_in_range(assert_plays(BYTES, BYTES, BYTES, 0), BYTES / 258, BYTES / 258 + 20);
}

static void fill(int kind) {
    uint32_t noise = 1;
    for (size_t i = 0; i < BYTES; i++) {
        noise = noise * 1664525 + 1013904223; /* Numerical Recipes' generator */
        switch (kind) {
        case 0: window[i] = (uint8_t)(noise >> 24); break;
        case 1: window[i] = (uint8_t)(noise >> 31); break;
        case 2: window[i] = (uint8_t)(i % 32768 * 40503 >> 9); break; /* the longest distance */
        case 3: window[i] = (noise >> 20) % 64 == 0 ? (uint8_t)(noise >> 24) : window[i / 2]; break;
        default: window[i] = (uint8_t)(i % 700 < 350 ? i % 7 : noise >> 24); break;
        }
    }
}

static void all_kinds_of_bytes_come_back(void **state) {
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        fill(kind);
        (void)assert_plays(BYTES, BYTES, BYTES, 0);
        (void)assert_plays(BYTES, 1000, BYTES, 12345);
        (void)assert_plays(BYTES, 65536, 2, 0);
        (void)assert_plays(BYTES, 4099, 333, UINT32_MAX - 70000); /* places go around */
    }
}

static void noise_is_left_alone(void **state) {
    (void)state;
    fill(0);
    assert_int_equal(assert_plays(BYTES, BYTES, BYTES, 0), BYTES);
}

/* Where literals cost a bit, no match of a few bytes pays. */
static void prices_decide_what_a_match_is_worth(void **state) {
    static struct tt_deflate_codes codes;
    struct tt_pieces found = {pieces, 0, BYTES};
    size_t matches[2] = {0};
    (void)state;
    for (size_t i = 0; i < 2000; i++)
        window[i] = i % 100 < 6 ? (uint8_t)('a' + i % 100) : (uint8_t)('g' + i * i % 977 % 7);
    for (int round = 0; round < 2; round++) {
        tt_match_reset(&finder);
        memset(&codes, 0, sizeof codes);
        memset(codes.lengths, round == 0 ? 9 : 1, 256);
        tt_match_set_prices(&finder, &codes);
        found.count = 0;
        (void)tt_match_find(&finder, &found, window, 0, 2000, 0);
        for (size_t i = 0; i < found.count; i++)
            matches[round] += pieces[i] > 255 && pieces[i] >> 16 < 10;
    }
    assert_true(matches[0] > 10);
    assert_int_equal(matches[1], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_word_is_one_match),
        cmocka_unit_test(even_bytes_are_longest_matches_of_distance_1),
        cmocka_unit_test(all_kinds_of_bytes_come_back),
        cmocka_unit_test(noise_is_left_alone),
        cmocka_unit_test(prices_decide_what_a_match_is_worth),
    };
    return cmocka_run_group_tests_name("image_png_match", tests, NULL, NULL);
}
