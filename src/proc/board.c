/* The board's memory, and how a worker wakes the master. What the master makes of it is in
 * master.c. */
#include "tintype/board.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tintype/file.h"

struct row {
    _Atomic int state;              /* enum tt_board_state, without TT_BOARD_WAITING */
    _Atomic int64_t waits_since_ms; /* 0 while it does not wait */
    _Atomic bool has_accepted;
};

struct tt_board_shared {
    _Atomic bool is_watched; /* the master looks by itself, and need not be woken */
    struct row rows[];
};

static size_t shared_bytes(int64_t count) {
    return sizeof(struct tt_board_shared) + (size_t)count * sizeof(struct row);
}

enum tt_err tt_board_open(struct tt_board *board, int64_t count) {
    *board = (struct tt_board){.count = count, .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (board->wake_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "eventfd");
    void *shared =
        mmap(NULL, shared_bytes(count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        tt_err_fail_errno(TT_ERR_SYSTEM, "no memory for %lld workers", (long long)count);
        tt_file_close(&board->wake_fd);
        return TT_ERR_SYSTEM;
    }
    board->shared = shared;
    return TT_OK;
}

void tt_board_close(struct tt_board *board) {
    if (!board->shared)
        return;
    munmap(board->shared, shared_bytes(board->count));
    tt_file_close(&board->wake_fd);
    *board = (struct tt_board){.wake_fd = -1};
}

enum tt_err tt_board_hold_back(const struct tt_board *board) {
    if (madvise(board->shared, shared_bytes(board->count), MADV_DONTFORK) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "hold the workers' board back");
    return TT_OK;
}

void tt_board_enter(const struct tt_board *board, int64_t number) {
    struct row *row = &board->shared->rows[number];
    atomic_store(&row->state, TT_BOARD_BUSY);
    atomic_store(&row->waits_since_ms, 0);
    atomic_store(&row->has_accepted, false);
}

void tt_board_leave(const struct tt_board *board, int64_t number) {
    atomic_store(&board->shared->rows[number].state, TT_BOARD_ABSENT);
}

bool tt_board_has_accepted(const struct tt_board *board, int64_t number) {
    return atomic_load(&board->shared->rows[number].has_accepted);
}

static bool has_idle(const struct tt_board *board) {
    for (int64_t i = 0; i < board->count; i++)
        if (atomic_load(&board->shared->rows[i].state) == TT_BOARD_IDLE)
            return true;
    return false;
}

/* A worker first says that it is busy and then looks whether anybody is idle and whether the master
 * watches; the master does it the other way round. So one of the two sees the other. */
bool tt_board_rest(const struct tt_board *board) {
    atomic_store(&board->shared->is_watched, false);
    if (has_idle(board))
        return true;
    atomic_store(&board->shared->is_watched, true);
    return false;
}

void tt_board_quiet(const struct tt_board *board) {
    uint64_t count;
    while (read(board->wake_fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

enum tt_board_state tt_board_state(const struct tt_board *board, int64_t number, int64_t now_ms) {
    const struct row *row = &board->shared->rows[number];
    int state = atomic_load(&row->state);
    int64_t since_ms = atomic_load(&row->waits_since_ms);
    if (state == TT_BOARD_BUSY)
        return since_ms != 0 && now_ms - since_ms >= TT_BOARD_LONG_WAIT_MS ? TT_BOARD_WAITING
                                                                           : TT_BOARD_BUSY;
    return state == TT_BOARD_IDLE ? TT_BOARD_IDLE : TT_BOARD_ABSENT;
}

struct tt_board_count tt_board_count(const struct tt_board *board, int64_t now_ms) {
    struct tt_board_count count = {0};
    for (int64_t i = 0; i < board->count; i++) {
        enum tt_board_state state = tt_board_state(board, i, now_ms);
        count.workers += state != TT_BOARD_ABSENT;
        count.waiting += state == TT_BOARD_WAITING;
    }
    return count;
}

static struct row *row_of(const struct tt_post *post) {
    return &post->board->shared->rows[post->number];
}

void tt_post_idle(const struct tt_post *post) {
    if (post)
        atomic_store(&row_of(post)->state, TT_BOARD_IDLE);
}

void tt_post_busy(const struct tt_post *post) {
    if (!post)
        return;
    const uint64_t one = 1;
    atomic_store(&row_of(post)->has_accepted, true);
    atomic_store(&row_of(post)->state, TT_BOARD_BUSY);
    /* A counter that is full (EAGAIN) wakes the master as well. */
    if (!has_idle(post->board) && !atomic_exchange(&post->board->shared->is_watched, true) &&
        write(post->board->wake_fd, &one, sizeof one) < 0)
        return;
}

void tt_post_wait(const struct tt_post *post, int64_t since_ms) {
    if (post)
        atomic_store(&row_of(post)->waits_since_ms, since_ms);
}
