/* The order of the steps: an object before the item that names it, an item gone before its objects.
 */
#include "sync/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct tt_step_way whole = {.has_original = true, .has_table = true};

static void assert_way(const struct tt_step_way *way, enum tt_sync_state state,
                       const enum tt_step *steps) {
    enum tt_step step = tt_step_first(way, state);

    for (; *steps != TT_STEP_END; steps++) {
        assert_int_equal(step, *steps);
        step = tt_step_next(way, step);
    }
    assert_int_equal(step, TT_STEP_END);
}

static void an_image_goes_result_original_item(void **state) {
    const enum tt_step steps[] = {TT_STEP_PUT_PROCESSED, TT_STEP_PUT_ORIGINAL, TT_STEP_PUT_ITEM,
                                  TT_STEP_END};

    (void)state;
    assert_way(&whole, TT_SYNC_PENDING, steps);
}

static void stored_goes_on_with_the_item(void **state) {
    const enum tt_step steps[] = {TT_STEP_PUT_ITEM, TT_STEP_END};

    (void)state;
    assert_way(&whole, TT_SYNC_STORED, steps);
}

static void what_was_not_kept_or_set_up_is_left_out(void **state) {
    const struct tt_step_way bare = {0};
    const struct tt_step_way no_table = {.has_original = true};
    const struct tt_step_way no_original = {.has_table = true};
    const enum tt_step result_alone[] = {TT_STEP_PUT_PROCESSED, TT_STEP_END};
    const enum tt_step objects[] = {TT_STEP_PUT_PROCESSED, TT_STEP_PUT_ORIGINAL, TT_STEP_END};
    const enum tt_step result_and_item[] = {TT_STEP_PUT_PROCESSED, TT_STEP_PUT_ITEM, TT_STEP_END};
    const enum tt_step nothing[] = {TT_STEP_END};

    (void)state;
    assert_way(&bare, TT_SYNC_PENDING, result_alone);
    assert_way(&no_table, TT_SYNC_PENDING, objects);
    assert_way(&no_original, TT_SYNC_PENDING, result_and_item);
    assert_way(&no_table, TT_SYNC_STORED, nothing);
}

static void a_removal_begins_with_the_item(void **state) {
    const struct tt_step_way removal = {
        .is_removal = true, .has_original = true, .has_table = true};
    const struct tt_step_way bare = {.is_removal = true};
    const enum tt_step steps[] = {TT_STEP_DELETE_ITEM, TT_STEP_DELETE_PROCESSED,
                                  TT_STEP_DELETE_ORIGINAL, TT_STEP_END};
    const enum tt_step result_alone[] = {TT_STEP_DELETE_PROCESSED, TT_STEP_END};

    (void)state;
    assert_way(&removal, TT_SYNC_OFF, steps);
    assert_way(&bare, TT_SYNC_OFF, result_alone);
}

static void states_follow_the_steps(void **state) {
    const struct tt_step_way no_table = {.has_original = true};

    (void)state;
    assert_int_equal(tt_step_state_before(TT_STEP_PUT_PROCESSED), TT_SYNC_PENDING);
    assert_int_equal(tt_step_state_before(TT_STEP_PUT_ORIGINAL), TT_SYNC_PENDING);
    assert_int_equal(tt_step_state_before(TT_STEP_PUT_ITEM), TT_SYNC_STORED);
    assert_int_equal(tt_step_state_after(&whole), TT_SYNC_SYNCED);
    assert_int_equal(tt_step_state_after(&no_table), TT_SYNC_STORED);
    assert_int_equal(tt_step_service(TT_STEP_PUT_ITEM), TT_AWS_DYNAMODB);
    assert_int_equal(tt_step_service(TT_STEP_DELETE_ITEM), TT_AWS_DYNAMODB);
    assert_int_equal(tt_step_service(TT_STEP_DELETE_ORIGINAL), TT_AWS_S3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_goes_result_original_item),
        cmocka_unit_test(stored_goes_on_with_the_item),
        cmocka_unit_test(what_was_not_kept_or_set_up_is_left_out),
        cmocka_unit_test(a_removal_begins_with_the_item),
        cmocka_unit_test(states_follow_the_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
