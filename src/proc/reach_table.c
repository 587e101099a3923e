/* Reach table: process → what it may reach. Nothing is done here. */
#include "proc/reach_row.h"

static const struct tt_reach_row reach_table[TT_ROLE_COUNT] = {
    /* Whatever the master gives up, all that it forks has given up as well. Its files are not
     * limited, as a reload reads the configuration, fonts and pictures wherever they are by then,
     * and its own socket may lie anywhere. */
    [TT_ROLE_MASTER] =
        {
            .name = "master",
            .description = "holds the listening socket, starts, replaces and ends workers",
            .calls = TT_CALLS_COMPUTE | TT_CALLS_CODE | TT_CALLS_STREAM | TT_CALLS_FILES |
                     TT_CALLS_LOCAL | TT_CALLS_MESSAGES | TT_CALLS_CHILDREN | TT_CALLS_WAIT |
                     TT_CALLS_LIMITS | TT_CALLS_CONFINE | TT_CALLS_SIGNALS,
        },
    [TT_ROLE_WORKER] =
        {
            .name = "worker",
            .description = "reads one request at a time, stages and keeps files, answers",
            .calls = TT_CALLS_COMPUTE | TT_CALLS_STREAM | TT_CALLS_FILES | TT_CALLS_LOCAL |
                     TT_CALLS_MESSAGES | TT_CALLS_WAIT | TT_CALLS_SIGNALS,
            .has_paths = true,
            .trees = {[TT_TREE_STORAGE] = TT_ACCESS_READ | TT_ACCESS_CHANGE,
                      [TT_TREE_CHANCE] = TT_ACCESS_READ},
        },
    [TT_ROLE_SPAWNER] =
        {
            .name = "spawner",
            .description = "forks a decoder for each picture of its worker",
            .calls = TT_CALLS_COMPUTE | TT_CALLS_STREAM | TT_CALLS_MESSAGES | TT_CALLS_CHILDREN |
                     TT_CALLS_WAIT | TT_CALLS_LIMITS,
            .has_paths = true,
        },
    [TT_ROLE_DECODER] =
        {
            .name = "decoder",
            .description = "reads one stranger's picture and makes its results",
            .calls = TT_CALLS_COMPUTE | TT_CALLS_STREAM | TT_CALLS_LIMITS,
            .has_paths = true,
        },
    [TT_ROLE_AGENT] =
        {
            .name = "agent",
            .description = "carries images, items and events to the cloud, and holds its keys",
            .calls = TT_CALLS_COMPUTE | TT_CALLS_CODE | TT_CALLS_STREAM | TT_CALLS_FILES |
                     TT_CALLS_WATCH | TT_CALLS_LOCAL | TT_CALLS_MESSAGES | TT_CALLS_NETWORK |
                     TT_CALLS_THREADS | TT_CALLS_SIGNALS,
            .has_paths = true,
            .trees = {[TT_TREE_STORAGE] = TT_ACCESS_READ | TT_ACCESS_CHANGE,
                      [TT_TREE_CHANCE] = TT_ACCESS_READ,
                      [TT_TREE_SYSTEM] = TT_ACCESS_READ,
                      [TT_TREE_CA] = TT_ACCESS_READ,
                      [TT_TREE_KEYS] = TT_ACCESS_READ},
        },
    [TT_ROLE_COMMAND] =
        {
            .name = "command",
            .description = "shows an operator what is kept, and has it tried again",
            .calls = TT_CALLS_COMPUTE | TT_CALLS_STREAM | TT_CALLS_FILES | TT_CALLS_SIGNALS,
            .has_paths = true,
            .trees = {[TT_TREE_STORAGE] = TT_ACCESS_READ | TT_ACCESS_CHANGE,
                      [TT_TREE_CHANCE] = TT_ACCESS_READ},
        },
};

static const struct tt_tree_row trees[TT_TREE_COUNT] = {
    [TT_TREE_STORAGE] = {"storage", "storage.dir: journal, spool, locks and the agent's socket"},
    [TT_TREE_CHANCE] = {"chance", "the system's source of random numbers"},
    [TT_TREE_SYSTEM] = {"system", "what the C library reads to resolve names and to find the time"},
    [TT_TREE_CA] = {"certificates", "certificates of authorities to trust"},
    [TT_TREE_KEYS] = {"keys", "folders of the cloud's keys, tokens and profiles"},
};

const struct tt_tree_row *tt_reach_tree(enum tt_tree tree) {
    return &trees[tree];
}

const struct tt_reach_row *tt_reach_row(enum tt_role role) {
    return &reach_table[role];
}
