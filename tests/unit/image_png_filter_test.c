/* src/image/png_filter.c: the five filters on bytes small enough to read, and the choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "image/png_filter.h"

#define WIDE_BYTES 67 /* four vectors and a rest */

static void each_filter_has_the_specification_s_bytes(void **state) {
    static const uint8_t above[6] = {10, 20, 30, 40, 50, 60};
    static const uint8_t row[6] = {11, 22, 28, 200, 50, 0};
    static const uint8_t expected[5][7] = {
        {0, 11, 22, 28, 200, 50, 0}, {1, 11, 22, 17, 178, 22, 56}, {2, 1, 2, 254, 160, 0, 196},
        {3, 6, 12, 8, 169, 11, 126}, {4, 1, 2, 254, 160, 0, 56},
    };
    uint8_t line[7];
    (void)state;
    for (int filter = 0; filter < 5; filter++) {
        tt_png_filter_apply((enum tt_png_filter)filter, line, row, above, 6, 2);
        assert_memory_equal(line, expected[filter], 7);
    }
}

/* This is the predictor as the specification (9.4) writes it. */
static uint8_t paeth(int left, int above, int corner) {
    int from_left = abs(above - corner);
    int from_above = abs(left - corner);
    int from_corner = abs(left + above - 2 * corner);
    if (from_left <= from_above && from_left <= from_corner)
        return (uint8_t)left;
    return (uint8_t)(from_above <= from_corner ? above : corner);
}

static void paeth_is_the_specification_s_for_all_bytes(void **state) {
    (void)state;
    for (int corner = 0; corner < 256; corner++) {
        for (int over = 0; over < 256; over++) {
            for (int left = 0; left < 256; left += 5) {
                uint8_t above[2] = {(uint8_t)corner, (uint8_t)over};
                uint8_t row[2] = {(uint8_t)left, 0};
                uint8_t line[3];
                tt_png_filter_apply(TT_PNG_FILTER_PAETH, line, row, above, 2, 1);
                if (line[2] != (uint8_t)-paeth(left, over, corner))
                    fail_msg("left %d, above %d, corner %d: %d", left, over, corner, line[2]);
            }
        }
    }
}

static int magnitude(uint8_t byte) {
    return byte < 128 ? byte : 256 - byte;
}

/* The choice is checked by sums over the bytes written: it is the same, whatever vectors the
 * compiler made. */
static void the_least_sum_of_magnitudes_is_chosen(void **state) {
    uint8_t rows[2][WIDE_BYTES * 4];
    uint8_t line[1 + WIDE_BYTES * 4];
    uint32_t noise = 1;
    int chosen[5] = {0};
    (void)state;
    for (int round = 0; round < 4000; round++) {
        size_t channels = 1 + (size_t)(round % 4);
        size_t length = (1 + (size_t)round % WIDE_BYTES) * channels;
        int best = 0;
        int least = 0;
        for (size_t i = 0; i < length; i++) {
            noise = noise * 1664525 + 1013904223; /* Numerical Recipes' generator */
            int spread = (int)(noise >> 24) % (1 + round % 7);
            int slope = round % 5 == 0 ? 0 : (int)i * (round % 5);
            rows[0][i] = (uint8_t)(round + slope);
            rows[1][i] = (uint8_t)(round % 3 * 40 + slope + spread);
        }
        for (int filter = 0; filter < 5; filter++) {
            int sum = 0;
            tt_png_filter_apply((enum tt_png_filter)filter, line, rows[1], rows[0], length,
                                channels);
            for (size_t i = 1; i <= length; i++)
                sum += magnitude(line[i]);
            if (filter == 0 || sum < least) {
                best = filter;
                least = sum;
            }
        }
        assert_int_equal(tt_png_filter_choose(rows[1], rows[0], length, channels), best);
        chosen[best]++;
    }
    for (int filter = 0; filter < 5; filter++)
        assert_true(chosen[filter] > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_filter_has_the_specification_s_bytes),
        cmocka_unit_test(paeth_is_the_specification_s_for_all_bytes),
        cmocka_unit_test(the_least_sum_of_magnitudes_is_chosen),
    };
    return cmocka_run_group_tests_name("image_png_filter", tests, NULL, NULL);
}
