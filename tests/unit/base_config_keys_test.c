/* src/base/config_keys.c: the table of keys; and src/base/config_print.c, what is
 * printed from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config_value.h"

/* The text that print writes, which the caller frees. */
static char *printed(void (*print)(FILE *out)) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static size_t count_of(const char *text, char wanted) {
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == wanted;
    return count;
}

static void every_row_is_whole(void **state) {
    (void)state;
    assert_true(tt_config_key_count > 0);
    for (size_t i = 0; i < tt_config_key_count; i++) {
        const struct tt_config_key *key = &tt_config_keys[i];
        assert_true(strlen(key->help) > 0);
        assert_null(strpbrk(key->help, "|\n"));
        assert_true(key->value || key->per_core > 0);
        assert_true(key->offset + key->size <= sizeof(struct tt_config));
        assert_true((key->type == TT_CONFIG_CHOICE) == (key->choices != NULL));
        assert_true((key->check != NULL) == (key->takes != NULL));
        assert_true(key->help[strlen(key->help) - 1] != ':' || key->choices);
        if (key->type == TT_CONFIG_NUMBER || key->type == TT_CONFIG_SIDE ||
            key->type == TT_CONFIG_BYTES)
            assert_true(key->lowest < key->highest);
        if (key->type == TT_CONFIG_BYTES)
            assert_true(key->lowest >= 0);
    }
}

static void variables_are_unique(void **state) {
    (void)state;
    for (size_t i = 0; i < tt_config_key_count; i++) {
        char one[TT_CONFIG_VARIABLE_SIZE];
        tt_config_variable_format(tt_config_keys[i].section, tt_config_keys[i].name, one);
        assert_string_not_equal(one, "TINTYPE_CONFIG");
        char two[TT_CONFIG_VARIABLE_SIZE];
        for (size_t j = 0; j < i; j++) {
            tt_config_variable_format(tt_config_keys[j].section, tt_config_keys[j].name, two);
            assert_string_not_equal(one, two);
        }
    }
}

static void variable_is_in_upper_case(void **state) {
    (void)state;
    char variable[TT_CONFIG_VARIABLE_SIZE];
    tt_config_variable_format("image", "max_pixels", variable);
    assert_string_equal(variable, "TINTYPE_IMAGE_MAX_PIXELS");
}

static void every_default_is_taken_by_its_key(void **state) {
    static struct tt_config config;
    (void)state;
    for (size_t i = 0; i < tt_config_key_count; i++) {
        char text[TT_CONFIG_DEFAULT_SIZE];
        tt_config_default_format(&tt_config_keys[i], text);
        char explanation[TT_CONFIG_EXPLANATION_SIZE];
        assert_true(tt_config_value_parse(
            &tt_config_keys[i], text, tt_config_field(&tt_config_keys[i], &config), explanation));
    }
}

static void help_names_every_key_and_section(void **state) {
    char *text = printed(tt_config_print_help);
    (void)state;
    for (size_t i = 0; i < tt_config_key_count; i++) {
        char wanted[128];
        snprintf(wanted, sizeof wanted, "[%s]\n", tt_config_keys[i].section);
        assert_non_null(strstr(text, wanted));
        snprintf(wanted, sizeof wanted, "  %s = ", tt_config_keys[i].name);
        assert_non_null(strstr(text, wanted));
        assert_non_null(strstr(text, tt_config_keys[i].help));
    }
    assert_non_null(strstr(text, "  workers = 4 per core\n"));
    assert_non_null(strstr(text, "  max_body_bytes = 26214400\n"));
    assert_non_null(strstr(text, "Format of the result: png, jpeg or webp\n"));
    assert_non_null(strstr(text, "(width to watermark_opacity)"));
    free(text);
}

static void markdown_has_a_row_for_every_key(void **state) {
    char *text = printed(tt_config_print_markdown);
    (void)state;
    assert_int_equal(count_of(text, '\n'), tt_config_key_count + 2);
    assert_int_equal(count_of(text, '|'), 4 * (tt_config_key_count + 2));
    assert_non_null(strstr(text, "\n| `server.base_path` | `/api` | "));
    assert_non_null(strstr(text, "\n| `s3.bucket` |  | "));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(variables_are_unique),
        cmocka_unit_test(variable_is_in_upper_case),
        cmocka_unit_test(every_default_is_taken_by_its_key),
        cmocka_unit_test(help_names_every_key_and_section),
        cmocka_unit_test(markdown_has_a_row_for_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
