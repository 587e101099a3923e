/* Text as a watermark: where its ink is, that it can be read on any ground, which characters are
 * drawn, and fonts that are damaged. Glyphs themselves are FreeType's, and not held to bytes. */
#include "image/watermark_text.h"

#include "image/operations.h"
#include "image/watermark.h"
#include "picture_build.h"

#define FONT_PATH "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
#define LINE_PX   40.0

static uint8_t *font;
static size_t font_bytes;

static int read_font(void **state) {
    FILE *file = fopen(FONT_PATH, "re");
    const size_t most_bytes = (size_t)1 << 20;

    (void)state;
    font = malloc(most_bytes);
    if (!file || !font)
        return -1;
    font_bytes = fread(font, 1, most_bytes, file);
    (void)fclose(file);
    return font_bytes > 0 ? 0 : -1;
}

static int free_font(void **state) {
    (void)state;
    free(font);
    return 0;
}

/* ---- overlays ---- */

static const struct tt_overlay_room wide = {1500, 200};

static struct tt_overlay draw(struct tt_arena *arena, const char *text, double line_px,
                              struct tt_overlay_room room) {
    struct tt_overlay overlay;

    tt_arena_init(arena, (size_t)64 << 20);
    assert_int_equal(tt_watermark_text_draw(&overlay, font, font_bytes, text, line_px, room, arena),
                     TT_OK);
    assert_true(overlay.width_px <= room.width_px || overlay.width_px == 0);
    assert_true(overlay.height_px <= room.height_px || overlay.width_px == 0);
    return overlay;
}

static int width_of(const char *text) {
    struct tt_arena arena;
    int width_px = draw(&arena, text, LINE_PX, wide).width_px;

    tt_arena_fini(&arena);
    return width_px;
}

static int height_of(const char *text) {
    struct tt_arena arena;
    int height_px = draw(&arena, text, LINE_PX, wide).height_px;

    tt_arena_fini(&arena);
    return height_px;
}

static bool look_alike(const char *text, const char *other_text) {
    struct tt_arena arena, other_arena;
    struct tt_overlay one = draw(&arena, text, LINE_PX, wide);
    struct tt_overlay other = draw(&other_arena, other_text, LINE_PX, wide);
    bool alike =
        one.width_px > 0 && one.width_px == other.width_px && one.height_px == other.height_px &&
        memcmp(one.samples, other.samples, (size_t)one.width_px * (size_t)one.height_px * 2) == 0;

    tt_arena_fini(&arena);
    tt_arena_fini(&other_arena);
    return alike;
}

static void the_same_text_gives_the_same_bytes(void **state) {
    (void)state;
    assert_true(look_alike("\u00a9 Gr\u00e4fin 2024", "\u00a9 Gr\u00e4fin 2024"));
    assert_false(look_alike("\u00a9 Gr\u00e4fin 2024", "\u00a9 Gr\u00e4fin 2025"));
}

static void characters_beyond_ascii_are_drawn(void **state) {
    (void)state;
    assert_true(height_of("\u00e4") > height_of("a"));
    assert_false(look_alike("\u20ac", "\u65e5"));
    assert_true(look_alike("\u65e5", "\u672c")); /* the font's box for what it does not have */
    assert_false(look_alike("\u65e5", " "));
}

static void what_is_not_utf8_is_replaced(void **state) {
    static const struct {
        const char *text, *seen_as;
    } cases[] = {
        {"a\xff", "a\ufffd"},
        {"a\xe2\x82", "a\ufffd"},     /* cut within a character */
        {"\x80\x80z", "\ufffdz"},     /* continuations of nothing */
        {"\xc0\xafz", "\ufffdz"},     /* overlong */
        {"\xed\xa0\x80z", "\ufffdz"}, /* a surrogate */
        {"a\x01\x7f\xc2\x85"
         "b",
         "ab"},                                       /* control characters */
        {"a\u200b\u202e\u2066\ufeff\u00adb\n", "ab"}, /* invisible ones */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!look_alike(cases[i].text, cases[i].seen_as))
            fail_msg("case %zu", i);
}

