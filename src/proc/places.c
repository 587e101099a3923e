/* Places: how many processes may work at once, and how many may wait for that, as locked bytes of
 * one file. Knows nothing of what is done in a place.
 *
 * The bytes: one for each slot, one for each seat, and a turnstile. A slot is taken by whoever
 * holds the turnstile, so that the first to come is the first served; those behind sleep in the
 * kernel, and only the one at the turnstile is woken when a slot falls free.
 *
 * The locks are of the open-file-description kind (fcntl(2), F_OFD_SETLK), one description for each
 * take. A process forked meanwhile (a spawner that is started anew) shares the description, and
 * that is right: its own close does not unlock (only the last one does, unlike a lock of the
 * process), an unlock by the holder works whatever copies there are, and when the holder is killed
 * the copy lives only until the child has closed it, which is its first deed, or dies with its
 * parent. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tintype/file.h"
#include "tintype/process.h"

/* Offsets of the bytes; locks may lie beyond the end of the file, which stays empty. */
#define SLOTS_AT     0
#define SEATS_AT     0x10000
#define TURNSTILE_AT 0x20000
#define PLACES_MAX   0x10000

/* Nobody rings for the slot of a killed process or of another service, so waiting ones look this
 * often. */
#define RETRY_MS 20

enum taken { TAKEN, NOT_FREE, FAILED };

static enum taken lock_byte(int fd, off_t at, bool wait) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) < 0) {
        if (errno == EINTR)
            continue;
        if (!wait && (errno == EAGAIN || errno == EACCES))
            return NOT_FREE;
        tt_err_fail_errno(TT_ERR_SYSTEM, "lock a place");
        return FAILED;
    }
    return TAKEN;
}

static enum taken lock_any(int fd, off_t at, int64_t count) {
    enum taken taken = NOT_FREE;
    for (int64_t i = 0; i < count && taken == NOT_FREE; i++)
        taken = lock_byte(fd, at + (off_t)i, false);
    return taken;
}

/* A length of 0 unlocks everything from there. */
static enum taken unlock(int fd, off_t at, off_t length) {
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = length};
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        tt_err_fail_errno(TT_ERR_SYSTEM, "unlock a place");
        return FAILED;
    }
    return TAKEN;
}

static int open_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (fd < 0)
        tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
    return fd;
}

enum tt_err tt_places_init(struct tt_places *places, const char *path, int64_t slots,
                           int64_t seats) {
    places->freed_fd = -1;
    if (slots < 1 || slots > PLACES_MAX || seats < 0 || seats > PLACES_MAX)
        return tt_err_fail(TT_ERR_SYSTEM, "%lld slots and %lld seats", (long long)slots,
                           (long long)seats);
    int length = snprintf(places->path, sizeof places->path, "%s", path);
    if (length < 0 || (size_t)length >= sizeof places->path)
        return tt_err_fail(TT_ERR_SYSTEM, "the path of the places is too long");
    places->slots = slots;
    places->seats = seats;
    int fd = open_file(path);
    if (fd < 0)
        return TT_ERR_SYSTEM;
    tt_file_close(&fd);
    places->freed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (places->freed_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "eventfd");
    return TT_OK;
}

void tt_places_fini(struct tt_places *places) {
    tt_file_close(&places->freed_fd);
}

/* Waits at the turnstile, in a seat, until a slot is free. The counter is emptied before the slots
 * are tried again, so a slot that is given back meanwhile is seen or rings once more. */
static enum taken await_slot(const struct tt_places *places, int fd) {
    enum taken taken = NOT_FREE;
    while (taken == NOT_FREE) {
        struct pollfd freed = {.fd = places->freed_fd, .events = POLLIN};
        uint64_t count;
        if (poll(&freed, 1, RETRY_MS) > 0 && read(freed.fd, &count, sizeof count) < 0 &&
            errno != EAGAIN && errno != EINTR) {
            tt_err_fail_errno(TT_ERR_SYSTEM, "read an eventfd");
            return FAILED;
        }
        taken = lock_any(fd, SLOTS_AT, places->slots);
    }
    return taken;
}

static enum taken take(const struct tt_places *places, int fd) {
    bool seated = false;
    enum taken taken = lock_byte(fd, TURNSTILE_AT, false);
    if (taken == NOT_FREE) {
        taken = lock_any(fd, SEATS_AT, places->seats);
        /* Whoever stands at the turnstile may be just passing, so even without a seat there may be
         * a slot. */
        if (taken == NOT_FREE)
            return lock_any(fd, SLOTS_AT, places->slots);
        seated = taken == TAKEN;
        if (seated)
            taken = lock_byte(fd, TURNSTILE_AT, true);
    }
    if (taken != TAKEN)
        return taken;
    taken = lock_any(fd, SLOTS_AT, places->slots);
    if (taken == NOT_FREE) {
        if (!seated)
            taken = lock_any(fd, SEATS_AT, places->seats);
        if (seated || taken == TAKEN)
            taken = await_slot(places, fd);
    }
    /* Seat and turnstile are given back here, and on a failure by the close of the description. */
    return taken == TAKEN ? unlock(fd, SEATS_AT, 0) : taken;
}

enum tt_err tt_places_take(struct tt_places *places, struct tt_place *place) {
    place->fd = open_file(places->path);
    if (place->fd < 0)
        return TT_ERR_SYSTEM;
    enum taken taken = take(places, place->fd);
    if (taken == TAKEN)
        return TT_OK;
    tt_file_close(&place->fd);
    if (taken == FAILED)
        return TT_ERR_SYSTEM;
    return tt_err_fail(TT_ERR_BUSY, "%lld decode slots and %lld waiting places are taken",
                       (long long)places->slots, (long long)places->seats);
}

void tt_places_give(struct tt_places *places, struct tt_place *place) {
    if (place->fd < 0)
        return;
    unlock(place->fd, 0, 0);
    tt_file_close(&place->fd);
    /* A counter that is full (EAGAIN) rings as well. */
    const uint64_t one = 1;
    if (write(places->freed_fd, &one, sizeof one) < 0)
        return;
}

enum tt_err tt_places_sit(const struct tt_places *places, struct tt_place *place) {
    place->fd = open_file(places->path);
    if (place->fd < 0)
        return TT_ERR_SYSTEM;
    enum taken taken = lock_any(place->fd, SEATS_AT, places->seats);
    if (taken == TAKEN)
        return TT_OK;
    tt_file_close(&place->fd);
    if (taken == FAILED)
        return TT_ERR_SYSTEM;
    return tt_err_fail(TT_ERR_BUSY, "%lld waiting places are taken", (long long)places->seats);
}

void tt_places_stand(struct tt_place *place) {
    if (place->fd < 0)
        return;
    unlock(place->fd, SEATS_AT, 0);
    tt_file_close(&place->fd);
}
