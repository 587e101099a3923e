/* Board: what workers show each other and their master, in memory that they share. By it the master
 * sees that workers wait for slow clients and that none is left for others. Every process of a
 * service may write to this memory, so it holds numbers alone, and whatever they say does no more
 * than start too many workers or too few. */
#ifndef TINTYPE_BOARD_H
#define TINTYPE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/err.h"

/* A request that has kept its worker waiting for so long is a slow client's. */
#define TT_BOARD_LONG_WAIT_MS 200

enum tt_board_state {
    TT_BOARD_ABSENT,  /* there is no such worker */
    TT_BOARD_IDLE,    /* it waits for a connection */
    TT_BOARD_BUSY,    /* it serves one */
    TT_BOARD_WAITING, /* it serves one, and waits for the client for TT_BOARD_LONG_WAIT_MS already
                       */
};

struct tt_board {
    struct tt_board_shared *shared; /* owned; NULL while closed */
    int64_t count;                  /* of the workers that it has room for */
    int wake_fd;                    /* eventfd; readable when the master has to look; owned */
};

/* One worker's place on the board. */
struct tt_post {
    const struct tt_board *board;
    int64_t number; /* from 0 */
    bool is_extra;  /* it was started because others wait, and goes first */
};

struct tt_board_count {
    int64_t workers; /* all that are not absent */
    int64_t waiting;
};

/* ---- in the master ---- */

/* Makes a board for count workers, all absent, before any of them is forked. TT_ERR_SYSTEM. */
enum tt_err tt_board_open(struct tt_board *board, int64_t count);
/* Safe when it is closed. */
void tt_board_close(struct tt_board *board);

/* Leaves the board's memory out of all processes that this one forks from now on. A worker calls it
 * for its own board too, as a decoder is to share nothing with the service but its report.
 * TT_ERR_SYSTEM. */
enum tt_err tt_board_hold_back(const struct tt_board *board);

/* Puts a worker on the board that is about to start, as busy, and takes one off that has ended. */
void tt_board_enter(const struct tt_board *board, int64_t number);
void tt_board_leave(const struct tt_board *board, int64_t number);

/* Whether that worker, or the last one in its place, has ever taken a connection. */
bool tt_board_has_accepted(const struct tt_board *board, int64_t number);

/* Says that the master will not look again before wake_fd is readable; returns false when it has to
 * go on looking, because no worker is idle. */
bool tt_board_rest(const struct tt_board *board);
/* Makes wake_fd unreadable again. */
void tt_board_quiet(const struct tt_board *board);

/* ---- in any process of the service; now_ms is monotonic ---- */

enum tt_board_state tt_board_state(const struct tt_board *board, int64_t number, int64_t now_ms);
struct tt_board_count tt_board_count(const struct tt_board *board, int64_t now_ms);

/* ---- in the worker whose post it is; where post is NULL nothing happens ---- */

void tt_post_idle(const struct tt_post *post);
/* Says that it has taken a connection. The worker that was the last idle one wakes the master. */
void tt_post_busy(const struct tt_post *post);
/* Says since when (monotonic) it waits for its client, or with 0 that it does not. A wait that goes
 * on after a pause began so much earlier as the waits before have taken. */
void tt_post_wait(const struct tt_post *post, int64_t since_ms);

#endif
