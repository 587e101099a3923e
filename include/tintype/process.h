/* Processes: the master and its workers, one function run in a limited child, and the places in
 * which at most so many processes work or wait. Nothing here knows a request or a picture: the
 * rooms above hand their functions in. */
#ifndef TINTYPE_PROCESS_H
#define TINTYPE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tintype/board.h"
#include "tintype/err.h"
#include "tintype/reach.h"
#include "tintype/stats.h"

/* ---- master (src/proc/master.c) ---- */

struct tt_master_plan {
    int64_t workers; /* 1 or more */
    /* At most so many are added while workers wait for their clients, one for each that waits
     * beyond the first spare_workers. */
    int64_t extra_workers;
    int64_t spare_workers;
    int64_t drain_seconds; /* then SIGKILL */
    struct tt_stats *stats;
    /* Runs in each new worker; its return value is the worker's exit status. The worker starts
     * with SIGTERM blocked, and dies with the master (PR_SET_PDEATHSIG). It tells through *post
     * what it does; one that says nothing counts as busy. */
    int (*work)(void *context, const struct tt_post *post);
    /* Called in the master on SIGHUP, before any worker of the new generation starts: it reads
     * again what the workers need, and may change the numbers in *plan. With TT_OK
     * new workers are started and the old ones drained; with any other code nothing changes. Where
     * it is NULL, SIGHUP is ignored. */
    enum tt_err (*reload)(void *context, struct tt_master_plan *plan);
    void *context;
};

/* Keeps plan->workers workers alive, and while none of them is idle one more for each that waits
 * for its client for long, until SIGTERM or SIGINT, then drains: SIGTERM to each worker, a wait of
 * drain_seconds, SIGKILL. Returns 0 when every worker left by itself, 1 when one had to be killed.
 * A worker that ends with status 0 is replaced at once, and so is one that had taken a connection:
 * a peer that brings workers down must not put off their successors. One that dies otherwise within
 * a second of its start makes the next start of its place wait 100 ms, doubled each time up to 5 s.
 * TT_ERR_SYSTEM failures at the start give 2, the cause noted. */
int tt_master_run(struct tt_master_plan *plan);

/* ---- child (src/proc/child.c) ---- */

struct tt_child_limits {
    int64_t address_space_bytes; /* RLIMIT_AS */
    int64_t cpu_seconds;         /* RLIMIT_CPU */
    int64_t wall_seconds;        /* then SIGKILL: a child that sleeps uses no CPU time */
    int64_t file_bytes;          /* RLIMIT_FSIZE */
    /* These are lower limits of the first two kinds, and hold until the child calls
     * tt_child_raise_limits; 0 for none. */
    int64_t first_address_space_bytes;
    int64_t first_cpu_seconds;
};

struct tt_child {
    pid_t pid;          /* 0 when none */
    int64_t give_up_ms; /* monotonic; when wall_seconds are over */
};

struct tt_child_end {
    int exit_status; /* 0 to 255, -1 when killed by a signal */
    int signal;      /* 0, or what killed it: SIGXCPU or SIGKILL after the CPU limit */
    bool timed_out;  /* killed here, after wall_seconds */
    int64_t cpu_us;
    int64_t peak_rss_bytes;
};

/* This is the exit status of a child that could not be limited, and so ran nothing; the cause is
 * logged. */
#define TT_CHILD_UNLIMITED 125
/* This is the exit status of a spawner's child that asked for a system call outside its filter. */
#define TT_CHILD_CONFINED 124

#define TT_CHILD_KEEP_MAX 16

/* Forks a child that runs run(context) and exits with what it returned. The child keeps keep_count
 * descriptors (3 or above, at most TT_CHILD_KEEP_MAX, in any order) and the standard streams, of
 * which its standard error becomes what its standard input is, and closes all else. It is limited
 * as *limits says, and has no new process and no new file. It dies with its parent and leaves stops
 * to it (it ignores SIGINT, SIGTERM and SIGHUP). TT_ERR_SYSTEM. */
enum tt_err tt_child_start(struct tt_child *child, const struct tt_child_limits *limits,
                           const int *keep_fds, int keep_count, int (*run)(void *context),
                           void *context);

/* For the child itself: what held at first holds no more, and its CPU time is limited to
 * cpu_seconds, which is at most what tt_child_start was told. TT_ERR_SYSTEM. */
enum tt_err tt_child_raise_limits(int64_t cpu_seconds);

/* Waits for its end, kills it when wall_seconds are over, and fills *end. It is also killed when
 * end_fd, a socket or -1, has something to read, which is left there, or comes to its end.
 * TT_ERR_SYSTEM. */
enum tt_err tt_child_wait(struct tt_child *child, int end_fd, struct tt_child_end *end);

/* ---- spawner (src/proc/spawner.c) ---- */

/* What is done for each order, with the descriptors that came with it. */
struct tt_spawner_job {
    /* Runs in the spawner before the fork, and every later child inherits what it does to that
     * process. It may be NULL. */
    void (*prepare)(void *context, const int *fds, int count);
    /* Runs in the child; what it returns is the child's exit status. */
    int (*run)(void *context, const int *fds, int count);
    void *context; /* as it is when the spawner is opened */
    /* The spawner enters TT_ROLE_SPAWNER, and each child TT_ROLE_DECODER; NULL: they do not. */
    const struct tt_reach *reach;
    /* A child that ends as TT_CHILD_CONFINED leaves the number of the system call here, so this is
     * memory that is shared with the children. NULL where reach is. */
    volatile int *refused_call;
};