static void letters_are_kerned(void **state) {
    int apart_px = (width_of("AAAAAAAA") + width_of("VVVVVVVV")) / 2;

    (void)state;
    /* DejaVu Sans: seven pairs of A and V closer by 131 of the line's 2384 units, of A and A apart
     * by 57; (7 × 131 + 7 × 57 / 2) × 40 / 2384 = 18.7 px. */
    assert_in_range(apart_px - width_of("AVAVAVAV"), 17, 20);
}

static void text_too_wide_is_made_smaller(void **state) {
    struct tt_arena arena;
    struct tt_overlay_room room = {200, 100};
    int height_px = height_of("A rather long line of text");
    struct tt_overlay overlay = draw(&arena, "A rather long line of text", LINE_PX, room);

    (void)state;
    assert_in_range(overlay.width_px, room.width_px * 19 / 20, room.width_px);
    assert_in_range(overlay.height_px, height_px / 4, height_px * 3 / 4);
    tt_arena_fini(&arena);
    room.height_px = 15;
    overlay = draw(&arena, "Mg", LINE_PX, room);
    assert_in_range(overlay.height_px, room.height_px - 3, room.height_px);
    tt_arena_fini(&arena);
}

static void what_cannot_be_read_is_not_drawn(void **state) {
    char endless[TT_PICTURE_WATERMARK_SIZE];
    const struct {
        const char *text;
        double line_px;
        struct tt_overlay_room room;
    } cases[] = {
        {"", LINE_PX, wide},          {" \u00a0 ", LINE_PX, wide},
        {"\u200b\t", LINE_PX, wide},  {"small", TT_WATERMARK_LINE_MIN_PX - 0.1, wide},
        {endless, LINE_PX, wide}, /* 255 W in 1500 px */
        {"text", LINE_PX, {0, 100}},  {"text", LINE_PX, {-5, -5}},
        {"text", LINE_PX, {10, 100}}, {"text", LINE_PX, {100, 10}},
    };

    (void)state;
    memset(endless, 'W', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tt_arena arena;

        if (draw(&arena, cases[i].text, cases[i].line_px, cases[i].room).width_px != 0)
            fail_msg("case %zu", i);
        tt_arena_fini(&arena);
    }
}

static void every_size_keeps_to_its_room(void **state) {
    static const double lines[] = {7, 8.5, 20, 33, 120, 500};
    static const int sides[] = {1, 9, 20, 100, 333, 1000};

    (void)state;
    for (size_t i = 0; i < 6 * 6 * 6; i++) {
        struct tt_overlay_room room = {sides[i / 6 % 6], sides[i % 6]};
        struct tt_arena arena;

        (void)draw(&arena, "\u00c5ngstr\u00f6m gjpqy |\u222b", lines[i / 36], room);
        tt_arena_fini(&arena);
    }
}

/* ---- on pictures ---- */

#define SIDE_PX 160

static uint8_t ground[SIDE_PX * SIDE_PX * 4];
static uint8_t marked[SIDE_PX * SIDE_PX * 4];

/* Marks a picture of that gray, opaque. */
static void mark_ground(uint8_t gray, int channels, enum tt_picture_position position) {
    const struct tt_watermark watermark = {.font = font, .font_bytes = font_bytes};
    const struct tt_picture_watermark wanted = {.text = "Mark",
                                                .position = position,
                                                .size_percent = 10,
                                                .margin_percent = 10,
                                                .opacity_percent = 100};
    struct sample_sink to = sample_sink(marked, SIDE_PX, SIDE_PX, channels);
    size_t row_bytes = (size_t)SIDE_PX * (size_t)channels;
    struct tt_row_sink *sink;
    struct tt_arena arena;

    for (size_t i = 0; i < row_bytes * SIDE_PX; i++)
        ground[i] = channels % 2 == 0 && i % (size_t)channels == (size_t)channels - 1 ? 255 : gray;
    tt_arena_init(&arena, (size_t)64 << 20);
    assert_int_equal(tt_watermark_open(&sink, &to.rows, &watermark, &wanted, &arena), TT_OK);
    assert_int_equal(put_samples(sink, ground), TT_OK);
    tt_arena_fini(&arena);
}

