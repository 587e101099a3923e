/* Places: how many processes may work at once, and how many may wait for that. Knows nothing of
 * what is done in a place, and who comes next is decided in places_order.c.
 *
 * They share a file. Whoever holds a place, or waits at the door, has a record in it and holds a
 * lock on one byte that stands for the record: the kernel gives that back when its process dies,
 * and a record counts only with its lock. Another byte stands for the right to change records.
 *
 * The locks are of the open-file-description kind (fcntl(2), F_OFD_SETLK). The description is one
 * process's own: a process that it forks must close it, as spawners do first of all, and does not
 * inherit the memory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proc/places_order.h"
#include "tintype/clock.h"
#include "tintype/file.h"

/* Offsets of the bytes that are locked: all lie behind the board. */
#define RECORDS_AT 0x100000
#define BOARD_AT   0x200000

_Static_assert((off_t)sizeof(struct tt_place_board) <= RECORDS_AT,
               "a lock on the board is not one on its bytes");

/* Nobody wakes those who wait for the place of a killed process, so they look this often. */
#define SWEEP_MS 100

/* Planning takes milliseconds; where it takes this long, a client had better come again later. */
#define DOOR_MS 5000

/* ---- locks ---- */

static enum tt_err lock_byte(int fd, off_t at, short type, bool waits) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    while (fcntl(fd, waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EACCES)
            return TT_ERR_BUSY;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "lock a place");
    }
    return TT_OK;
}

static enum tt_err lock_board(const struct tt_place *place) {
    return lock_byte(place->fd, BOARD_AT, F_WRLCK, true);
}

/* An unlock fails for no reason that fcntl(2) knows. */
static void unlock_board(const struct tt_place *place) {
    lock_byte(place->fd, BOARD_AT, F_UNLCK, false);
}

