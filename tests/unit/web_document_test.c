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
    .file_count = 2,
    .files = {{.kind = TT_SPOOL_PROCESSED,
               .kept = true,
               .size_bytes = 5000000000,
               .format = TT_FORMAT_PNG,
               .width_px = 720,
               .height_px = 588,
               .sha256 = {0xab, 0xcd}},
              {.kind = TT_SPOOL_ORIGINAL,
               .kept = true,
               .size_bytes = 829000,
               .format = TT_FORMAT_JPEG,
               .width_px = 2725,
               .height_px = 2225,
               .sha256 = {0x01}}},
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
        "\"sha256\":\"0100" ZEROS_60 "\",\"s3Path\":null},\"renditions\":{},"
        "\"sync\":{\"state\":\"off\",\"attempts\":0,\"lastError\":null,\"syncedAt\":null},"
        "\"links\":{\"self\":\"/api/images/" ID "\",\"processed\":\"/api/images/" ID "/processed\","
        "\"original\":\"/api/images/" ID "/original\",\"renditions\":{}},"
        "\"message\":\"Image processed\"}");
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
    synced.files[1].kept = false;
    assert_int_equal(tt_document_append_image(&text, &config, &synced, NULL), TT_OK);
    const char *json = tt_buf_text(&text);
    assert_non_null(strstr(json, "\"s3Path\":\"s3://pictures/processed/" ID ".png\",\"size\""));
    /* An original that was not kept has no object and no link. */
    assert_non_null(strstr(json, "\"s3Path\":null}"));
    assert_non_null(strstr(json, "\"original\":null,\"renditions\":{}}"));
    assert_non_null(strstr(json, "{\"state\":\"synced\",\"attempts\":2,\"lastError\":\"slow "
                                 "\\\"down\\\"\",\"syncedAt\":\"1994-11-06T08:49:37.000Z\"}"));
    assert_null(strstr(json, "\"message\""));
    tt_buf_fini(&text);
}

/* Makes the row with that many renditions, of which the caller describes each. */
static struct tt_journal_row with_renditions(int count) {
    struct tt_journal_row some = row;
    some.file_count = 2 + count;
    some.files[tt_journal_row_original(&some)] = row.files[1];
    memset(&some.files[TT_JOURNAL_RENDITION], 0, (size_t)count * sizeof *some.files);
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(&some); i++) {
        some.files[i].kind = TT_SPOOL_RENDITION;
        some.files[i].kept = true;
    }
    return some;
}

static void image_with_renditions(void **state) {
    struct tt_buf text;
    struct tt_journal_row some = with_renditions(2);
    (void)state;
    tt_buf_init(&text, TT_DOCUMENT_IMAGE_MAX_BYTES);
    strcpy(config.s3.bucket, "pictures");
    some.files[1] = (struct tt_journal_file){
        TT_SPOOL_RENDITION, "thumb", true, false, TT_FORMAT_PNG, 123, 64, 48, {0xEF}};
    some.files[2] = (struct tt_journal_file){
        TT_SPOOL_RENDITION, "large", true, true, TT_FORMAT_JPEG, 4567, 200, 150, {0x12}};
    assert_int_equal(tt_document_append_image(&text, &config, &some, NULL), TT_OK);
    assert_non_null(
        strstr(tt_buf_text(&text),
               "\"renditions\":{\"thumb\":{\"size\":123,\"format\":\"PNG\",\"width\":64,"
               "\"height\":48,\"sha256\":\"ef00" ZEROS_60 "\",\"s3Path\":"
               "\"s3://pictures/processed/" ID "-thumb.png\"},\"large\":{\"size\":4567,"
               "\"format\":\"JPEG\",\"width\":200,\"height\":150,\"sha256\":\"1200" ZEROS_60
               "\",\"s3Path\":\"s3://pictures/processed/" ID "-large.jpg\"}},\"sync\""));
    assert_non_null(strstr(tt_buf_text(&text),
                           "\"renditions\":{\"thumb\":\"/api/images/" ID "/renditions/thumb\","
                           "\"large\":\"/api/images/" ID "/renditions/large\"}}}"));
    tt_buf_fini(&text);
}

/* Every text is at its longest, and of characters that JSON makes longer. */
static void the_longest_image_fits(void **state) {
    struct tt_buf text;
    struct tt_config wide = config;
    struct tt_journal_row full = with_renditions(TT_PICTURE_RENDITIONS_MAX);
    char message[TT_SPOOL_OBJECT_KEY_SIZE];
    (void)state;
    tt_buf_init(&text, TT_DOCUMENT_IMAGE_MAX_BYTES);
    memset(wide.server.base_path, '"', sizeof wide.server.base_path - 1);
    memset(wide.s3.bucket, 'b', sizeof wide.s3.bucket - 1);
    memset(wide.s3.processed_prefix, 1, sizeof wide.s3.processed_prefix - 1);
    memset(wide.s3.original_prefix, 1, sizeof wide.s3.original_prefix - 1);
    memset(full.filename, 1, sizeof full.filename - 1);
    memset(full.last_error, 1, sizeof full.last_error - 1);
    memset(message, 1, sizeof message);
    message[sizeof message - 1] = '\0';
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(&full); i++) {
        memset(full.files[i].name, 'a' + i, TT_PICTURE_PRESET_SIZE - 1);
        full.files[i].format = TT_FORMAT_WEBP;
        full.files[i].size_bytes = INT64_MAX;
        full.files[i].width_px = full.files[i].height_px = INT32_MAX;
    }
    assert_int_equal(tt_document_append_image(&text, &wide, &full, message), TT_OK);
    assert_false(text.overflowed);
    tt_buf_fini(&text);
}

static void lists(void **state) {
    struct tt_buf text;
    (void)state;
    tt_buf_init(&text, 4 * TT_DOCUMENT_IMAGE_MAX_BYTES);
    assert_int_equal(tt_document_append_list(&text, &config, NULL, 0, NULL), TT_OK);
    assert_string_equal(tt_buf_text(&text), "{\"images\":[],\"next\":null}");
    tt_buf_fini(&text);
    struct tt_journal_row rows[2] = {row, row};
    assert_int_equal(tt_document_append_list(&text, &config, rows, 2, ID), TT_OK);
    assert_non_null(strstr(tt_buf_text(&text), "}],\"next\":\"" ID "\"}"));
    tt_buf_fini(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_image),
        cmocka_unit_test(image_of_a_bucket),
        cmocka_unit_test(image_with_renditions),
        cmocka_unit_test(the_longest_image_fits),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
