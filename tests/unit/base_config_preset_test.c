/* src/base/config_preset.c: presets in the file and in the environment, and the renditions that
 * name them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tintype/config.h"

static struct tt_config config;
static char problems[4096];

static enum tt_err load(const char *text) {
    static char path[sizeof "/tmp/tintype-preset-test-XXXXXX"];
    FILE *out = fmemopen(problems, sizeof problems, "w");
    strcpy(path, "/tmp/tintype-preset-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_non_null(out);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    enum tt_err err = tt_config_load(&config, path, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(unlink(path), 0);
    tt_err_take(TT_OK);
    return err;
}

static void assert_refused(const char *text, const char *words) {
    assert_int_equal(load(text), TT_ERR_CONFIG);
    if (!strstr(problems, words))
        fail_msg("\"%s\" is not in \"%s\"", words, problems);
}

static int clear_environment(void **state) {
    (void)state;
    memset(problems, 0, sizeof problems);
    return clearenv();
}

static void a_preset_takes_the_rest_from_image(void **state) {
    (void)state;
    /* What comes later in the file counts as well. */
    assert_int_equal(load("[preset.thumb]\nwidth=200\nfit=cover\nwatermark=off\n"
                          "[preset.plain-2]\n format=webp\n"
                          "[image]\nquality=70\nheight=300\nwatermark_text=ours\n"
                          "[preset.thumb]\nwatermark_position=top\n"),
                     TT_OK);
    assert_int_equal(config.preset_count, 2);
    const struct tt_config_preset *thumb = tt_config_find_preset(&config, "thumb");
    const struct tt_config_preset *plain = tt_config_find_preset(&config, "plain-2");
    assert_non_null(thumb);
    assert_non_null(plain);
    assert_null(tt_config_find_preset(&config, "plain"));
    assert_int_equal(thumb->options.width_px, 200);
    assert_int_equal(thumb->options.height_px, 0); /* free, as in a request */
    assert_int_equal(thumb->options.fit, TT_FIT_COVER);
    assert_int_equal(thumb->options.quality, 70);
    assert_false(thumb->options.watermark.enabled);
    assert_int_equal(thumb->options.watermark.position, TT_POSITION_TOP);
    assert_string_equal(thumb->options.watermark.text, "ours");
    assert_int_equal(plain->options.width_px, 1024);
    assert_int_equal(plain->options.height_px, 300);
    assert_int_equal(plain->options.format, TT_FORMAT_WEBP);
    assert_true(plain->options.watermark.enabled);
    assert_int_equal(config.image.rendition_count, 0);
}

static void a_preset_may_be_empty(void **state) {
    (void)state;
    assert_int_equal(setenv("TINTYPE_PRESET_B_WIDTH", "500", 1), 0);
    assert_int_equal(load("[preset.a]\n[preset.b]\n[image]\nrenditions=a\nwidth=300\n"), TT_OK);
    assert_int_equal(config.preset_count, 2);
    assert_int_equal(config.image.rendition_count, 1);
    const struct tt_config_preset *preset = tt_config_find_preset(&config, "a");
    assert_non_null(preset);
    assert_memory_equal(&preset->options, &config.image.options, sizeof preset->options);
    preset = tt_config_find_preset(&config, "b");
    assert_non_null(preset);
    assert_int_equal(preset->options.width_px, 500);
    assert_int_equal(unsetenv("TINTYPE_PRESET_B_WIDTH"), 0);
    assert_refused("\n[preset.a b]\n", ":2: [preset.NAME] takes a name");
}

static void the_environment_beats_the_file(void **state) {
    (void)state;
    assert_int_equal(setenv("TINTYPE_PRESET_LARGE_2_WIDTH", "500", 1), 0);
    assert_int_equal(load("[preset.large-2]\nwidth=200\nquality=5\n"), TT_OK);
    assert_int_equal(config.presets[0].options.width_px, 500);
    assert_int_equal(config.presets[0].options.quality, 5);
    /* A variable makes no preset. */
    assert_refused("[preset.other]\nwidth=200\n", "TINTYPE_PRESET_LARGE_2_WIDTH: no such key");
    assert_int_equal(setenv("TINTYPE_PRESET_LARGE_2_WIDTH", "wide", 1), 0);
    assert_refused("[preset.large-2]\n quality=1\n", "WIDTH: width takes a whole number");
}

static void renditions_are_presets(void **state) {
    (void)state;
    assert_int_equal(load("[image]\nrenditions = large, thumb\n"
                          "[preset.thumb]\nwidth=64\n[preset.unused]\nwidth=1\n"
                          "[preset.large]\nwidth=640\n"),
                     TT_OK);
    assert_int_equal(config.image.rendition_count, 2);
    assert_string_equal(config.presets[config.image.rendition_presets[0]].name, "large");
    assert_string_equal(config.presets[config.image.rendition_presets[1]].name, "thumb");
}

static void what_makes_no_sense_is_refused(void **state) {
    char nine[1024] = "[image]\nrenditions=p1,p2,p3,p4,p5,p6,p7,p8,p9\n";
    char many[1024] = "";
    (void)state;
    assert_refused("[image]\n\nrenditions=thumb\n",
                   ":3: renditions names \"thumb\", and there is no [preset.thumb]");
    assert_refused("[preset.a]\nwidth=1\n[image]\nrenditions=a,a\n", "\"a\" twice");
    assert_int_equal(setenv("TINTYPE_IMAGE_RENDITIONS", "b", 1), 0);
    assert_refused("[preset.a]\nwidth=1\n", "TINTYPE_IMAGE_RENDITIONS: renditions names \"b\"");
    assert_int_equal(unsetenv("TINTYPE_IMAGE_RENDITIONS"), 0);
    assert_refused("[image]\nwatermark_font=\n[preset.a]\nwatermark_text=x\n",
                   "image.watermark_font");
    assert_refused("[image]\nrenditions=a;b/c\n", "names of presets");
    assert_refused("[preset.a]\nmax_pixels=1\n", "no such key: \"max_pixels\" in [preset.a]");
    assert_refused("[preset.a]\nrenditions=a\n", "no such key: \"renditions\" in [preset.a]");
    assert_refused("[preset.a]\nwidth=0x\n", "width takes a whole number");
    assert_refused("[preset.a]\nwidth=1\nwidth=2\n", "was set on line 2 already");
    assert_refused("[preset.A]\nwidth=1\n", "a-z, 0-9 and hyphen");
    assert_refused("[preset.]\nwidth=1\n", "a-z, 0-9 and hyphen");
    assert_refused("[preset.01234567890123456789012345678901]\nwidth=1\n", "1 to 31 characters");
    for (int i = 1; i <= 9; i++)
        snprintf(nine + strlen(nine), sizeof nine - strlen(nine), "[preset.p%d]\nwidth=%d\n", i, i);
    assert_refused(nine, "8 names at most");
    for (int i = 0; i <= TT_CONFIG_PRESETS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "[preset.p%d]\nwidth=%d\n", i,
                 i + 1);
    assert_refused(many, "16 presets at most");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_preset_takes_the_rest_from_image, clear_environment),
        cmocka_unit_test_setup(a_preset_may_be_empty, clear_environment),
        cmocka_unit_test_setup(the_environment_beats_the_file, clear_environment),
        cmocka_unit_test_setup(renditions_are_presets, clear_environment),
        cmocka_unit_test_setup(what_makes_no_sense_is_refused, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
