/* src/image/png_write.c: rows to files that our own reader reads back, with nothing in them but
 * the picture. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "picture_build.h"

static struct file file;
static struct grid grid;
static uint8_t samples[40 * 30 * 4];

static enum tt_err write_picture(int fd, const uint8_t *from, int width_px, int height_px,
                                 int channels) {
    const struct tt_encoder_wish wish = {TT_FORMAT_PNG, width_px, height_px, channels, 0};
    return encode(fd, &wish, from, (size_t)1 << 20);
}

static void write_file(int channels) {
    int fd = file_open((const uint8_t *)"", 0);
    assert_int_equal(write_picture(fd, samples, 40, 30, channels), TT_OK);
    file_read_back(&file, fd);
}

static void fill_samples(void) {
    uint32_t noise = 1;
    for (size_t i = 0; i < sizeof samples; i++) {
        noise = noise * 1664525 + 1013904223; /* Numerical Recipes' generator */
        samples[i] = (uint8_t)(i < sizeof samples / 2 ? i / 7 : noise >> 24);
    }
}

static void every_sample_is_kept(void **state) {
    (void)state;
    fill_samples();
    for (int channels = 1; channels <= 4; channels++) {
        write_file(channels);
        assert_decodes(&file, &in_color, &grid);
        assert_int_equal(grid.width_px, 40);
        assert_int_equal(grid.height_px, 30);
        assert_int_equal(grid.channels, channels);
        assert_memory_equal(grid.samples, samples, (size_t)(40 * 30 * channels));
        assert_int_equal(file.bytes[24], 8); /* bits a sample */
    }
}

static void no_other_chunk_is_written(void **state) {
    (void)state;
    fill_samples();
    write_file(2);
    char types[256] = "";
    for (size_t at = 8; at + 12 <= file.length;) {
        size_t length = 0;
        for (int i = 0; i < 4; i++)
            length = length << 8 | file.bytes[at + (size_t)i];
        assert_true(strlen(types) + 5 < sizeof types);
        strncat(types, (const char *)file.bytes + at + 4, 4);
        strcat(types, " ");
        at += 12 + length;
    }
    assert_string_equal(types, "IHDR IDAT IEND ");
}

/* ---- the ways of compression ---- */

#define LARGE_WIDTH_PX  300
#define LARGE_HEIGHT_PX 700 /* three bands and more of a gray picture */
#define LARGE_BYTES     (LARGE_WIDTH_PX * LARGE_HEIGHT_PX)

static uint8_t large[LARGE_BYTES];
static uint8_t decoded[LARGE_BYTES];

/* Decodes fd, of a gray picture, and closes it; the samples must be those in large. Returns the
 * file's length. */
static off_t assert_large_comes_back(int fd, int width_px, int height_px) {
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_row_source *rows = NULL;
    struct tt_picture_header header;
    off_t length = lseek(fd, 0, SEEK_END);
    tt_arena_init(&arena, (size_t)16 << 20);
    assert_int_equal(tt_decoder_open(&decoder, fd, &arena, &test_limits, &header), TT_OK);
    assert_int_equal(tt_decoder_start(decoder, false, &rows), TT_OK);
    for (int y = 0; y < height_px; y++) {
        const uint8_t *row = NULL;
        assert_int_equal(rows->next(rows, &row), TT_OK);
        memcpy(decoded + y * width_px, row, (size_t)width_px);
    }
    assert_int_equal(tt_decoder_finish(decoder), TT_OK);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);
    assert_memory_equal(decoded, large, (size_t)(width_px * height_px));
    return length;
}

static off_t write_part(int width_px, int height_px) {
    int fd = file_open((const uint8_t *)"", 0);
    assert_int_equal(write_picture(fd, large, width_px, height_px, 1), TT_OK);
    return assert_large_comes_back(fd, width_px, height_px);
}

static off_t write_large(void) {
    return write_part(LARGE_WIDTH_PX, LARGE_HEIGHT_PX);
}

