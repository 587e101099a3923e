/* src/aws/dynamodb.c: the JSON of one item's calls. That AWS's own model takes it is shown by
 * tests/aws_calls_test.py. */
#include "aws_signer.h"
#include "tintype/dynamodb.h"

#define ID "0193634e-2a00-7000-8000-000000000001"

#define TEXT(attribute, text)                                                                      \
    { .name = (attribute), .type = 'S', .value = (text) }
#define MAP(attribute, of, many)                                                                   \
    { .name = (attribute), .type = 'M', .members = (of), .member_count = (many) }

static int setup(void **state) {
    signer_setup(state);
    endpoint.service = TT_AWS_DYNAMODB;
    return 0;
}

static void put_item_is_conditional(void **state) {
    static const struct tt_dynamodb_attribute attributes[] = {
        TEXT("ID", ID),
        TEXT("Filename", "a\"\\\n\xC3\xA9.png"),
        {.name = "Size", .type = 'N', .value = "12"},
    };
    (void)state;
    assert_int_equal(tt_dynamodb_put_item(&request, &arena, &signer, "Images", attributes, 3),
                     TT_OK);
    assert_string_equal(request.method, "POST");
    assert_string_equal(header_of("content-type"), "application/x-amz-json-1.0");
    assert_string_equal(header_of("x-amz-target"), "DynamoDB_20120810.PutItem");
    assert_body("{\"TableName\":\"Images\",\"Item\":{\"ID\":{\"S\":\"" ID
                "\"},\"Filename\":{\"S\":\"a\\\"\\\\\\n\xC3\xA9.png\"},\"Size\":{\"N\":\"12\"}},"
                "\"ConditionExpression\":\"attribute_not_exists(ID)\"}");
}

static void maps_hold_attributes(void **state) {
    static const struct tt_dynamodb_attribute thumb[] = {
        TEXT("Format", "PNG"), {.name = "Size", .type = 'N', .value = "3"}};
    static const struct tt_dynamodb_attribute renditions[] = {MAP("thumb", thumb, 2),
                                                              MAP("none", NULL, 0)};
    static const struct tt_dynamodb_attribute item[] = {TEXT("ID", ID),
                                                        MAP("Renditions", renditions, 2)};
    (void)state;
    assert_int_equal(tt_dynamodb_put_item(&request, &arena, &signer, "Images", item, 2), TT_OK);
    assert_body("{\"TableName\":\"Images\",\"Item\":{\"ID\":{\"S\":\"" ID
                "\"},\"Renditions\":{\"M\":"
                "{\"thumb\":{\"M\":{\"Format\":{\"S\":\"PNG\"},\"Size\":{\"N\":\"3\"}}},"
                "\"none\":{\"M\":{}}}}},\"ConditionExpression\":\"attribute_not_exists(ID)\"}");
}

static void get_item_is_consistent(void **state) {
    (void)state;
    assert_int_equal(tt_dynamodb_get_item(&request, &arena, &signer, "Images", ID), TT_OK);
    assert_string_equal(header_of("x-amz-target"), "DynamoDB_20120810.GetItem");
    assert_body("{\"TableName\":\"Images\",\"Key\":{\"ID\":{\"S\":\"" ID
                "\"}},\"ConsistentRead\":true}");
}

static void delete_item_has_no_condition(void **state) {
    (void)state;
    assert_int_equal(tt_dynamodb_delete_item(&request, &arena, &signer, "Images", ID), TT_OK);
    assert_string_equal(header_of("x-amz-target"), "DynamoDB_20120810.DeleteItem");
    assert_body("{\"TableName\":\"Images\",\"Key\":{\"ID\":{\"S\":\"" ID "\"}}}");
}

static void what_is_no_attribute_is_refused(void **state) {
    static const struct tt_dynamodb_attribute bad_value = TEXT("b", "\xFF");
    static const struct tt_dynamodb_attribute bad_name = TEXT("\xC3", "b");
    static const struct tt_dynamodb_attribute bad[] = {
        {.name = "a", .type = 'B', .value = "x"},
        TEXT("a", "\xFF"),
        TEXT("\xC3", "x"),
        MAP("a", &bad_value, 1),
        MAP("a", &bad_name, 1),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tt_err_take(TT_OK);
        assert_int_equal(tt_dynamodb_put_item(&request, &arena, &signer, "Images", &bad[i], 1),
                         TT_ERR_INTERNAL);
        assert_string_not_equal(tt_err_cause(), "");
    }
    struct tt_dynamodb_attribute deep[TT_DYNAMODB_DEPTH_MAX + 1];
    for (int i = 0; i <= TT_DYNAMODB_DEPTH_MAX; i++)
        deep[i] = (struct tt_dynamodb_attribute)MAP("m", &deep[i + 1], 1);
    deep[TT_DYNAMODB_DEPTH_MAX].member_count = 0;
    assert_int_equal(tt_dynamodb_put_item(&request, &arena, &signer, "Images", &deep[1], 1), TT_OK);
    assert_int_equal(tt_dynamodb_put_item(&request, &arena, &signer, "Images", deep, 1),
                     TT_ERR_INTERNAL);
    assert_int_equal(tt_dynamodb_put_item(&request, &arena, &signer, "\xFF", NULL, 0),
                     TT_ERR_INTERNAL);
    assert_int_equal(tt_dynamodb_get_item(&request, &arena, &signer, "Images", "\xFF"),
                     TT_ERR_INTERNAL);
    assert_int_equal(tt_dynamodb_delete_item(&request, &arena, &signer, "Images", "\xFF"),
                     TT_ERR_INTERNAL);
}

static void a_full_arena_fails(void **state) {
    (void)state;
    tt_arena_fini(&arena);
    tt_arena_init(&arena, 1);
    assert_int_equal(tt_dynamodb_get_item(&request, &arena, &signer, "Images", ID),
                     TT_ERR_NO_MEMORY);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, signer_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(put_item_is_conditional),         TEST(maps_hold_attributes),
        TEST(get_item_is_consistent),          TEST(delete_item_has_no_condition),
        TEST(what_is_no_attribute_is_refused), TEST(a_full_arena_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
