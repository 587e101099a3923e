/* src/image/sniff.c: the format by the first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/image.h"

static enum tt_picture_format sniff(const char *bytes, size_t length) {
    return tt_image_sniff((const uint8_t *)bytes, length);
}

static void signatures_are_known(void **state) {
    (void)state;
    assert_int_equal(sniff("\x89PNG\r\n\x1a\nxxxxxxxx", 16), TT_FORMAT_PNG);
    assert_int_equal(sniff("\x89PNG\r\n\x1a\n", 8), TT_FORMAT_PNG);
    assert_int_equal(sniff("\xff\xd8\xff\xe0xxxxxxxxxxxx", 16), TT_FORMAT_JPEG);
    assert_int_equal(sniff("\xff\xd8\xff", 3), TT_FORMAT_JPEG);
    assert_int_equal(sniff("GIF87axxxxxxxxxx", 16), TT_FORMAT_GIF);
    assert_int_equal(sniff("GIF89a", 6), TT_FORMAT_GIF);
    assert_int_equal(sniff("RIFF\x24\0\0\0WEBPVP8 ", 16), TT_FORMAT_WEBP);
    assert_int_equal(sniff("RIFF\x24\0\0\0WEBP", 12), TT_FORMAT_WEBP);
}

static void a_brand_tells_what_is_in_a_container(void **state) {
    static const char *const heic[] = {"heic", "heix", "hevc", "heim"};
    char bytes[] = "\0\0\0\x20"
                   "ftyp????\0\0\0\0mif1miafheicMiHE";
    (void)state;
    for (int i = 0; i < 4; i++) {
        memcpy(bytes + 8, heic[i], 4);
        assert_int_equal(sniff(bytes, 32), TT_FORMAT_HEIC);
        assert_int_equal(sniff(bytes, 12), TT_FORMAT_HEIC);
    }
    memcpy(bytes + 8, "avif", 4);
    assert_int_equal(sniff(bytes, 32), TT_FORMAT_AVIF);
    memcpy(bytes + 8, "avis", 4);
    assert_int_equal(sniff(bytes, 32), TT_FORMAT_AVIF);

    memcpy(bytes + 8, "mif1", 4); /* the container alone: the compatible brands tell */
    assert_int_equal(sniff(bytes, 32), TT_FORMAT_HEIC);
    assert_int_equal(sniff(bytes, 27), TT_FORMAT_NONE);
    memcpy(bytes + 24, "avif", 4);
    assert_int_equal(sniff(bytes, 32), TT_FORMAT_AVIF);
    bytes[3] = 24; /* the box ends before that brand */
    assert_int_equal(sniff(bytes, 32), TT_FORMAT_NONE);
    memcpy(bytes + 8, "isom", 4); /* a film */
    assert_int_equal(sniff(bytes, 32), TT_FORMAT_NONE);
}

static void everything_else_is_no_picture(void **state) {
    (void)state;
    assert_int_equal(sniff("", 0), TT_FORMAT_NONE);
    assert_int_equal(sniff("\xff\xd8", 2), TT_FORMAT_NONE);
    assert_int_equal(sniff("\xff\xd8\x00", 3), TT_FORMAT_NONE);
    assert_int_equal(sniff("\x89PNG\r\n\x1a", 7), TT_FORMAT_NONE);
    assert_int_equal(sniff("\x89PNG\n\x1a\nxxxxxxxxx", 16), TT_FORMAT_NONE); /* sent as text */
    assert_int_equal(sniff("%PDF-1.7\n%xxxxxx", 16), TT_FORMAT_NONE);
    assert_int_equal(sniff("GIF88axxxxxxxxxx", 16), TT_FORMAT_NONE);
    assert_int_equal(sniff("RIFF\x24\0\0\0WAVEfmt ", 16), TT_FORMAT_NONE);
    assert_int_equal(sniff("RIFF\x24\0\0\0WEB", 11), TT_FORMAT_NONE);
}

static void every_format_of_the_table_is_known(void **state) {
    static const struct {
        size_t length;
        const char *bytes;
    } samples[TT_FORMAT_COUNT] = {
        [TT_FORMAT_PNG] = {8, "\x89PNG\r\n\x1a\n"},
        [TT_FORMAT_JPEG] = {3, "\xff\xd8\xff"},
        [TT_FORMAT_WEBP] = {12, "RIFF\x24\0\0\0WEBP"},
        [TT_FORMAT_GIF] = {6, "GIF89a"},
        [TT_FORMAT_HEIC] = {12, "\0\0\0\x0c"
                                "ftypheic"},
        [TT_FORMAT_AVIF] = {12, "\0\0\0\x0c"
                                "ftypavif"},
    };
    (void)state;
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++) {
        if (!samples[i].bytes)
            fail_msg("%s has no sample here",
                     tt_picture_format_row((enum tt_picture_format)i)->name);
        assert_int_equal(sniff(samples[i].bytes, samples[i].length), i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_known),
        cmocka_unit_test(a_brand_tells_what_is_in_a_container),
        cmocka_unit_test(everything_else_is_no_picture),
        cmocka_unit_test(every_format_of_the_table_is_known),
    };
    return cmocka_run_group_tests_name("image_sniff", tests, NULL, NULL);
}