static uint8_t next_noise(void) {
    static uint32_t noise = 1;
    noise = noise * 1664525 + 1013904223;
    return (uint8_t)(noise >> 24);
}

/* Draws what is smooth and has noise, as a photograph, in the rows from, to. */
static void draw_photo(int from, int to) {
    for (int y = from; y < to; y++)
        for (int x = 0; x < LARGE_WIDTH_PX; x++)
            large[y * LARGE_WIDTH_PX + x] = (uint8_t)(x / 2 + y / 4 + next_noise() % 8);
}

/* Draws the same noise in tiles of 50 x 20 pixels, where nothing but matches will do. */
static void draw_tiles(int from, int to) {
    static uint8_t tile[50 * 20];
    for (size_t i = 0; i < sizeof tile; i++)
        tile[i] = next_noise();
    for (int y = from; y < to; y++)
        for (int x = 0; x < LARGE_WIDTH_PX; x++)
            large[y * LARGE_WIDTH_PX + x] = tile[y % 20 * 50 + x % 50];
}

/* Draws a slope to the right, a new one in each row: filtered it is even, unfiltered it is not. */
static void draw_slopes(int from, int to) {
    for (int y = from; y < to; y++)
        for (int x = 0; x < LARGE_WIDTH_PX; x++)
            large[y * LARGE_WIDTH_PX + x] = (uint8_t)(x * 7 + y * y);
}

/* Draws rows of noise that come again after 40 rows: farther than any sample is high, and nearer
 * than a match reaches. */
static void draw_distant_repeats(int from, int to) {
    for (int y = from; y < to; y++)
        for (int x = 0; x < LARGE_WIDTH_PX; x++)
            large[y * LARGE_WIDTH_PX + x] =
                y < from + 40 ? next_noise() : large[(y - 40) * LARGE_WIDTH_PX + x];
}

/* Draws the luma of slopes in three directions, each up to top: filtered it is nearly all zeros. */
static void draw_smooth_slope(int top) {
    for (int y = 0; y < LARGE_HEIGHT_PX; y++)
        for (int x = 0; x < LARGE_WIDTH_PX; x++)
            large[y * LARGE_WIDTH_PX + x] =
                (uint8_t)((x * top / (LARGE_WIDTH_PX - 1) * 299 +
                           y * top / (LARGE_HEIGHT_PX - 1) * 587 +
                           (x + y) * top / (LARGE_WIDTH_PX + LARGE_HEIGHT_PX - 2) * 114) /
                          1000);
}

/* There are three bits of noise for each sample, and a little for the codes: no better can be had.
 */
static void noise_takes_its_bits_and_no_more(void **state) {
    (void)state;
    draw_photo(0, LARGE_HEIGHT_PX);
    assert_in_range(write_large(), LARGE_BYTES * 3 / 8, LARGE_BYTES * 5 / 8);
}

static void what_repeats_is_matched_without_filters(void **state) {
    (void)state;
    draw_tiles(0, LARGE_HEIGHT_PX);
    assert_in_range(write_large(), 1000, 1000 + LARGE_BYTES / 40);
}

static void what_is_even_once_filtered_is_matched_filtered(void **state) {
    (void)state;
    draw_slopes(0, LARGE_HEIGHT_PX);
    assert_in_range(write_large(), 100, LARGE_BYTES / 60);
}

static void rows_that_come_again_far_away_are_matched(void **state) {
    (void)state;
    draw_distant_repeats(0, LARGE_HEIGHT_PX);
    assert_in_range(write_large(), 40 * LARGE_WIDTH_PX, LARGE_BYTES / 3);
}

/* With narrow chains alone it takes 9,775 bytes; Pillow 9.4 with zlib 1.2.13 takes 10,292. */
static void a_smooth_slope_takes_few_long_matches(void **state) {
    (void)state;
    draw_smooth_slope(255);
    assert_in_range(write_large(), 1000, 7500);
}

