/* Who of those that wait comes next: src/proc/places_order.c, on a board that no process shares. */
#include "proc/places_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static struct tt_place_board *board;
static struct tt_places places;

static int set_up(void **state) {
    (void)state;
    board = calloc(1, sizeof *board);
    places = (struct tt_places){.slots = 2, .seats = 4, .door = 4};
    return board ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    free(board);
    return 0;
}

/* ---- who comes ---- */

static struct tt_place_record *add(enum tt_place_state state, uint64_t client,
                                   enum tt_place_weight weight) {
    struct tt_place_record *record = &board->records[board->used++];
    record->client = client;
    record->weight = weight;
    record->is_brief = true;
    record->arrived = ++board->arrivals;
    record->state = (uint32_t)state;
    return record;
}

static struct tt_place_record *wait_light(uint64_t client) {
    return add(TT_PLACE_WAITING, client, TT_PLACE_LIGHT);
}

static void settle(void) {
    tt_places_settle(board, &places);
}

static void give_back(struct tt_place_record *record) {
    record->state = TT_PLACE_FREE;
    settle();
}

#define assert_state(record, expected) assert_int_equal((record)->state, expected)

/* ---- slots ---- */

static void the_first_to_come_is_the_first(void **state) {
    struct tt_place_record *waiting[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        waiting[i] = wait_light(7);
    settle();
    for (int i = 0; i < 4; i++)
        assert_state(waiting[i], i < 2 ? TT_PLACE_WORKING : TT_PLACE_WAITING);
    give_back(waiting[1]);
    assert_state(waiting[2], TT_PLACE_WORKING);
    assert_state(waiting[3], TT_PLACE_WAITING);
}

static void a_client_with_fewer_slots_comes_before(void **state) {
    (void)state;
    places.slots = 3;
    struct tt_place_record *held[3] = {wait_light(1), wait_light(1), wait_light(2)};
    settle();
    struct tt_place_record *of_one = wait_light(1);
    struct tt_place_record *of_two = wait_light(2);
    struct tt_place_record *of_three = wait_light(3);
    give_back(held[0]); /* 1 and 2 hold one slot each, 3 none */
    assert_state(of_three, TT_PLACE_WORKING);
    give_back(held[2]);
    assert_state(of_two, TT_PLACE_WORKING);
    assert_state(of_one, TT_PLACE_WAITING);
}

/* Slots go round: of clients that hold as many, whose last slot is the longest ago is the next. */
static void slots_go_round(void **state) {
    (void)state;
    places.slots = 1;
    places.seats = 30;
    struct tt_place_record *working = wait_light(9);
    settle();
    for (uint64_t client = 1; client <= 3; client++)
        for (int i = 0; i < 3; i++)
            wait_light(client);
    for (uint64_t turn = 0; turn < 9; turn++) {
        give_back(working);
        working = NULL;
        for (uint32_t i = 0; i < board->used; i++)
            if (board->records[i].state == TT_PLACE_WORKING) {
                assert_null(working);
                working = &board->records[i];
            }
        assert_non_null(working);
        assert_int_equal(working->client, turn % 3 + 1);
    }
}

static void costly_ones_leave_a_slot(void **state) {
    (void)state;
    places.seats = 20;
    struct tt_place_record *costly[3];
    for (int i = 0; i < 3; i++)
        costly[i] = add(TT_PLACE_WAITING, (uint64_t)i, TT_PLACE_COSTLY);
    settle();
    assert_state(costly[0], TT_PLACE_WORKING);
    assert_state(costly[1], TT_PLACE_WAITING);
    struct tt_place_record *light = wait_light(0);
    settle();
    assert_state(light, TT_PLACE_WORKING);
    give_back(light);
    assert_state(costly[1], TT_PLACE_WAITING);
    give_back(costly[0]);
    assert_state(costly[1], TT_PLACE_WORKING);
    assert_state(costly[2], TT_PLACE_WAITING);
}

/* Otherwise nothing costly could ever be done. */
static void one_slot_is_for_all(void **state) {
    (void)state;
    places.slots = 1;
    struct tt_place_record *costly = add(TT_PLACE_WAITING, 1, TT_PLACE_COSTLY);
    settle();
    assert_state(costly, TT_PLACE_WORKING);
}

/* ---- seats ---- */

static void fill_slots(void) {
    for (int64_t i = 0; i < places.slots; i++)
        add(TT_PLACE_WORKING, 100 + (uint64_t)i, TT_PLACE_LIGHT);
}

static void costly_ones_wait_in_half_of_the_seats(void **state) {
    struct tt_place_record *costly[3];
    (void)state;
    fill_slots();
    for (int i = 0; i < 3; i++) {
        costly[i] = add(TT_PLACE_WAITING, (uint64_t)i, TT_PLACE_COSTLY);
        settle();
    }
    assert_state(costly[0], TT_PLACE_WAITING);
    assert_state(costly[1], TT_PLACE_WAITING);
    assert_state(costly[2], TT_PLACE_REFUSED);
    struct tt_place_record *light = wait_light(5);
    settle();
    assert_state(light, TT_PLACE_WAITING);
}

static void heavy_ones_leave_a_seat(void **state) {
    struct tt_place_record *heavy[4];
    (void)state;
    fill_slots();
    for (int i = 0; i < 4; i++) {
        heavy[i] = add(TT_PLACE_WAITING, (uint64_t)i, TT_PLACE_HEAVY);
        settle();
        assert_state(heavy[i], i < 3 ? TT_PLACE_WAITING : TT_PLACE_REFUSED);
    }
    struct tt_place_record *light = wait_light(5);
    settle();
    assert_state(light, TT_PLACE_WAITING);
}

static void a_free_seat_is_taken_at_once(void **state) {
    (void)state;
    struct tt_place_record *all[5];
    for (int i = 0; i < 5; i++) {
        all[i] = add(TT_PLACE_AT_DOOR, 1, TT_PLACE_LIGHT);
        settle();
        assert_state(all[i], i < 4 ? TT_PLACE_SEATED : TT_PLACE_AT_DOOR);
    }
    give_back(all[2]);
    assert_state(all[4], TT_PLACE_SEATED);
}

static void seats_go_round_too(void **state) {
    (void)state;
    struct tt_place_record *seated = NULL;
    for (int i = 0; i < 4; i++)
        seated = add(TT_PLACE_SEATED, 1, TT_PLACE_LIGHT);
    struct tt_place_record *of_one = add(TT_PLACE_AT_DOOR, 1, TT_PLACE_LIGHT);
    struct tt_place_record *of_two = add(TT_PLACE_AT_DOOR, 2, TT_PLACE_LIGHT);
    settle();
    give_back(seated);
    assert_state(of_two, TT_PLACE_SEATED);
    assert_state(of_one, TT_PLACE_AT_DOOR);
}

/* The door is for moments: where every seat is held for long, nobody waits there. */
static void nobody_waits_at_the_door_for_long(void **state) {
    struct tt_place_record *waiting[4];
    (void)state;
    fill_slots();
    for (int i = 0; i < 4; i++)
        waiting[i] = wait_light((uint64_t)i);
    struct tt_place_record *late = add(TT_PLACE_AT_DOOR, 9, TT_PLACE_LIGHT);
    settle();
    assert_state(late, TT_PLACE_REFUSED);
    waiting[0]->state = TT_PLACE_SEATED;
    waiting[0]->is_brief = false;
    late->state = TT_PLACE_AT_DOOR;
    settle();
    assert_state(late, TT_PLACE_REFUSED);
    waiting[0]->is_brief = true;
    late->state = TT_PLACE_AT_DOOR;
    settle();
    assert_state(late, TT_PLACE_AT_DOOR);
    waiting[0]->state = TT_PLACE_WAITING; /* its plan is made */
    settle();
    assert_state(late, TT_PLACE_REFUSED);
}

static void the_door_is_not_wide(void **state) {
    (void)state;
    places.door = 1;
    for (int i = 0; i < 4; i++)
        add(TT_PLACE_SEATED, 1, TT_PLACE_LIGHT);
    struct tt_place_record *first = add(TT_PLACE_AT_DOOR, 1, TT_PLACE_LIGHT);
    struct tt_place_record *second = add(TT_PLACE_AT_DOOR, 1, TT_PLACE_LIGHT);
    settle();
    assert_state(first, TT_PLACE_AT_DOOR);
    assert_state(second, TT_PLACE_REFUSED);
}

/* One client may hold all seats while nobody else comes. */
static void a_client_with_many_seats_leaves_one_to_another(void **state) {
    struct tt_place_record *waiting[4];
    (void)state;
    fill_slots();
    for (int i = 0; i < 4; i++)
        waiting[i] = wait_light(1);
    settle();
    struct tt_place_record *same = add(TT_PLACE_AT_DOOR, 1, TT_PLACE_LIGHT);
    settle();
    assert_state(same, TT_PLACE_REFUSED);
    same->state = TT_PLACE_FREE;
    struct tt_place_record *other = add(TT_PLACE_AT_DOOR, 2, TT_PLACE_LIGHT);
    settle();
    assert_state(other, TT_PLACE_SEATED);
    assert_state(waiting[3], TT_PLACE_REFUSED); /* the last that came */
    for (int i = 0; i < 3; i++)
        assert_state(waiting[i], TT_PLACE_WAITING);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_first_to_come_is_the_first),
        CASE(a_client_with_fewer_slots_comes_before),
        CASE(slots_go_round),
        CASE(costly_ones_leave_a_slot),
        CASE(one_slot_is_for_all),
        CASE(costly_ones_wait_in_half_of_the_seats),
        CASE(heavy_ones_leave_a_seat),
        CASE(a_free_seat_is_taken_at_once),
        CASE(seats_go_round_too),
        CASE(nobody_waits_at_the_door_for_long),
        CASE(the_door_is_not_wide),
        CASE(a_client_with_many_seats_leaves_one_to_another),
    };
    return cmocka_run_group_tests_name("proc_places_order", tests, NULL, NULL);
}
