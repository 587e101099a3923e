/* src/web/document.c: the image object, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "web/document.h"

#define ID "0192f0e4-5a7b-7c3d-8e4f-0123456789ab" /* 2024-11-03T07:19:10.203Z */

static struct tt_config config = {.server.base_path = "/api",
                                  .s3.processed_prefix = "processed/",
                                  .s3.original_prefix = "originals/"};

static const struct tt_journal_row row = {
    .id = ID,
    .filename = "a \"b\" é.jpg",
    .processed = {.size_bytes = 5000000000,
                  .format = TT_FORMAT_PNG,
                  .width_px = 720,
                  .height_px = 588,
                  .sha256 = {0xab, 0xcd}},
    .original = {.size_bytes = 829000,
                 .format = TT_FORMAT_JPEG,
                 .width_px = 2725,
                 .height_px = 2225,
                 .sha256 = {0x01}},
    .original_kept = true,
    .sync_state = TT_SYNC_OFF,
};

#define ZEROS_60 "000000000000000000000000000000000000000000000000000000000000"

static void local_image(void **state) {
    struct tt_buf text;
    (void)state;
    tt_buf_init(&text, TT_DOCUMENT_IMAGE_MAX_BYTES);
    config.s3.bucket[0] = '\0';
    assert_int_equal(tt_document_append_image(&text, &config, &row, "Image processed"), TT_OK);
    assert_string_equal(
        tt_buf_text(&text),
        "{\"id\":\"" ID "\",\"filename\":\"a \\\"b\\\" é.jpg\",\"status\":\"processed\","
        "\"timestamp\":\"2024-11-03T07:19:10.203Z\",\"s3Path\":null,\"size\":5000000000,"
        "\"format\":\"PNG\",\"width\":720,\"height\":588,\"sha256\":\"abcd" ZEROS_60 "\","
        "\"original\":{\"size\":829000,\"format\":\"JPEG\",\"width\":2725,\"height\":2225,"
        "\"sha256\":\"0100" ZEROS_60 "\",\"s3Path\":null},"
        "\"sync\":{\"state\":\"off\",\"attempts\":0,\"lastError\":null,\"syncedAt\":null},"
        "\"links\":{\"self\":\"/api/images/" ID "\",\"processed\":\"/api/images/" ID "/processed\","
        "\"original\":\"/api/images/" ID "/original\"},\"message\":\"Image processed\"}");
    tt_buf_fini(&text);
}

static void image_of_a_bucket(void **state) {
    struct tt_buf text;
    struct tt_journal_row synced = row;
    (void)state;
    tt_buf_init(&text, TT_DOCUMENT_IMAGE_MAX_BYTES);
    strcpy(config.s3.bucket, "pictures");
    synced.sync_state = TT_SYNC_SYNCED;
    synced.attempts = 2;
    synced.synced_at_ms = 784111777000;
    strcpy(synced.last_error, "slow \"down\"");
    synced.original_kept = false;
    assert_int_equal(tt_document_append_image(&text, &config, &synced, NULL), TT_OK);
    const char *json = tt_buf_text(&text);
    assert_non_null(strstr(json, "\"s3Path\":\"s3://pictures/processed/" ID ".png\",\"size\""));
    /* An original that was not kept has no object and no link. */
    assert_non_null(strstr(json, "\"s3Path\":null}"));
    assert_non_null(strstr(json, "\"original\":null}"));
    assert_non_null(strstr(json, "{\"state\":\"synced\",\"attempts\":2,\"lastError\":\"slow "
                                 "\\\"down\\\"\",\"syncedAt\":\"1994-11-06T08:49:37.000Z\"}"));
    assert_null(strstr(json, "\"message\""));
    tt_buf_fini(&text);
}

static void lists(void **state) {
    struct tt_buf text;
    (void)state;
    tt_buf_init(&text, 4 * TT_DOCUMENT_IMAGE_MAX_BYTES);
    assert_int_equal(tt_document_append_list(&text, &config, NULL, 0, NULL), TT_OK);
    assert_string_equal(tt_buf_text(&text), "{\"images\":[],\"next\":null}");
    tt_buf_clear(&text);
    struct tt_journal_row rows[2] = {row, row};
    assert_int_equal(tt_document_append_list(&text, &config, rows, 2, ID), TT_OK);
    assert_non_null(strstr(tt_buf_text(&text), "}],\"next\":\"" ID "\"}"));
    tt_buf_fini(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_image),
        cmocka_unit_test(image_of_a_bucket),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
