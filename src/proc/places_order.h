/* The order of places: who of those that wait comes next. It is arithmetic on records in memory,
 * which processes share; how they share it, and who is alive, is in places.c. */
#ifndef TINTYPE_PROC_PLACES_ORDER_H
#define TINTYPE_PROC_PLACES_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/process.h"

enum tt_place_state {
    TT_PLACE_FREE,
    TT_PLACE_AT_DOOR, /* waits for a seat */
    TT_PLACE_SEATED,  /* is busy in a seat: plans, or waits for something else than a slot */
    TT_PLACE_WAITING, /* waits in a seat for a slot */
    TT_PLACE_WORKING, /* has a slot */
    TT_PLACE_REFUSED, /* is to leave */
};

struct tt_place_record {
    _Atomic uint32_t
        state;     /* enum tt_place_state; who waits for a change sleeps on it (futex(2)) */
    bool is_brief; /* SEATED, it will not be for long */
    enum tt_place_weight weight;
    uint64_t client;  /* whoever it is for; 0 when that is not known */
    uint64_t arrived; /* the order of coming */
};

#define TT_PLACE_RECORDS 2048
#define TT_PLACE_GRANTS  64

/* The processes share this. All zeros is a board where all is free. */
struct tt_place_board {
    uint32_t used;                    /* records from here on were never taken */
    uint32_t granted;                 /* slots so far */
    uint64_t arrivals;                /* so far */
    int64_t swept_ms;                 /* monotonic; when the dead were last looked for */
    uint64_t grants[TT_PLACE_GRANTS]; /* whom the last slots were given to; a ring */
    struct tt_place_record records[TT_PLACE_RECORDS];
};

/* Gives free slots and seats to those who are next, refuses those for whom there is no room, and
 * wakes them. It is called whenever a record has changed, by one process at a time.
 *
 * The next is of the client that holds the fewest places, of those the one whose last slot is the
 * longest ago, and there whoever came first. Costly ones leave one of two or more slots, and half
 * of the seats, to others, and heavy ones one of two or more seats. At the door wait at most
 * places->door, and only while a seat is held briefly; a client that waits in two seats more than
 * another has in all leaves one to it. */
void tt_places_settle(struct tt_place_board *board, const struct tt_places *places);

#endif
