/* The order of the steps: an object before the item that names it, an item gone before its objects.
 */
#include "sync/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PUT(number)                                                                                \
    { TT_STEP_PUT_OBJECT, number }
#define DELETE(number)                                                                             \
    { TT_STEP_DELETE_OBJECT, number }
#define PUT_ITEM                                                                                   \
    { TT_STEP_PUT_ITEM, 0 }
#define DELETE_ITEM                                                                                \
    { TT_STEP_DELETE_ITEM, 0 }
#define END                                                                                        \
    { TT_STEP_END, 0 }

#define ORIGINAL  TT_JOURNAL_ORIGINAL
#define RESULT    TT_JOURNAL_PROCESSED
#define RENDITION TT_JOURNAL_RENDITION

static const struct tt_step_way whole = {.has_original = true, .has_table = true};

static void assert_way(const struct tt_step_way *way, enum tt_sync_state state,
                       const struct tt_step *steps) {
    struct tt_step step = tt_step_first(way, state);

    for (; steps->kind != TT_STEP_END; steps++) {
        assert_true(tt_step_is_same(step, *steps));
        step = tt_step_next(way, step);
    }
    assert_true(tt_step_is_same(step, *steps));
    assert_int_equal(tt_step_next(way, step).kind, TT_STEP_END);
}

static void an_image_goes_result_original_item(void **state) {
    const struct tt_step steps[] = {PUT(RESULT), PUT(ORIGINAL), PUT_ITEM, END};

    (void)state;
    assert_way(&whole, TT_SYNC_PENDING, steps);
}

static void renditions_go_after_the_result(void **state) {
    const struct tt_step_way two = {.has_original = true, .has_table = true, .rendition_count = 2};
    const struct tt_step_way one = {.rendition_count = 1};
    const struct tt_step steps[] = {PUT(RESULT),   PUT(RENDITION), PUT(RENDITION + 1),
                                    PUT(ORIGINAL), PUT_ITEM,       END};
    const struct tt_step bare[] = {PUT(RESULT), PUT(RENDITION), END};

    (void)state;
    assert_way(&two, TT_SYNC_PENDING, steps);
    assert_way(&two, TT_SYNC_STORED, &steps[4]);
    assert_way(&one, TT_SYNC_PENDING, bare);
}

static void stored_goes_on_with_the_item(void **state) {
    const struct tt_step steps[] = {PUT_ITEM, END};

    (void)state;
    assert_way(&whole, TT_SYNC_STORED, steps);
}

static void what_was_not_kept_or_set_up_is_left_out(void **state) {
    const struct tt_step_way bare = {0};
    const struct tt_step_way no_table = {.has_original = true};
    const struct tt_step_way no_original = {.has_table = true};
    const struct tt_step result_alone[] = {PUT(RESULT), END};
    const struct tt_step objects[] = {PUT(RESULT), PUT(ORIGINAL), END};
    const struct tt_step result_and_item[] = {PUT(RESULT), PUT_ITEM, END};
    const struct tt_step nothing[] = {END};

    (void)state;
    assert_way(&bare, TT_SYNC_PENDING, result_alone);
    assert_way(&no_table, TT_SYNC_PENDING, objects);
    assert_way(&no_original, TT_SYNC_PENDING, result_and_item);
    assert_way(&no_table, TT_SYNC_STORED, nothing);
}

static void a_removal_begins_with_the_item(void **state) {
    const struct tt_step_way removal = {
        .is_removal = true, .has_original = true, .has_table = true};
    const struct tt_step_way with_renditions = {
        .is_removal = true, .has_original = true, .has_table = true, .rendition_count = 2};
    const struct tt_step_way bare = {.is_removal = true};
    const struct tt_step steps[] = {DELETE_ITEM, DELETE(RESULT), DELETE(ORIGINAL), END};
    const struct tt_step many[] = {DELETE_ITEM,           DELETE(RESULT),   DELETE(RENDITION),
                                   DELETE(RENDITION + 1), DELETE(ORIGINAL), END};
    const struct tt_step result_alone[] = {DELETE(RESULT), END};

    (void)state;
    assert_way(&removal, TT_SYNC_OFF, steps);
    assert_way(&with_renditions, TT_SYNC_OFF, many);
    assert_way(&bare, TT_SYNC_OFF, result_alone);
}

static void states_follow_the_steps(void **state) {
    const struct tt_step_way no_table = {.has_original = true};

    (void)state;
    assert_int_equal(tt_step_state_before((struct tt_step)PUT(RESULT)), TT_SYNC_PENDING);
    assert_int_equal(tt_step_state_before((struct tt_step)PUT(RENDITION)), TT_SYNC_PENDING);
    assert_int_equal(tt_step_state_before((struct tt_step)PUT(ORIGINAL)), TT_SYNC_PENDING);
    assert_int_equal(tt_step_state_before((struct tt_step)PUT_ITEM), TT_SYNC_STORED);
    assert_int_equal(tt_step_state_after(&whole), TT_SYNC_SYNCED);
    assert_int_equal(tt_step_state_after(&no_table), TT_SYNC_STORED);
    assert_int_equal(tt_step_service((struct tt_step)PUT_ITEM), TT_AWS_DYNAMODB);
    assert_int_equal(tt_step_service((struct tt_step)DELETE_ITEM), TT_AWS_DYNAMODB);
    assert_int_equal(tt_step_service((struct tt_step)DELETE(RENDITION)), TT_AWS_S3);
    assert_int_equal(tt_step_service((struct tt_step)PUT(ORIGINAL)), TT_AWS_S3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_goes_result_original_item),
        cmocka_unit_test(renditions_go_after_the_result),
        cmocka_unit_test(stored_goes_on_with_the_item),
        cmocka_unit_test(what_was_not_kept_or_set_up_is_left_out),
        cmocka_unit_test(a_removal_begins_with_the_item),
        cmocka_unit_test(states_follow_the_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