static void every_slope_comes_back(void **state) {
    (void)state;
    for (int top = 10; top < 256; top += 14) {
        draw_smooth_slope(top);
        assert_in_range(write_large(), 1000, 10000);
    }
}

/* There is nothing but noise in the middle, where one look would be; above and below nothing but
 * matches will do. */
static void a_small_picture_is_looked_at_in_several_places(void **state) {
    (void)state;
    draw_smooth_slope(255);
    for (int i = 80 * LARGE_WIDTH_PX; i < 120 * LARGE_WIDTH_PX; i++)
        large[i] = next_noise();
    assert_in_range(write_part(LARGE_WIDTH_PX, 200), 40 * LARGE_WIDTH_PX, 52 * LARGE_WIDTH_PX);
}

/* There is white in the middle of each band, where a look would see nothing else, and at both
 * sides. What is left of the photograph is 11/20 of it. */
static void a_photograph_is_found_within_its_margins(void **state) {
    off_t photo;
    (void)state;
    draw_photo(0, LARGE_HEIGHT_PX);
    photo = write_large();
    for (int y = 0; y < LARGE_HEIGHT_PX; y++)
        for (int x = 0; x < LARGE_WIDTH_PX; x++)
            if (y % 217 / 40 == 2 || x < 50 || x >= LARGE_WIDTH_PX - 50)
                large[y * LARGE_WIDTH_PX + x] = 255;
    assert_in_range(write_large(), photo / 2, photo * 13 / 20);
}

/* Each part is packed in its own way: together they are as long as alone, but for a band that has
 * two of them. */
static void the_way_changes_with_the_picture(void **state) {
    off_t photo, mixed;
    (void)state;
    draw_photo(0, LARGE_HEIGHT_PX);
    photo = write_large();
    draw_tiles(0, 220);
    draw_photo(220, 440);
    draw_slopes(440, LARGE_HEIGHT_PX);
    mixed = write_large();
    assert_in_range(mixed, photo * 3 / 10, photo * 5 / 10);
}

static void the_same_picture_is_the_same_file(void **state) {
    static uint8_t first[LARGE_BYTES];
    (void)state;
    draw_tiles(0, 350);
    draw_photo(350, LARGE_HEIGHT_PX);
    for (int round = 0; round < 2; round++) {
        int fd = file_open((const uint8_t *)"", 0);
        assert_int_equal(write_picture(fd, large, LARGE_WIDTH_PX, LARGE_HEIGHT_PX, 1), TT_OK);
        ssize_t length = pread(fd, round == 0 ? first : decoded, LARGE_BYTES, 0);
        assert_in_range(length, 1000, LARGE_BYTES - 1);
        if (round == 1)
            assert_memory_equal(first, decoded, (size_t)length);
        (void)close(fd);
    }
}

/* ---- small, and wide ---- */

static void one_pixel_is_a_file_to_the_letter(void **state) {
    static const uint8_t expected[] = {
        0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I',  'H',  'D',  'R',  0,
        0,    0,   1,   0,   0,    0,    1,    8,    0, 0, 0, 0,  0x3a, 0x7e, 0x9b, 0x55, /* CRC */
    };
    static const uint8_t pixel[1] = {0x80};
    int fd = file_open((const uint8_t *)"", 0);
    (void)state;
    assert_int_equal(write_picture(fd, pixel, 1, 1, 1), TT_OK);
    file_read_back(&file, fd);
    assert_memory_equal(file.bytes, expected, sizeof expected);
    assert_decodes(&file, &in_color, &grid);
    assert_int_equal(grid.samples[0], 0x80);
}

static void every_small_size_comes_back(void **state) {
    (void)state;
    fill_samples();
    for (int width = 1; width <= 20; width++) {
        for (int height = 1; height <= 6; height++) {
            int channels = 1 + (width + height) % 4;
            int fd = file_open((const uint8_t *)"", 0);
            assert_int_equal(write_picture(fd, samples, width, height, channels), TT_OK);
            file_read_back(&file, fd);
            assert_decodes(&file, &in_color, &grid);
            assert_memory_equal(grid.samples, samples, (size_t)(width * height * channels));
        }
    }
}

