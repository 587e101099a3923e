/* The order of places: gives slots and seats away. Knows no process and no lock. */
#include "proc/places_order.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A contest is between the records in one state; it says which of them take part, and how those of
 * a client are counted. */
struct contest {
    struct tt_place_board *board;
    enum tt_place_state state;
    bool counts_seats; /* a client's places are seats and slots; else slots alone */
    /* Others do not take part: lighter or heavier ones, and those of clients that hold less. */
    enum tt_place_weight least, most;
    int64_t fewest_held;
};

static bool is_in(const struct tt_place_record *record, enum tt_place_state state) {
    return record->state == (uint32_t)state;
}

static bool is_seat(const struct tt_place_record *record) {
    return is_in(record, TT_PLACE_SEATED) || is_in(record, TT_PLACE_WAITING);
}

static void change(struct tt_place_record *record, enum tt_place_state state) {
    record->state = (uint32_t)state;
    syscall(SYS_futex, &record->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Counts those that are not lighter. */
static int64_t count(const struct tt_place_board *board, enum tt_place_state state,
                     enum tt_place_weight least) {
    int64_t found = 0;
    for (uint32_t i = 0; i < board->used; i++)
        found += is_in(&board->records[i], state) && board->records[i].weight >= least;
    return found;
}

static bool is_any_brief(const struct tt_place_board *board) {
    for (uint32_t i = 0; i < board->used; i++)
        if (is_in(&board->records[i], TT_PLACE_SEATED) && board->records[i].is_brief)
            return true;
    return false;
}

/* ---- who is next ---- */

static int64_t count_held(const struct contest *contest, uint64_t client) {
    int64_t held = 0;
    for (uint32_t i = 0; i < contest->board->used; i++) {
        const struct tt_place_record *record = &contest->board->records[i];
        if (record->client == client)
            held += is_in(record, TT_PLACE_WORKING) || (contest->counts_seats && is_seat(record));
    }
    return held;
}

/* Returns how many slots were given since the client got its last one; all that are remembered if
 * it got none of them. */
static uint32_t count_since(const struct tt_place_board *board, uint64_t client) {
    uint32_t since = 0;
    while (since < TT_PLACE_GRANTS && since < board->granted &&
           board->grants[(board->granted - 1 - since) % TT_PLACE_GRANTS] != client)
        since++;
    return since < board->granted ? since : TT_PLACE_GRANTS;
}

struct rank {
    int64_t held;
    uint32_t since;
    uint64_t arrived;
};

static bool is_before(const struct rank *a, const struct rank *b) {
    if (a->held != b->held)
        return a->held < b->held;
    if (a->since != b->since)
        return a->since > b->since;
    return a->arrived < b->arrived;
}

static bool takes_part(const struct contest *contest, const struct tt_place_record *record) {
    return is_in(record, contest->state) && record->weight >= contest->least &&
           record->weight <= contest->most;
}

/* Returns the first or the last in the order; NULL when none takes part. */
static struct tt_place_record *choose(const struct contest *contest, bool wants_last) {
    struct tt_place_record *chosen = NULL;
    struct rank best = {0};
    for (uint32_t i = 0; i < contest->board->used; i++) {
        struct tt_place_record *record = &contest->board->records[i];
        if (!takes_part(contest, record))
            continue;
        struct rank rank = {count_held(contest, record->client),
                            count_since(contest->board, record->client), record->arrived};
        if (rank.held < contest->fewest_held)
            continue;
        bool is_better = wants_last ? is_before(&best, &rank) : is_before(&rank, &best);
        if (!chosen || is_better) {
            chosen = record;
            best = rank;
        }
    }
    return chosen;
}

/* ---- what they get ---- */

static void give_slots(struct tt_place_board *board, const struct tt_places *places) {
    struct contest contest = {.board = board, .state = TT_PLACE_WAITING};
    int64_t left = places->slots - count(board, TT_PLACE_WORKING, TT_PLACE_LIGHT);
    for (; left > 0; left--) {
        bool is_reserved = places->slots > 1 &&
                           count(board, TT_PLACE_WORKING, TT_PLACE_COSTLY) >= places->slots - 1;
        contest.most = is_reserved ? TT_PLACE_HEAVY : TT_PLACE_COSTLY;
        struct tt_place_record *next = choose(&contest, false);
        if (!next)
            return;
        board->grants[board->granted++ % TT_PLACE_GRANTS] = next->client;
        change(next, TT_PLACE_WORKING);
    }
}

/* Leaves at most so many waiting that are not lighter. */
static void refuse_waiting(struct tt_place_board *board, enum tt_place_weight least,
                           int64_t most_waiting) {
    const struct contest contest = {.board = board,
                                    .state = TT_PLACE_WAITING,
                                    .counts_seats = true,
                                    .least = least,
                                    .most = TT_PLACE_COSTLY};
    for (int64_t over = count(board, TT_PLACE_WAITING, least) - most_waiting; over > 0; over--)
        change(choose(&contest, true), TT_PLACE_REFUSED);
}

static void give_seats(const struct contest *door, const struct tt_places *places) {
    int64_t left = places->seats - count(door->board, TT_PLACE_SEATED, TT_PLACE_LIGHT) -
                   count(door->board, TT_PLACE_WAITING, TT_PLACE_LIGHT);
    for (; left > 0; left--) {
        struct tt_place_record *next = choose(door, false);
        if (!next)
            return;
        change(next, TT_PLACE_SEATED);
    }
}

/* All seats are taken, and for long. The next gets one of a client that holds two places more than
 * its own; where there is none, the last at the door goes. */
static void turn_one_away(const struct contest *door) {
    struct tt_place_record *next = choose(door, false);
    const struct contest waiting = {.board = door->board,
                                    .state = TT_PLACE_WAITING,
                                    .counts_seats = true,
                                    .most = TT_PLACE_COSTLY,
                                    .fewest_held = count_held(door, next->client) + 2};
    struct tt_place_record *last = choose(&waiting, true);
    change(last ? last : choose(door, true), TT_PLACE_REFUSED);
    if (last)
        change(next, TT_PLACE_SEATED);
}

void tt_places_settle(struct tt_place_board *board, const struct tt_places *places) {
    const struct contest door = {.board = board, .state = TT_PLACE_AT_DOOR, .counts_seats = true};
    give_slots(board, places);
    refuse_waiting(board, TT_PLACE_COSTLY, places->seats / 2);
    refuse_waiting(board, TT_PLACE_HEAVY, places->seats > 1 ? places->seats - 1 : places->seats);
    give_seats(&door, places);
    while (count(board, TT_PLACE_AT_DOOR, TT_PLACE_LIGHT) > 0 && !is_any_brief(board))
        turn_one_away(&door);
    int64_t over = count(board, TT_PLACE_AT_DOOR, TT_PLACE_LIGHT) - places->door;
    for (; over > 0; over--)
        change(choose(&door, true), TT_PLACE_REFUSED);
}