struct box {
    int left, top, right, bottom;
};

/* Returns the box of what has changed, in a gray picture. */
static struct box find_ink(void) {
    struct box ink = {SIDE_PX, SIDE_PX, 0, 0};

    for (int i = 0; i < SIDE_PX * SIDE_PX; i++) {
        int x = i % SIDE_PX;
        int y = i / SIDE_PX;

        if (marked[i] == ground[i])
            continue;
        ink.left = x < ink.left ? x : ink.left;
        ink.top = y < ink.top ? y : ink.top;
        ink.right = x >= ink.right ? x + 1 : ink.right;
        ink.bottom = y >= ink.bottom ? y + 1 : ink.bottom;
    }
    return ink;
}

/* Its soft edge may be too faint to change the last pixels. */
#define FAINT_PX 2

static void assert_along(int step, int first, int end) {
    const int margin_px = SIDE_PX / 10;

    if (step == 0)
        assert_in_range(first, margin_px, margin_px + FAINT_PX);
    if (step == 1)
        assert_in_range(first + end, SIDE_PX - FAINT_PX, SIDE_PX + FAINT_PX);
    if (step == 2)
        assert_in_range(end, SIDE_PX - margin_px - FAINT_PX, SIDE_PX - margin_px);
}

static void the_ink_is_where_it_was_asked_for(void **state) {
    (void)state;
    for (int position = 0; position < TT_POSITION_COUNT; position++) {
        struct box ink;

        mark_ground(128, 1, (enum tt_picture_position)position);
        ink = find_ink();
        assert_along(position % 3, ink.left, ink.right);
        assert_along(position / 3, ink.top, ink.bottom);
        assert_in_range(ink.bottom - ink.top, 12, 24); /* a line of 16 px and a soft edge */
        assert_in_range(ink.right - ink.left, 30, 60);
    }
}

/* Counts how many pixels are at least that bright, and at most that dark. */
static int count_bright(int least) {
    int count = 0;

    for (int i = 0; i < SIDE_PX * SIDE_PX; i++)
        count += marked[i] >= least ? 1 : 0;
    return count;
}

static int count_dark(int most) {
    return SIDE_PX * SIDE_PX - count_bright(most + 1);
}

/* Letters and outline each have to differ from what is beside them: white letters within a dark
 * outline. The letters of "Mark" cover some 90 pixels, of which the inner third is untouched by
 * their edges. */
static void it_can_be_read_on_any_ground(void **state) {
    (void)state;
    mark_ground(0, 1, TT_POSITION_CENTER);
    assert_in_range(count_bright(192), 30, 300);
    for (int gray = 16; gray <= 255; gray += 16) {
        mark_ground((uint8_t)(gray < 240 ? gray : 255), 1, TT_POSITION_CENTER);
        if (gray < 192)
            assert_in_range(count_bright(192), 30, 300);
        assert_in_range(count_dark(gray / 2), 100, 600);
    }
}

static void every_kind_of_row_gets_the_same_text(void **state) {
    static uint8_t gray[SIDE_PX * SIDE_PX];

    (void)state;
    mark_ground(90, 1, TT_POSITION_BOTTOM_RIGHT);
    memcpy(gray, marked, sizeof gray);
    for (size_t channels = 2; channels <= 4; channels++) {
        mark_ground(90, (int)channels, TT_POSITION_BOTTOM_RIGHT);
        for (size_t i = 0; i < channels * SIDE_PX * SIDE_PX; i++)
            assert_int_equal(marked[i], channels % 2 == 0 && i % channels == channels - 1
                                            ? 255
                                            : gray[i / channels]);
    }
}

/* ---- damaged fonts: any answer, but no crash and nothing out of bounds ---- */

