/* Reach: what each kind of process may reach, and how the kernel is made to hold it there. One
 * table has a row for each kind; the filter of system calls (seccomp(2)), the files (landlock(7))
 * and the documents follow from it. What a process gives up at its fork, such as descriptors and
 * signals, is in src/proc/confine.h. */
#ifndef TINTYPE_REACH_H
#define TINTYPE_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/err.h"

enum tt_role {
    TT_ROLE_MASTER,
    TT_ROLE_WORKER,
    TT_ROLE_SPAWNER,
    TT_ROLE_DECODER,
    TT_ROLE_AGENT,
    TT_ROLE_COMMAND,
    TT_ROLE_COUNT
};

/* System calls come in groups; which calls are in which is src/proc/reach_calls.c. */
enum tt_calls {
    TT_CALLS_COMPUTE = 1 << 0,   /* memory, clocks, waiting, the process's own end */
    TT_CALLS_STREAM = 1 << 1,    /* reading and writing what is open already */
    TT_CALLS_FILES = 1 << 2,     /* opening, making, linking, locking and removing files */
    TT_CALLS_LOCAL = 1 << 3,     /* Unix sockets, and accepting on what listens already */
    TT_CALLS_NETWORK = 1 << 4,   /* sockets of the Internet, and listening */
    TT_CALLS_THREADS = 1 << 5,   /* threads of this process */
    TT_CALLS_CHILDREN = 1 << 6,  /* forking children, giving them filters, sending signals */
    TT_CALLS_LIMITS = 1 << 7,    /* the process's own limits */
    TT_CALLS_SIGNALS = 1 << 8,   /* timers of its own, and waiting for signals */
    TT_CALLS_CODE = 1 << 9,      /* memory that is executed: loading libraries */
    TT_CALLS_MESSAGES = 1 << 10, /* sending and receiving on sockets that are open already */
    TT_CALLS_CONFINE = 1 << 11,  /* further filters and limits of files on itself */
    TT_CALLS_WATCH = 1 << 12,    /* being told of changes of files */
    TT_CALLS_WAIT = 1 << 13,     /* waiting for children */
};

/* Each group's name and the calls in it, for documents; i from 0 until NULL. */
struct tt_calls_row {
    enum tt_calls group;
    const char *name;
    const char *meaning;
};
const struct tt_calls_row *tt_reach_calls(size_t i);
/* The names of the calls in one group; i from 0 until NULL. Some are allowed with certain arguments
 * alone. */
const char *tt_reach_call_name(enum tt_calls group, size_t i);

/* Files that a process may reach, by what they are for. */
enum tt_tree {
    TT_TREE_STORAGE, /* storage.dir: journal, spool, locks, the agent's socket */
    TT_TREE_CHANCE,  /* the system's source of random numbers, for SQLite */
    TT_TREE_SYSTEM,  /* what the C library reads to resolve names and find the time */
    TT_TREE_CA,      /* certificates of authorities */
    TT_TREE_KEYS,    /* folders of the cloud's credentials, and the files that name them */
    TT_TREE_COUNT
};

enum tt_access {
    TT_ACCESS_READ = 1 << 0,   /* reading files and listing folders */
    TT_ACCESS_CHANGE = 1 << 1, /* writing, making, linking and removing files below it as well */
};

struct tt_reach_row {
    const char *name;              /* "worker" */
    const char *description;       /* what the process does, for documents */
    unsigned calls;                /* enum tt_calls, or'ed; 0: no filter */
    bool has_paths;                /* Landlock allows what is in trees, and nothing else */
    unsigned trees[TT_TREE_COUNT]; /* enum tt_access, or'ed */
};

/* role is one of the table. */
const struct tt_reach_row *tt_reach_row(enum tt_role role);

/* Each tree's name and what is in it, for documents. */
struct tt_tree_row {
    const char *name;
    const char *meaning;
};
const struct tt_tree_row *tt_reach_tree(enum tt_tree tree);

/* One path of a tree. The string is the caller's and must outlive the struct. A path that is not
 * there is passed over. */
struct tt_reach_path {
    enum tt_tree tree;
    const char *path;
};

#define TT_REACH_PATHS_MAX 32

struct tt_reach {
    struct tt_reach_path paths[TT_REACH_PATHS_MAX];
    int path_count;
    int landlock_abi; /* 0: the kernel has none */
    bool has_filters;
    /* A filter is an array of struct sock_filter (linux/filter.h), NULL where the role has none.
     * All are compiled at the start, as that takes a millisecond; a process installs its own by one
     * call. */
    void *filters[TT_ROLE_COUNT];
    uint16_t filter_lengths[TT_ROLE_COUNT];
    char missing[256]; /* what the kernel lacks, in words; "" when it holds everything */
};

/* Finds out what this kernel can do and compiles the filters. *reach holds memory until
 * tt_reach_fini, and is inherited by every child. is_required makes a kernel without seccomp or
 * with a Landlock older than ABI 2 TT_ERR_CONFIG, with what is missing noted. Otherwise less is
 * held, and reach->missing says what. TT_ERR_NO_MEMORY, TT_ERR_SYSTEM. */
enum tt_err tt_reach_init(struct tt_reach *reach, bool is_required);
void tt_reach_fini(struct tt_reach *reach);

/* Adds a path. TT_ERR_SYSTEM when there are too many. */
enum tt_err tt_reach_add(struct tt_reach *reach, enum tt_tree tree, const char *path);

/* This tells how much of a role's row the kernel at hand enforces. */
struct tt_reach_held {
    bool calls;   /* no system call outside of its groups */
    bool files;   /* no file outside of its trees */
    bool tcp;     /* no listening on TCP, and no connecting where the role has no network */
    bool signals; /* no signal to a process outside, and no abstract socket of one */
};
struct tt_reach_held tt_reach_held(const struct tt_reach *reach, enum tt_role role);

/* Holds this process, and its children, to the role's row for good: no_new_privs, Landlock, then
 * the filter. A call outside the filter fails with EPERM; a decoder's raises SIGSYS instead
 * (sigaction(2), si_syscall). Builds with a sanitizer have no filter for decoders and spawners.
 * TT_ROLE_DECODER is for processes that are in TT_ROLE_SPAWNER. TT_ERR_SYSTEM. */
enum tt_err tt_reach_enter(const struct tt_reach *reach, enum tt_role role);

#define TT_REACH_CALL_NAME_SIZE 32

/* Names a system call of this machine by its number; "unknown" where it has none of that number. */
void tt_reach_name_call(int number, char name[TT_REACH_CALL_NAME_SIZE]);

#endif