/* A process that forks children as above, one at a time, for another, and dies with it. It is
 * opened before its owner has read anything of a client's, and never again: so there is nothing of
 * other uploads in its memory that a child could read. An owner that loses it makes way for one
 * that starts anew. It also stays small: a fork copies the tables of all memory in use, and each
 * page that is written afterwards costs the parent a fault, 80 an upload in a worker that has
 * served a while (minor faults in its /proc/PID/stat). */
struct tt_spawner {
    pid_t pid; /* 0 when there is none */
    int fd;    /* a socket to it; owned */
};

/* Starts the process, and waits until it is ready for orders. job is read there alone. On an error,
 * which is TT_ERR_SYSTEM or TT_ERR_KILLED, there is none. */
enum tt_err tt_spawner_open(struct tt_spawner *spawner, const struct tt_spawner_job *job);
/* Has the process end, and its child with it, and waits for that. Safe when there is none. */
void tt_spawner_close(struct tt_spawner *spawner);

/* Has the spawner start a child with these descriptors (1 to TT_CHILD_KEEP_MAX; they stay the
 * caller's), and does not wait for that. The limits of its address space count beyond what the
 * spawner has mapped. TT_ERR_SYSTEM; TT_ERR_KILLED where there is no spawner any more, which is
 * closed then. */
enum tt_err tt_spawner_start(struct tt_spawner *spawner, const struct tt_child_limits *limits,
                             const int *fds, int count);

/* Has the child killed at once, between start and wait, which tells the rest. */
void tt_spawner_end_child(struct tt_spawner *spawner);

/* Waits for that child's end, as tt_child_wait does, and has it killed when that many seconds are
 * over. TT_ERR_NO_MEMORY says that the system had no
 * process to give. On any other error the spawner is closed; its child dies with it, but may run
 * for a moment still. TT_ERR_KILLED says that the spawner has ended, or somebody stopped it, so
 * that it said nothing until 5 s after the child's time; TT_ERR_SYSTEM that it failed. */
enum tt_err tt_spawner_wait(struct tt_spawner *spawner, int64_t wall_seconds,
                            struct tt_child_end *end);

/* ---- places (src/proc/places.c) ---- */

/* Seats, in which what is to be done is planned or waited for, and slots, in which it is done. They
 * are shared by all services that have one storage directory, and go round between clients; the
 * kernel gives a dead process's place back. */
struct tt_places {
    int64_t slots; /* that may be held at once */
    int64_t seats; /* the same */
    int64_t door;  /* how many may wait for a seat, while one is held that will be free soon */
    char path[4096];
};

/* The weight says how much of a slot's time the work in it will take. */
enum tt_place_weight { TT_PLACE_LIGHT, TT_PLACE_HEAVY, TT_PLACE_COSTLY };

struct tt_place_board;

/* A process holds at most one place at a time, through this. */
struct tt_place {
    const struct tt_places *places; /* borrowed */
    int fd;                         /* owned, as is board; -1 while it is not open */
    struct tt_place_board *board;   /* shared by all */
    int number;                     /* of the record of its place; -1 while it has none */
};

/* Prepares *places, in the master before any fork. path is the file that is shared, made where it
 * is missing (0660). TT_ERR_SYSTEM. */
enum tt_err tt_places_init(struct tt_places *places, const char *path, int64_t slots, int64_t seats,
                           int64_t door);

/* Opens *place, after the fork of the process that it is for. TT_ERR_SYSTEM; tt_place_close is for
 * the caller to call in either case, and safe where it is called twice. */
enum tt_err tt_place_open(struct tt_place *place, const struct tt_places *places);
void tt_place_close(struct tt_place *place);

/* Takes a seat for a client (0: not known; those count as one). is_brief says that it is not for
 * long, or only for as long as a slot is waited for. Where all seats are taken, and one of them
 * briefly, it is waited for, a few seconds at most. TT_ERR_BUSY: no seat was to be had;
 * TT_ERR_SYSTEM. */
enum tt_err tt_place_sit(struct tt_place *place, uint64_t client, bool is_brief);

/* Changes the seat for a slot, waiting for wait_ms at most. What is costly takes at most slots - 1
 * of two or more slots, and waits in at most half of the seats; what is not light leaves one of two
 * or more seats to others. TT_ERR_BUSY: another is to have the seat, or the time is over;
 * TT_ERR_SYSTEM. The seat is lost then. */
enum tt_err tt_place_take_slot(struct tt_place *place, enum tt_place_weight weight,
                               int64_t wait_ms);

/* Gives the seat or the slot back. Safe when none is held. */
void tt_place_leave(struct tt_place *place);

/* ---- listening socket (src/proc/listen.c) ---- */

/* How many descriptors from 3 on systemd has passed to this process (LISTEN_FDS, where LISTEN_PID
 * is this process); 0 where it has passed none. tt_listen_open removes the variables. */
int tt_listen_passed_count(void);

/* Whether tt_listen_open would find a socket that was handed over, and so makes none. */
bool tt_listen_is_given(void);

/* The socket to accept on: fd 0 when that is a listening socket, else the first of systemd's
 * LISTEN_FDS (LISTEN_PID is this process), else a new Unix socket at path (mode 0660, a stale one
 * replaced, a live one refused). *made tells that the socket file is this process's to remove.
 * O_NONBLOCK is set on it. TT_ERR_SYSTEM. */
enum tt_err tt_listen_open(int *fd, bool *made, const char *path);

#endif
