/* tintype: the operator's command, on the machine that has the storage directory. It reads the
 * journal and the spool beside the daemons; the cloud is the agent's alone. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "main/confinement.h"
#include "main/start.h"
#include "main/user.h"
#include "tintype/clock.h"
#include "tintype/config.h"
#include "tintype/file.h"
#include "tintype/journal.h"
#include "tintype/log.h"
#include "tintype/spool.h"

#define PAGE_ROWS 200

/* What the commands work on. */
struct place {
    struct tt_config config;
    struct tt_reach reach;
    bool as_json; /* --json */
    struct tt_journal *journal;
    struct tt_spool spool;
};

struct command {
    const char *name;
    const char *takes; /* its argument, for the help */
    const char *help;
    int (*run)(struct place *place, char **arguments);
    int arguments; /* -1: any number above none; --json does not count */
    bool has_json; /* it takes --json */
    bool is_bare;  /* it needs no journal and no spool */
};

static int failed(enum tt_err err) {
    fprintf(stderr, "tintype: %s\n", tt_err_take(err).cause);
    return EXIT_FAILED;
}

/* ---- status ---- */

/* The agent holds its lock as long as it lives, so a lock that cannot be had says that it runs. */
static bool agent_runs(const struct tt_config *config) {
    char path[sizeof config->storage.dir + sizeof "/agent.lock"];
    snprintf(path, sizeof path, "%s/agent.lock", config->storage.dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    tt_file_close(&fd);
    return is_held;
}

/* One line of the status. */
struct fact {
    const char *key;  /* in JSON */
    const char *name; /* in text */
    const char *text; /* NULL for a number */
    int64_t number;
    const char *unit; /* behind the number in text */
};

static void print_fact(const struct place *place, const struct fact *fact, bool is_first) {
    if (place->as_json)
        printf("%s\"%s\":", is_first ? "{" : ",", fact->key);
    else
        printf("%s: ", fact->name);
    if (!fact->text)
        printf("%" PRId64 "%s", fact->number, place->as_json ? "" : fact->unit);
    else
        printf(place->as_json ? "\"%s\"" : "%s", fact->text);
    if (!place->as_json)
        putchar('\n');
}

static int show_status(struct place *place, char **arguments) {
    (void)arguments;
    bool has_table = place->config.dynamodb.table[0] != '\0';
    struct tt_journal_totals totals;
    struct tt_journal_backlog backlog;
    enum tt_err err = tt_journal_totals(place->journal, &totals);
    if (err == TT_OK)
        err = tt_journal_backlog(place->journal, has_table, &backlog);
    if (err != TT_OK)
        return failed(err);
    int64_t waits_s = 0;
    if (backlog.oldest_ms > 0)
        waits_s = (tt_clock_now_ms() - backlog.oldest_ms) / 1000;
    for (int state = 0; state < TT_SYNC_STATE_COUNT; state++) {
        const char *name = tt_sync_state_name((enum tt_sync_state)state);
        print_fact(place, &(struct fact){name, name, NULL, totals.rows[state], ""}, state == 0);
    }
    const struct fact facts[] = {
        {"keptBytes", "kept bytes", NULL, totals.bytes, ""},
        {"oldestWaitsSeconds", "oldest waits", NULL, waits_s > 0 ? waits_s : 0, " s"},
        {"removals", "removals", NULL, backlog.removals,
         backlog.removals < TT_JOURNAL_REMOVALS_MAX ? "" : " or more"},
        {"eventsWaiting", "events waiting", NULL, backlog.events, ""},
        {"eventsDropped", "events dropped", NULL, backlog.dropped, ""},
        {"agent", "agent", agent_runs(&place->config) ? "runs" : "does not run", 0, ""},
        {"notHeld", "not held",
         place->as_json || place->reach.missing[0] != '\0' ? place->reach.missing : "nothing", 0,
         ""},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        print_fact(place, &facts[i], false);
    if (place->as_json)
        puts("}");
    return EXIT_CLEAN;
}

/* ---- config ---- */

static int show_config(struct place *place, char **arguments) {
    if (strcmp(arguments[0], "--confinement") != 0) {
        fprintf(stderr, "tintype: config shows --confinement alone, not \"%s\"\n", arguments[0]);
        return EXIT_REFUSED;
    }
    tt_confinement_print(stdout, &place->reach, &place->config, place->as_json);
    return place->reach.missing[0] != '\0' ? EXIT_FAILED : EXIT_CLEAN;
}

/* ---- all rows, a page at a time ---- */

/* Calls take for each row (of one state, or of any state where state is NULL). Returns EXIT_FAILED
 * when one of the calls, or the list, failed. */
static int for_each_row(struct place *place, const enum tt_sync_state *state,
                        int (*take)(struct place *place, const struct tt_journal_row *row)) {
    static struct tt_journal_row rows[PAGE_ROWS];
    char after_id[TT_UUID_SIZE] = "";
    int status = EXIT_CLEAN;
    bool more = true;
    while (more) {
        const struct tt_journal_query query = {
            .limit = PAGE_ROWS,
            .ascending = true,
            .after_id = after_id[0] != '\0' ? after_id : NULL,
            .has_state = state != NULL,
            .state = state ? *state : TT_SYNC_OFF,
        };
        int count;
        enum tt_err err = tt_journal_list(place->journal, &query, rows, &count, &more);
        if (err != TT_OK)
            return failed(err);
        for (int i = 0; i < count; i++)
            if (take(place, &rows[i]) != EXIT_CLEAN)
                status = EXIT_FAILED;
        if (count > 0)
            memcpy(after_id, rows[count - 1].id, sizeof after_id);
    }
    return status;
}

static int print_row(struct place *place, const struct tt_journal_row *row) {
    (void)place;
    printf("%s\t%s\t%" PRId64 "\t%s\t%s\n", row->id, tt_sync_state_name(row->sync_state),
           row->attempts, row->filename, row->last_error);
    return EXIT_CLEAN;
}

static int list_rows(struct place *place, char **arguments) {
    enum tt_sync_state state;
    if (tt_sync_state_parse(arguments[0], &state))
        return for_each_row(place, &state, print_row);
    char states[64];
    tt_text_choice_list(tt_sync_states, states, sizeof states);
    fprintf(stderr, "tintype: \"%s\" is no sync state; one is %s\n", arguments[0], states);
    return EXIT_REFUSED;
}

/* ---- retry ---- */

static int retry_rows(struct place *place, char **arguments) {
    int status = EXIT_CLEAN;
    for (; *arguments; arguments++) {
        bool is_all = strcmp(*arguments, "dead") == 0;
        int64_t changed;
        enum tt_err err = tt_journal_retry(place->journal, is_all ? NULL : *arguments, &changed);
        if (err != TT_OK)
            return failed(err);
        if (changed > 0 || is_all) {
            printf("%s: %" PRId64 " to be tried again\n", *arguments, changed);
            continue;
        }
        fprintf(stderr, "tintype: %s: no such image, or not one that waits or is dead\n",
                *arguments);
        status = EXIT_FAILED;
    }
    return status;
}

/* ---- verify ---- */

/* False when the file is as it was acknowledged; else problem says what is wrong with it. */
static bool find_problem(struct place *place, const struct tt_journal_row *row, int number,
                         char problem[TT_ERR_NOTE_SIZE]) {
    const char *words = NULL;
    const struct tt_journal_file *file = &row->files[number];
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    uint8_t digest[TT_HASH_BYTES];
    int64_t size_bytes;
    int fd;
    enum tt_err err = tt_spool_read(&place->spool, &name, &fd, &size_bytes);
    if (err == TT_OK)
        err = tt_hash_file(fd, digest);
    tt_file_close(&fd);
    const struct tt_err_note note = tt_err_take(err);
    if (err == TT_ERR_NOT_FOUND)
        words = "is missing";
    else if (err != TT_OK)
        words = note.cause;
    else if (size_bytes != file->size_bytes || memcmp(digest, file->sha256, sizeof digest) != 0)
        words = "has other bytes than were acknowledged";
    if (words)
        snprintf(problem, TT_ERR_NOTE_SIZE, "%s", words);
    return words != NULL;
}

static int verify_file(struct place *place, const struct tt_journal_row *row, int number) {
    static const char *const kinds[] = {
        [TT_SPOOL_PROCESSED] = "processed",
        [TT_SPOOL_RENDITION] = "rendition ",
        [TT_SPOOL_ORIGINAL] = "original",
    };
    const struct tt_journal_file *file = &row->files[number];
    struct tt_journal_row now;
    char problem[TT_ERR_NOTE_SIZE];
    if (!tt_journal_row_is_local(row, number) || !find_problem(place, row, number, problem))
        return EXIT_CLEAN;
    /* A deletion or an eviction may have taken the file since the row was read. */
    enum tt_err err = tt_journal_find(place->journal, row->id, &now);
    if (err == TT_ERR_NOT_FOUND || (err == TT_OK && !tt_journal_row_is_local(&now, number)))
        return EXIT_CLEAN;
    if (err != TT_OK)
        return failed(err);
    printf("%s\t%s%s %s\n", row->id, kinds[file->kind], file->name, problem);
    return EXIT_FAILED;
}

static int verify_row(struct place *place, const struct tt_journal_row *row) {
    int status = EXIT_CLEAN;
    for (int i = 0; i < row->file_count; i++)
        if (verify_file(place, row, i) != EXIT_CLEAN)
            status = EXIT_FAILED;
    return status;
}

static int verify_rows(struct place *place, char **arguments) {
    (void)arguments;
    return for_each_row(place, NULL, verify_row);
}

/* ---- arguments ---- */

static const struct command commands[] = {
    {"status", " [--json]",
     "what is kept, waits and is dead, whether the agent runs, what is not held", show_status, 0,
     true, false},
    {"list", " STATE", "images of a sync state: id, state, attempts, filename, last error",
     list_rows, 1, false, false},
    {"retry", " ID... | dead", "have the agent try them again at once, dead ones too", retry_rows,
     -1, false, false},
    {"verify", "", "compare every file kept here with the journal's SHA-256", verify_rows, 0, false,
     false},
    {"config", " --confinement [--json]",
     "what each process may reach, and what this kernel holds of it", show_config, 1, true, true},
};

static void print_usage(FILE *out) {
    fputs("tintype " TT_VERSION " - looks after a tintype service, on its machine\n"
          "\n"
          "usage: tintype [-c FILE] COMMAND\n"
          "  -c, --config FILE   the services' configuration\n"
          "                      (else $TINTYPE_CONFIG, else " TT_START_CONFIG_FILE
          " if it is there)\n"
          "  -h, --help          this text\n"
          "  -V, --version       print the version\n"
          "\n"
          "commands:\n",
          out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %s%-*s %s\n", commands[i].name, (int)(30 - strlen(commands[i].name)),
                commands[i].takes, commands[i].help);
    fputs(
        "\nexit status: 0 done, 1 failed or found something wrong, 2 bad usage or configuration\n",
        out);
}

static const struct command *find_name(const char *name) {
    for (size_t i = 0; name && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

/* Takes a last --json away from the arguments, which end with NULL. NULL where there is no such
 * command, or not with as many arguments. */
static const struct command *find_command(int count, char **arguments, bool *as_json) {
    const struct command *command = find_name(arguments[0]);
    *as_json = command && command->has_json && strcmp(arguments[count - 1], "--json") == 0;
    if (*as_json)
        arguments[--count] = NULL;
    if (!command || (command->arguments >= 0 ? command->arguments != count - 1 : count < 2))
        return NULL;
    return command;
}

/* The journal is not made here: where there is none, storage.dir is wrong. */
static enum tt_err open_place(struct place *place) {
    char path[sizeof place->config.storage.dir + sizeof "/journal.db"];
    struct stat status;
    snprintf(path, sizeof path, "%s/journal.db", place->config.storage.dir);
    if (stat(path, &status) != 0)
        return tt_err_fail_errno(TT_ERR_JOURNAL, "%s", path);
    enum tt_err err = tt_journal_open(&place->journal, place->config.storage.dir);
    return err != TT_OK ? err : tt_spool_open(&place->spool, place->config.storage.dir);
}

/* What the services would refuse to start for is told here, so nothing is required. */
static enum tt_err enter_role(struct place *place) {
    enum tt_err err = tt_start_find_reach(&place->reach, &place->config, false);
    if (err == TT_OK)
        err = tt_start_add_agent_paths(&place->reach, &place->config);
    return err == TT_OK ? tt_reach_enter(&place->reach, TT_ROLE_COMMAND) : err;
}

int main(int argc, char **argv) {
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    static struct place place = {.spool = TT_SPOOL_CLOSED};
    if (tt_start_tidy_fds(false) != TT_OK)
        return EXIT_FAILED;
    tt_start_forget_credentials();
    const char *path = tt_start_find_config();
    /* The plus makes getopt_long stop at the command, whose arguments are its own. */
    for (int option; (option = getopt_long(argc, argv, "+c:hV", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c': path = optarg; break;
        case 'h': print_usage(stdout); return EXIT_CLEAN;
        case 'V': puts("tintype " TT_VERSION); return EXIT_CLEAN;
        default: fputs("try: tintype -h\n", stderr); return EXIT_REFUSED;
        }
    }
    const struct command *command = find_command(argc - optind, argv + optind, &place.as_json);
    if (!command) {
        if (optind < argc)
            fprintf(stderr, "tintype: \"%s\" is no command, or takes other arguments\n\n",
                    argv[optind]);
        print_usage(stderr);
        return EXIT_REFUSED;
    }
    if (tt_config_load(&place.config, path, stderr) != TT_OK)
        return EXIT_REFUSED;
    tt_log_open("tintype", TT_LOG_WARNING);
    umask(0007);
    enum tt_err err = command->is_bare ? TT_OK : tt_user_become_owner(&place.config);
    if (err == TT_OK)
        err = enter_role(&place);
    if (err == TT_OK && !command->is_bare)
        err = open_place(&place);
    int status = err == TT_OK ? command->run(&place, argv + optind + 1) : failed(err);
    tt_journal_close(place.journal);
    tt_spool_close(&place.spool);
    tt_reach_fini(&place.reach);
    return status;
}
