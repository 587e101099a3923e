/* src/image/sniff.c: the format by the first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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
}

static void everything_else_is_no_picture(void **state) {
    (void)state;
    assert_int_equal(sniff("", 0), TT_FORMAT_NONE);
    assert_int_equal(sniff("\xff\xd8", 2), TT_FORMAT_NONE);
    assert_int_equal(sniff("\xff\xd8\x00", 3), TT_FORMAT_NONE);
    assert_int_equal(sniff("\x89PNG\r\n\x1a", 7), TT_FORMAT_NONE);
    assert_int_equal(sniff("\x89PNG\n\x1a\nxxxxxxxxx", 16), TT_FORMAT_NONE); /* sent as text */
    assert_int_equal(sniff("%PDF-1.7\n%xxxxxx", 16), TT_FORMAT_NONE);
    assert_int_equal(sniff("GIF89axxxxxxxxxx", 16), TT_FORMAT_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_known),
        cmocka_unit_test(everything_else_is_no_picture),
    };
    return cmocka_run_group_tests_name("image_sniff", tests, NULL, NULL);
}
