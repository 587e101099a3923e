/* Units of src/sync/step.c: an object comes before the item that names it, and an item goes before
 * its objects. */
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

static const struct tt_step_way image = {.has_table = true};
static const struct tt_step_way image_alone = {.has_table = false};
static const struct tt_step_way removal = {.is_removal = true, .has_table = true};
static const struct tt_step_way removal_alone = {.is_removal = true};

/* A row with that many renditions. */
static struct tt_journal_row make_row(enum tt_sync_state state, int renditions,
                                      bool original_kept) {
    struct tt_journal_row row;

    tt_journal_row_init(&row, renditions);
    row.sync_state = state;
    row.files[tt_journal_row_original(&row)].kept = original_kept;
    return row;
}

static void assert_way(const struct tt_step_way *way, struct tt_journal_row row,
                       const struct tt_step *steps) {
    struct tt_step step = tt_step_first(way, &row);

    for (; steps->kind != TT_STEP_END; steps++) {
        assert_true(tt_step_is_same(step, *steps));
        step = tt_step_next(way, &row, step);
    }
    assert_true(tt_step_is_same(step, *steps));
    assert_int_equal(tt_step_next(way, &row, step).kind, TT_STEP_END);
}

static void an_image_goes_result_original_item(void **state) {
    const struct tt_step steps[] = {PUT(0), PUT(1), PUT_ITEM, END};

    (void)state;
    assert_way(&image, make_row(TT_SYNC_PENDING, 0, true), steps);
}

static void renditions_go_after_the_result(void **state) {
    const struct tt_step steps[] = {PUT(0), PUT(1), PUT(2), PUT(3), PUT_ITEM, END};
    const struct tt_step bare[] = {PUT(0), PUT(1), END};

    (void)state;
    assert_way(&image, make_row(TT_SYNC_PENDING, 2, true), steps);
    assert_way(&image, make_row(TT_SYNC_STORED, 2, true), &steps[4]);
    assert_way(&image_alone, make_row(TT_SYNC_PENDING, 1, false), bare);
}

static void stored_goes_on_with_the_item(void **state) {
    const struct tt_step steps[] = {PUT_ITEM, END};

    (void)state;
    assert_way(&image, make_row(TT_SYNC_STORED, 0, true), steps);
}

static void what_was_not_kept_or_set_up_is_left_out(void **state) {
    const struct tt_step result_alone[] = {PUT(0), END};
    const struct tt_step objects[] = {PUT(0), PUT(1), END};
    const struct tt_step result_and_item[] = {PUT(0), PUT_ITEM, END};
    const struct tt_step nothing[] = {END};

    (void)state;
    assert_way(&image_alone, make_row(TT_SYNC_PENDING, 0, false), result_alone);
    assert_way(&image_alone, make_row(TT_SYNC_PENDING, 0, true), objects);
    assert_way(&image, make_row(TT_SYNC_PENDING, 0, false), result_and_item);
    assert_way(&image_alone, make_row(TT_SYNC_STORED, 0, true), nothing);
}

/* The state that the row of a removal is said to have does not matter. */
static void a_removal_begins_with_the_item(void **state) {
    const struct tt_step steps[] = {DELETE_ITEM, DELETE(0), DELETE(1), END};
    const struct tt_step many[] = {DELETE_ITEM, DELETE(0), DELETE(1), DELETE(2), DELETE(3), END};
    const struct tt_step result_alone[] = {DELETE(0), END};

    (void)state;
    assert_way(&removal, make_row(TT_SYNC_OFF, 0, true), steps);
    assert_way(&removal, make_row(TT_SYNC_STORED, 2, true), many);
    assert_way(&removal_alone, make_row(TT_SYNC_STORED, 0, false), result_alone);
}

static void states_follow_the_steps(void **state) {
    (void)state;
    assert_int_equal(tt_step_state_before((struct tt_step)PUT(0)), TT_SYNC_PENDING);
    assert_int_equal(tt_step_state_before((struct tt_step)PUT(3)), TT_SYNC_PENDING);
    assert_int_equal(tt_step_state_before((struct tt_step)PUT_ITEM), TT_SYNC_STORED);
    assert_int_equal(tt_step_state_after(&image), TT_SYNC_SYNCED);
    assert_int_equal(tt_step_state_after(&image_alone), TT_SYNC_STORED);
    assert_int_equal(tt_step_service((struct tt_step)PUT_ITEM), TT_AWS_DYNAMODB);
    assert_int_equal(tt_step_service((struct tt_step)DELETE_ITEM), TT_AWS_DYNAMODB);
    assert_int_equal(tt_step_service((struct tt_step)DELETE(1)), TT_AWS_S3);
    assert_int_equal(tt_step_service((struct tt_step)PUT(1)), TT_AWS_S3);
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