static bool is_locked_by_another(const struct tt_place *place, uint32_t number) {
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = RECORDS_AT + number, .l_len = 1};
    return fcntl(place->fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

/* ---- with the board locked ---- */

static struct tt_place_record *own_record(const struct tt_place *place) {
    return &place->board->records[place->number];
}

/* Frees the records of processes that have died. */
static void sweep(struct tt_place *place) {
    struct tt_place_board *board = place->board;
    for (uint32_t i = 0; i < board->used; i++)
        if (board->records[i].state != TT_PLACE_FREE && (int)i != place->number &&
            !is_locked_by_another(place, i))
            board->records[i].state = TT_PLACE_FREE;
    board->swept_ms = tt_clock_monotonic_ms();
    tt_places_settle(board, place->places);
}

static void sweep_when_due(struct tt_place *place) {
    int64_t since_ms = tt_clock_monotonic_ms() - place->board->swept_ms;
    if (since_ms < 0 || since_ms >= SWEEP_MS) /* the clock begins anew when the system starts */
        sweep(place);
}

static enum tt_err take_record(struct tt_place *place, uint64_t client, bool is_brief) {
    struct tt_place_board *board = place->board;
    for (uint32_t i = 0; i < TT_PLACE_RECORDS; i++) {
        struct tt_place_record *record = &board->records[i];
        if (i < board->used && record->state != TT_PLACE_FREE)
            continue;
        enum tt_err err = lock_byte(place->fd, RECORDS_AT + i, F_WRLCK, false);
        if (err == TT_ERR_BUSY) /* its process is about to go */
            continue;
        if (err != TT_OK)
            return err;
        if (i >= board->used)
            board->used = i + 1;
        record->weight = TT_PLACE_LIGHT;
        record->is_brief = is_brief;
        record->client = client;
        record->arrived = ++board->arrivals;
        record->state = TT_PLACE_AT_DOOR;
        place->number = (int)i;
        return TT_OK;
    }
    return TT_ERR_BUSY;
}

static void give_record_back(struct tt_place *place) {
    own_record(place)->state = TT_PLACE_FREE;
    lock_byte(place->fd, RECORDS_AT + place->number, F_UNLCK, false);
    place->number = -1;
    tt_places_settle(place->board, place->places);
}

/* ---- waiting ---- */

/* Returns once the state may be another, or wait_ms are over. */
static void sleep_on(struct tt_place_record *record, uint32_t state, int64_t wait_ms) {
    if (wait_ms > SWEEP_MS)
        wait_ms = SWEEP_MS;
    const struct timespec most = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    syscall(SYS_futex, &record->state, FUTEX_WAIT, state, &most, NULL, 0);
}

static enum tt_err look_for_the_dead(struct tt_place *place) {
    enum tt_err err = lock_board(place);
    if (err != TT_OK)
        return err;
    sweep_when_due(place);
    unlock_board(place);
    return TT_OK;
}

/* Waits while the record is in that state, for wait_ms at most. */
static enum tt_err await_change(struct tt_place *place, enum tt_place_state state,
                                int64_t wait_ms) {
    struct tt_place_record *record = own_record(place);
    int64_t give_up_ms = tt_clock_monotonic_ms() + wait_ms;
    enum tt_err err = TT_OK;
    while (err == TT_OK && record->state == (uint32_t)state) {
        int64_t left_ms = give_up_ms - tt_clock_monotonic_ms();
        if (left_ms <= 0)
            break;
        sleep_on(record, (uint32_t)state, left_ms);
        if (record->state == (uint32_t)state)
            err = look_for_the_dead(place);
    }
    return err;
}

/* Settles, and once more without the dead where this process would be refused. */
static void settle_fairly(struct tt_place *place, enum tt_place_state state) {
    tt_places_settle(place->board, place->places);
    if (own_record(place)->state != TT_PLACE_REFUSED)
        return;
    own_record(place)->state = (uint32_t)state;
    sweep(place);
}

/* Ends a wait that was to lead to the state wanted. */
static enum tt_err judge(struct tt_place *place, enum tt_err err, enum tt_place_state wanted) {
    if (err == TT_OK && own_record(place)->state == (uint32_t)wanted)
        return TT_OK;
    tt_place_leave(place);
    return err != TT_OK
               ? err
               : tt_err_fail(TT_ERR_BUSY, "%lld decode slots and %lld waiting places are taken",
                             (long long)place->places->slots, (long long)place->places->seats);
}

/* ---- what others call ---- */

enum tt_err tt_place_sit(struct tt_place *place, uint64_t client, bool is_brief) {
    enum tt_err err = lock_board(place);
    if (err != TT_OK)
        return err;
    err = take_record(place, client, is_brief);
    if (err == TT_OK)
        settle_fairly(place, TT_PLACE_AT_DOOR);
    unlock_board(place);
    if (err == TT_ERR_BUSY)
        return tt_err_fail(TT_ERR_BUSY, "%d processes hold places or wait for them",
                           TT_PLACE_RECORDS);
    if (err == TT_OK)
        err = await_change(place, TT_PLACE_AT_DOOR, DOOR_MS);
    return place->number < 0 ? err : judge(place, err, TT_PLACE_SEATED);
}

enum tt_err tt_place_take_slot(struct tt_place *place, enum tt_place_weight weight,
                               int64_t wait_ms) {
    enum tt_err err = lock_board(place);
    if (err == TT_OK) {
        own_record(place)->weight = weight;
        own_record(place)->state = TT_PLACE_WAITING;
        settle_fairly(place, TT_PLACE_WAITING);
        unlock_board(place);
        err = await_change(place, TT_PLACE_WAITING, wait_ms);
    }
    return judge(place, err, TT_PLACE_WORKING);
}

void tt_place_leave(struct tt_place *place) {
    if (place->number < 0)
        return;
    if (lock_board(place) == TT_OK) {
        give_record_back(place);
        unlock_board(place);
        return;
    }
    /* Others find the record as one of the dead. */
    tt_err_take(TT_OK);
    lock_byte(place->fd, RECORDS_AT + place->number, F_UNLCK, false);
    place->number = -1;
}

enum tt_err tt_place_open(struct tt_place *place, const struct tt_places *places) {
    *place = (struct tt_place){.places = places, .fd = -1, .number = -1};
    place->fd = open(places->path, O_RDWR | O_CLOEXEC);
    if (place->fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", places->path);
    void *board =
        mmap(NULL, sizeof *place->board, PROT_READ | PROT_WRITE, MAP_SHARED, place->fd, 0);
    if (board == MAP_FAILED || madvise(board, sizeof *place->board, MADV_DONTFORK) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "map %s", places->path);
    place->board = board;
    return look_for_the_dead(place);
}

void tt_place_close(struct tt_place *place) {
    if (place->board) {
        tt_place_leave(place);
        munmap(place->board, sizeof *place->board);
    }
    place->board = NULL;
    tt_file_close(&place->fd);
}

/* The file has its full length on the disk, as a process that writes to memory for which there is
 * no room is killed. */
static enum tt_err make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
    errno = posix_fallocate(fd, 0, sizeof(struct tt_place_board));
    enum tt_err err =
        errno == 0 ? TT_OK : tt_err_fail_errno(TT_ERR_SYSTEM, "make room for %s", path);
    tt_file_close(&fd);
    return err;
}

enum tt_err tt_places_init(struct tt_places *places, const char *path, int64_t slots, int64_t seats,
                           int64_t door) {
    if (slots < 1 || seats < 0 || door < 0 || slots + seats + door > TT_PLACE_RECORDS)
        return tt_err_fail(TT_ERR_SYSTEM, "%lld slots, %lld seats and %lld at the door",
                           (long long)slots, (long long)seats, (long long)door);
    *places = (struct tt_places){.slots = slots, .seats = seats, .door = door};
    int length = snprintf(places->path, sizeof places->path, "%s", path);
    if (length < 0 || (size_t)length >= sizeof places->path)
        return tt_err_fail(TT_ERR_SYSTEM, "the path of the places is too long");
    return make_file(path);
}