static void memory_stays_small(void **state) {
    static const int sizes[][3] = {{1, 1, 1},     {40, 30, 4},   {720, 588, 1},  {1024, 1024, 4},
                                   {1, 16384, 2}, {16384, 1, 3}, {16384, 16, 4}, {21845, 9, 3}};
    uint8_t *pixels = calloc(1, (size_t)1024 * 1024 * 4);
    (void)state;
    assert_non_null(pixels);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct tt_encoder_wish wish = {TT_FORMAT_PNG, sizes[i][0], sizes[i][1], sizes[i][2],
                                             0};
        int fd = file_open((const uint8_t *)"", 0);
        assert_int_equal(encode(fd, &wish, pixels, (size_t)3 << 20), TT_OK);
        (void)close(fd);
    }
    free(pixels);
}

/* ---- failures ---- */

static void a_full_disk_is_reported(void **state) {
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write_picture(fd, samples, 40, 30, 1), TT_ERR_SPOOL_FULL);
    (void)close(fd);
}

/* The file's size is limited at each place where the writer could be cut off. */
static void a_disk_that_fills_up_is_reported_at_any_byte(void **state) {
    struct rlimit before;
    (void)state;
    draw_photo(0, LARGE_HEIGHT_PX);
    off_t whole = write_large();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (off_t limit = 0; limit < whole; limit += limit < 100 ? 7 : 9973) {
        struct rlimit low = {.rlim_cur = (rlim_t)limit, .rlim_max = before.rlim_max};
        int fd = file_open((const uint8_t *)"", 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        enum tt_err err = write_picture(fd, large, LARGE_WIDTH_PX, LARGE_HEIGHT_PX, 1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_true(err == TT_ERR_SPOOL_FULL || err == TT_ERR_STORAGE);
        (void)close(fd);
    }
    (void)signal(SIGXFSZ, SIG_DFL);
}

static void a_full_arena_is_no_memory(void **state) {
    const struct tt_encoder_wish wish = {TT_FORMAT_PNG, 40, 30, 1, 0};
    enum tt_err err = TT_ERR_NO_MEMORY;
    (void)state;
    fill_samples();
    for (size_t cap_bytes = 1000; err != TT_OK; cap_bytes += 5000) {
        int fd = file_open((const uint8_t *)"", 0);
        assert_true(cap_bytes < (size_t)1 << 18);
        err = encode(fd, &wish, samples, cap_bytes);
        assert_true(err == TT_OK || err == TT_ERR_NO_MEMORY);
        if (cap_bytes < 20000)
            assert_int_equal(err, TT_ERR_NO_MEMORY);
        (void)close(fd);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_kept),
        cmocka_unit_test(no_other_chunk_is_written),
        cmocka_unit_test(noise_takes_its_bits_and_no_more),
        cmocka_unit_test(what_repeats_is_matched_without_filters),
        cmocka_unit_test(what_is_even_once_filtered_is_matched_filtered),
        cmocka_unit_test(rows_that_come_again_far_away_are_matched),
        cmocka_unit_test(a_smooth_slope_takes_few_long_matches),
        cmocka_unit_test(every_slope_comes_back),
        cmocka_unit_test(a_small_picture_is_looked_at_in_several_places),
        cmocka_unit_test(a_photograph_is_found_within_its_margins),
        cmocka_unit_test(the_way_changes_with_the_picture),
        cmocka_unit_test(the_same_picture_is_the_same_file),
        cmocka_unit_test(one_pixel_is_a_file_to_the_letter),
        cmocka_unit_test(every_small_size_comes_back),
        cmocka_unit_test(memory_stays_small),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(a_disk_that_fills_up_is_reported_at_any_byte),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests_name("image_png_write", tests, NULL, NULL);
}
