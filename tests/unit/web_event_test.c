/* src/web/event.c: what CloudWatch Logs is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "web/event.h"

#define ID       "0192f0e4-5a7b-7c3d-8e4f-0123456789ab"
#define ZEROS_60 "000000000000000000000000000000000000000000000000000000000000"

static const struct tt_journal_row row = {
    .id = ID,
    .filename = "a \"b\" \xC3\xA9.jpg",
    .file_count = 2,
    .files = {{.kind = TT_SPOOL_PROCESSED,
               .kept = true,
               .size_bytes = 5000,
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
};

static struct tt_event success(void) {
    return (struct tt_event){.node = "node-1",
                             .request_id = "r-1",
                             .filename = row.filename,
                             .status = 200,
                             .row = &row,
                             .stage_ms = {1, 2, 3},
                             .total_ms = 7,
                             .time_ms = 1700000000123};
}

static void a_processed_image(void **state) {
    const struct tt_event event = success();
    struct tt_buf text;

    (void)state;
    tt_buf_init(&text, TT_EVENT_MAX_BYTES);
    assert_true(tt_event_append(&text, &event));
    assert_string_equal(
        tt_buf_text(&text),
        "{\"event\":\"image.processed\",\"requestId\":\"r-1\",\"id\":\"" ID "\","
        "\"filename\":\"a \\\"b\\\" \xC3\xA9.jpg\",\"status\":200,\"size\":5000,\"format\":\"PNG\","
        "\"width\":720,\"height\":588,\"sha256\":\"abcd" ZEROS_60 "\","
        "\"original\":{\"size\":829000,\"format\":\"JPEG\",\"width\":2725,\"height\":2225,"
        "\"sha256\":\"0100" ZEROS_60 "\"},\"Node\":\"node-1\",\"Uploads\":1,\"UploadFailures\":0,"
        "\"ReadMs\":1,\"RenderMs\":2,\"KeepMs\":3,\"TotalMs\":7,\"OriginalBytes\":829000,"
        "\"ResultBytes\":5000,\"_aws\":{\"Timestamp\":1700000000123,\"CloudWatchMetrics\":[{"
        "\"Namespace\":\"tintype\",\"Dimensions\":[[\"Node\"]],\"Metrics\":["
        "{\"Name\":\"Uploads\",\"Unit\":\"Count\"},{\"Name\":\"UploadFailures\",\"Unit\":\"Count\"}"
        ","
        "{\"Name\":\"ReadMs\",\"Unit\":\"Milliseconds\"},"
        "{\"Name\":\"RenderMs\",\"Unit\":\"Milliseconds\"},"
        "{\"Name\":\"KeepMs\",\"Unit\":\"Milliseconds\"},"
        "{\"Name\":\"TotalMs\",\"Unit\":\"Milliseconds\"},"
        "{\"Name\":\"OriginalBytes\",\"Unit\":\"Bytes\"},"
        "{\"Name\":\"ResultBytes\",\"Unit\":\"Bytes\"}]}]}}");
    tt_buf_fini(&text);
}

/* Stages that were not reached are not in the event, and no id of an image that never was. */
static void a_refusal_while_reading(void **state) {
    const struct tt_journal_row so_far = {
        .id = ID, .file_count = 2, .files = {{.kept = true}, {.size_bytes = 20}}};
    struct tt_event event = success();
    struct tt_buf text;

    (void)state;
    event.err = TT_ERR_PICTURE_TYPE;
    event.status = 415;
    event.detail = "These bytes are no picture.";
    event.filename = "";
    event.row = &so_far;
    event.stage_ms[TT_EVENT_RENDER] = -1;
    event.stage_ms[TT_EVENT_KEEP] = -1;
    tt_buf_init(&text, TT_EVENT_MAX_BYTES);
    assert_true(tt_event_append(&text, &event));
    assert_string_equal(
        tt_buf_text(&text),
        "{\"event\":\"image.refused\",\"requestId\":\"r-1\",\"status\":415,"
        "\"error\":\"unsupported-picture\",\"detail\":\"These bytes are no picture.\","
        "\"original\":{\"size\":20},\"Node\":\"node-1\",\"Uploads\":1,\"UploadFailures\":1,"
        "\"ReadMs\":1,\"TotalMs\":7,\"_aws\":{\"Timestamp\":1700000000123,"
        "\"CloudWatchMetrics\":[{\"Namespace\":\"tintype\",\"Dimensions\":[[\"Node\"]],"
        "\"Metrics\":[{\"Name\":\"Uploads\",\"Unit\":\"Count\"},"
        "{\"Name\":\"UploadFailures\",\"Unit\":\"Count\"},"
        "{\"Name\":\"ReadMs\",\"Unit\":\"Milliseconds\"},"
        "{\"Name\":\"TotalMs\",\"Unit\":\"Milliseconds\"}]}]}}");
    tt_buf_fini(&text);
}

static void a_refusal_while_rendering(void **state) {
    struct tt_event event = success();
    struct tt_buf text;
    json_t *parsed;

    (void)state;
    event.err = TT_ERR_PICTURE_BROKEN;
    event.detail = "It is cut short.";
    event.stage_ms[TT_EVENT_KEEP] = -1;
    tt_buf_init(&text, TT_EVENT_MAX_BYTES);
    assert_true(tt_event_append(&text, &event));
    parsed = json_loads(tt_buf_text(&text), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed);
    assert_non_null(json_object_get(json_object_get(parsed, "original"), "sha256"));
    assert_null(json_object_get(parsed, "sha256"));
    assert_null(json_object_get(parsed, "id"));
    assert_null(json_object_get(parsed, "KeepMs"));
    assert_null(json_object_get(parsed, "ResultBytes"));
    json_decref(parsed);
    tt_buf_fini(&text);
}

static void longest_texts_fit(void **state) {
    struct tt_event event = success();
    char filename[TT_TEXT_FILENAME_SIZE] = "";
    char detail[512] = "";
    char node[TT_CONFIG_NODE_SIZE] = "";
    struct tt_buf text;

    (void)state;
    memset(filename, '\x1F', sizeof filename - 1);
    memset(detail, '\x1F', sizeof detail - 1);
    memset(node, '\x1F', sizeof node - 1);
    event.err = TT_ERR_INTERNAL;
    event.filename = filename;
    event.detail = detail;
    event.node = node;
    tt_buf_init(&text, TT_EVENT_MAX_BYTES);
    assert_true(tt_event_append(&text, &event));
    tt_buf_fini(&text);
}

static void what_cannot_be_told(void **state) {
    struct tt_event event = success();
    struct tt_buf text;

    (void)state;
    tt_buf_init(&text, 100);
    assert_false(tt_event_append(&text, &event));
    tt_buf_fini(&text);
    tt_buf_init(&text, TT_EVENT_MAX_BYTES);
    event.filename = "\xFF";
    assert_false(tt_event_append(&text, &event));
    assert_string_equal(tt_err_cause(), "");
    tt_buf_fini(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_processed_image),         cmocka_unit_test(a_refusal_while_reading),
        cmocka_unit_test(a_refusal_while_rendering), cmocka_unit_test(longest_texts_fit),
        cmocka_unit_test(what_cannot_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