static void try_font(const uint8_t *bytes, size_t length) {
    static const char text[] = "\u00c4\u00e9 The quick brown fox, 0123456789 \u20ac\u65e5";
    uint8_t *exact = malloc(length + (length == 0));
    struct tt_overlay overlay;
    struct tt_arena arena;
    enum tt_err err;

    assert_non_null(exact);
    memcpy(exact, bytes, length);
    tt_arena_init(&arena, (size_t)16 << 20);
    err = tt_watermark_font_check(exact, length, &arena);
    assert_true(err == TT_OK || err == TT_ERR_CONFIG || err == TT_ERR_NO_MEMORY);
    assert_int_equal(err == TT_OK, *tt_err_cause() == '\0');
    tt_err_take(TT_OK);
    err = tt_watermark_text_draw(&overlay, exact, length, text, LINE_PX, wide, &arena);
    assert_true(err == TT_OK || err == TT_ERR_INTERNAL || err == TT_ERR_NO_MEMORY);
    if (err == TT_OK && overlay.width_px > 0) {
        assert_in_range(overlay.width_px, 1, wide.width_px);
        assert_in_range(overlay.height_px, 1, wide.height_px);
    }
    tt_err_take(TT_OK);
    tt_arena_fini(&arena);
    free(exact);
}

static void fonts_cut_short_do_no_harm(void **state) {
    (void)state;
    for (size_t length = 0; length < 512; length += 7)
        try_font(font, length);
    for (size_t i = 0; i < 60; i++)
        try_font(font, font_bytes * i / 60);
}

/* This is xorshift32: Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Half of the flips hit the table directory and the small tables at the start of the file. */
static void fonts_with_flipped_bits_do_no_harm(void **state) {
    uint32_t random = 20240607;
    uint8_t *bytes = malloc(font_bytes);

    (void)state;
    assert_non_null(bytes);
    for (int round = 0; round < 300; round++) {
        memcpy(bytes, font, font_bytes);
        for (int flip = 0; flip < 1 + round / 4; flip++) {
            size_t range = flip % 2 == 0 ? 2048 : font_bytes;
            size_t at = next_random(&random) % range;

            bytes[at] ^= (uint8_t)(1U << (next_random(&random) & 7));
        }
        try_font(bytes, font_bytes);
    }
    free(bytes);
}

static void a_font_is_refused_with_the_reason(void **state) {
    struct tt_arena arena;

    (void)state;
    tt_arena_init(&arena, (size_t)1 << 20);
    assert_int_equal(tt_watermark_font_check(font, font_bytes, &arena), TT_OK);
    assert_int_equal(tt_watermark_font_check(font, 100, &arena), TT_ERR_CONFIG);
    assert_non_null(strstr(tt_err_cause(), "cannot read it"));
    tt_err_take(TT_OK);
    tt_arena_fini(&arena);
}

static void too_little_memory_is_an_error(void **state) {
    struct tt_overlay overlay;
    struct tt_arena arena;

    (void)state;
    for (size_t cap = 64; cap < 40000; cap += 1000) {
        tt_arena_init(&arena, cap);
        assert_int_equal(
            tt_watermark_text_draw(&overlay, font, font_bytes, "Mark", LINE_PX, wide, &arena),
            TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
        tt_err_take(TT_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_gives_the_same_bytes),
        cmocka_unit_test(characters_beyond_ascii_are_drawn),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(letters_are_kerned),
        cmocka_unit_test(text_too_wide_is_made_smaller),
        cmocka_unit_test(what_cannot_be_read_is_not_drawn),
        cmocka_unit_test(every_size_keeps_to_its_room),
        cmocka_unit_test(the_ink_is_where_it_was_asked_for),
        cmocka_unit_test(it_can_be_read_on_any_ground),
        cmocka_unit_test(every_kind_of_row_gets_the_same_text),
        cmocka_unit_test(fonts_cut_short_do_no_harm),
        cmocka_unit_test(fonts_with_flipped_bits_do_no_harm),
        cmocka_unit_test(a_font_is_refused_with_the_reason),
        cmocka_unit_test(too_little_memory_is_an_error),
    };

    return cmocka_run_group_tests_name("image/watermark_text", tests, read_font, free_font);
}
