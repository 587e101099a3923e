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
static struct tt_arena arena;
static uint8_t window[BYTES];
static uint8_t played[BYTES];
static tt_piece pieces[BYTES];

/* Begins a finder that knows nothing yet. */
static void start_finder(size_t length) {
    tt_arena_fini(&arena);
    tt_arena_init(&arena, (size_t)1 << 20);
    assert_int_equal(tt_match_init(&finder, &arena, length), TT_OK);
}

/* Plays count pieces after played[0, length) and returns the new length. */
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

/* Finds in parts of part bytes and capacity pieces, and returns the number of pieces. */
static size_t assert_plays(size_t length, size_t part, size_t capacity, uint32_t base) {
    struct tt_pieces found = {pieces, 0, capacity};
    size_t total = 0;
    size_t at = 0;
    size_t done = 0;
    start_finder(length);
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
    start_finder(sizeof text);
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

/* The width may change at any place, and the pieces still stand for the bytes. */
static void wide_and_narrow_chains_may_take_turns(void **state) {
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        struct tt_pieces found = {pieces, 0, BYTES};
        fill(kind);
        start_finder(BYTES);
        for (size_t at = 0, turn = 0; at < BYTES; turn++) {
            size_t end = at + 10007 < BYTES ? at + 10007 : BYTES;
            tt_match_set_wide(&finder, turn % 2 == 0);
            at = tt_match_find(&finder, &found, window, at, end, 99);
            assert_int_equal(at, end);
        }
        assert_int_equal(play(0, found.count), BYTES);
        assert_memory_equal(played, window, BYTES);
    }
}

/* A slope has steps: a one among zeros, 10 to 73 bytes on. */
static void draw_steps(void) {
    uint32_t noise = 1;
    memset(window, 0, BYTES);
    for (size_t i = 0; i < BYTES; i += 10 + (noise >> 26)) {
        noise = noise * 1664525 + 1013904223;
        window[i] = 1;
    }
}

static size_t find_pieces(bool is_wide) {
    struct tt_pieces found = {pieces, 0, BYTES};
    start_finder(BYTES);
    tt_match_set_wide(&finder, is_wide);
    assert_int_equal(tt_match_find(&finder, &found, window, 0, BYTES, 0), BYTES);
    assert_int_equal(play(0, found.count), BYTES);
    assert_memory_equal(played, window, BYTES);
    return found.count;
}

static void slopes_ask_for_wide_chains_and_gain_by_them(void **state) {
    (void)state;
    draw_steps();
    size_t narrow = find_pieces(false);
    assert_true(tt_match_asks_for_wide(&finder, BYTES, narrow));
    assert_false(tt_match_asks_for_wide(&finder, BYTES, narrow)); /* counts from anew */
    assert_in_range(find_pieces(true), BYTES / 258, narrow * 9 / 10);
}

/* Where all is equal, the first place looked at is as good as any. In noise of few bits chains are
 * full, but matches short. */
static void others_do_not_ask_for_wide_chains(void **state) {
    (void)state;
    memset(window, 7, BYTES);
    size_t count = find_pieces(false);
    assert_false(tt_match_asks_for_wide(&finder, BYTES, count));
    for (int bits = 2; bits <= 8; bits += 2) {
        fill(0);
        for (size_t i = 0; i < BYTES; i++)
            window[i] = (uint8_t)(window[i] >> (8 - bits));
        count = find_pieces(false);
        assert_false(tt_match_asks_for_wide(&finder, BYTES, count));
    }
}

/* Fifty words of noise all have the same eight bytes before them: a chain of these is too long to
 * be looked at whole, but where it goes on tells which word it is. */
static void the_longest_match_is_found_on_a_crowded_chain(void **state) {
    uint32_t noise = 1;
    size_t whole = 0;
    (void)state;
    for (size_t i = 0; i < 50 * 40; i++) {
        noise = noise * 1664525 + 1013904223;
        window[i] = i % 40 < 8 ? (uint8_t)i % 40 : (uint8_t)(noise >> 24);
    }
    for (size_t word = 0; word < 50; word++) /* each once more, from the first to the last */
        memcpy(window + 2000 + word * 40, window + word * 40, 40);
    struct tt_pieces found = {pieces, 0, BYTES};
    start_finder(4000);
    assert_int_equal(tt_match_find(&finder, &found, window, 0, 4000, 0), 4000);
    for (size_t i = 0; i < found.count; i++)
        whole += pieces[i] > 255 && (pieces[i] & 0xffff) + 1 == 2000 ? pieces[i] >> 16 : 0;
    assert_in_range(whole, 1990, 2000);
}

/* After much noise only some bytes are looked up; a match found late begins where it begins. */
static void a_match_after_noise_is_found_whole(void **state) {
    size_t longest = 0;
    (void)state;
    fill(0);
    memcpy(window + 5000, window + 1003, 200);
    struct tt_pieces found = {pieces, 0, BYTES};
    start_finder(6000);
    (void)tt_match_find(&finder, &found, window, 0, 6000, 0);
    for (size_t i = 0; i < found.count; i++)
        if (pieces[i] > 255 && pieces[i] >> 16 > longest)
            longest = pieces[i] >> 16;
    assert_int_equal(longest, 200);
}

/* Zeros that were never given lie before the word, and zeros before its copy. In the second round a
 * place with the last of the zeros and the word is on a chain of its own. */
static void bytes_never_given_are_not_matched(void **state) {
    (void)state;
    for (size_t zeros = 0; zeros <= 7; zeros += 7) {
        struct tt_pieces found = {pieces, 0, BYTES};
        fill(0);
        memset(window, 0, 500 + zeros);
        memset(window + 550, 0, 12);
        memset(window + 588, 0, 12);
        memcpy(window + 600, window + 500 + zeros, 40);
        start_finder(200);
        assert_int_equal(tt_match_find(&finder, &found, window, 500, 640, 0), 640);
        assert_int_equal(play(0, found.count), 140);
        assert_memory_equal(played, window + 500, 140);
        assert_in_range(found.count, 70, 95); /* and yet the copy is */
    }
}

static void no_memory_is_reported(void **state) {
    (void)state;
    for (size_t length = 1; length <= 100000; length *= 7) {
        tt_arena_fini(&arena);
        tt_arena_init(&arena, 1000);
        assert_int_equal(tt_match_init(&finder, &arena, length), TT_ERR_NO_MEMORY);
    }
    tt_err_take(TT_OK);
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
        start_finder(2000);
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
        cmocka_unit_test(wide_and_narrow_chains_may_take_turns),
        cmocka_unit_test(slopes_ask_for_wide_chains_and_gain_by_them),
        cmocka_unit_test(others_do_not_ask_for_wide_chains),
        cmocka_unit_test(the_longest_match_is_found_on_a_crowded_chain),
        cmocka_unit_test(a_match_after_noise_is_found_whole),
        cmocka_unit_test(bytes_never_given_are_not_matched),
        cmocka_unit_test(no_memory_is_reported),
        cmocka_unit_test(noise_is_left_alone),
        cmocka_unit_test(prices_decide_what_a_match_is_worth),
    };
    int failed = cmocka_run_group_tests_name("image_png_match", tests, NULL, NULL);
    tt_arena_fini(&arena);
    return failed;
}
