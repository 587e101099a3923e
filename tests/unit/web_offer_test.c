/* src/web/offer.c: what is offered, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "web/offer.h"

static const char *offer_of(struct tt_buf *text, const struct tt_config *of) {
    tt_buf_init(text, TT_OFFER_MAX_BYTES);
    assert_int_equal(tt_offer_append(text, of), TT_OK);
    assert_false(text->overflowed);
    return tt_buf_text(text);
}

static void offer(void **state) {
    struct tt_config some = {
        .server.max_body_bytes = 5000000000,
        .image = {.options = {.width_px = 720,
                              .fit = TT_FIT_COVER,
                              .format = TT_FORMAT_JPEG,
                              .quality = 85,
                              .watermark = {.position = TT_POSITION_TOP}},
                  .rendition_presets = {1},
                  .rendition_count = 1},
        .presets = {{.name = "large"}, {.name = "thumb"}},
        .preset_count = 2,
    };
    (void)state;
    struct tt_buf text;
    assert_string_equal(
        offer_of(&text, &some),
        "{\"maxBodyBytes\":5000000000,\"formats\":[\"png\",\"jpeg\",\"webp\"],"
        "\"fits\":[\"inside\",\"cover\",\"fill\"],\"positions\":[\"top-left\",\"top\","
        "\"top-right\",\"left\",\"center\",\"right\",\"bottom-left\",\"bottom\","
        "\"bottom-right\"],\"presets\":[\"large\",\"thumb\"],\"renditions\":[\"thumb\"],"
        "\"defaults\":{\"width\":720,\"height\":null,\"fit\":\"cover\",\"grayscale\":false,"
        "\"format\":\"jpeg\",\"quality\":85,\"watermark\":false,\"watermark_position\":\"top\"},"
        "\"watermark\":{\"configured\":false,\"text\":false}}");
    tt_buf_fini(&text);
}

/* Whether there is one is said, and nothing of what it is. */
static void offer_of_watermarks(void **state) {
    struct tt_config some = {.image.watermark_font = "/secret/font.ttf",
                             .image.watermark_image = "/secret/logo.png"};
    (void)state;
    struct tt_buf text;
    assert_non_null(strstr(offer_of(&text, &some), "{\"configured\":true,\"text\":true}}"));
    assert_null(strstr(tt_buf_text(&text), "secret"));
    tt_buf_fini(&text);
    some =
        (struct tt_config){.presets[0] = {.options.watermark.text = "secret"}, .preset_count = 1};
    assert_non_null(strstr(offer_of(&text, &some), "{\"configured\":true,\"text\":false}}"));
    assert_null(strstr(tt_buf_text(&text), "secret"));
    tt_buf_fini(&text);
}

static void the_longest_offer_fits(void **state) {
    struct tt_config full = {.server.max_body_bytes = INT64_MAX,
                             .preset_count = TT_CONFIG_PRESETS_MAX,
                             .image.rendition_count = TT_PICTURE_RENDITIONS_MAX};
    (void)state;
    for (int i = 0; i < TT_CONFIG_PRESETS_MAX; i++)
        memset(full.presets[i].name, 'a' + i, TT_PICTURE_PRESET_SIZE - 1);
    struct tt_buf text;
    assert_non_null(strstr(offer_of(&text, &full), "\"renditions\":[\"aaaa"));
    tt_buf_fini(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offer),
        cmocka_unit_test(offer_of_watermarks),
        cmocka_unit_test(the_longest_offer_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
