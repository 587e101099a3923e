/* tintype-sync: the daemon that carries images, items and events to the cloud. Arguments,
 * configuration and the start are here; the work is in src/sync. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "main/start.h"
#include "main/user.h"
#include "tintype/log.h"
#include "tintype/sync.h"

static void print_usage(FILE *out) {
    fputs("tintype-sync " TT_VERSION " - carries tintype's images to S3, DynamoDB and CloudWatch\n"
          "\n"
          "usage: tintype-sync [-c FILE] [-t] [--once]\n"
          "  -c, --config FILE   read the configuration from FILE\n"
          "                      (else $TINTYPE_CONFIG, else " TT_START_CONFIG_FILE
          " if it is there)\n"
          "  -t, --test          check the configuration and exit\n"
          "      --once          carry what is due, then exit\n"
          "  -h, --help          this text\n"
          "  -V, --version       print the version\n"
          "\n"
          "signals: TERM, INT finish the requests in flight and stop; HUP tries again at once\n"
          "         whatever pauses\n"
          "exit status: 0 stopped cleanly; with --once: all is in the cloud\n"
          "             1 failed; with --once: something is dead or left\n"
          "             2 bad usage or configuration\n"
          "\n"
          "The configuration is tintyped's (tintyped -h lists it). Credentials, regions and\n"
          "endpoints come from the AWS variables and files as well.\n",
          out);
}

static int run(const struct tt_config *config, const struct tt_reach *reach, bool once) {
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    tt_log_open("tintype-sync", (enum tt_log_level)config->log.level);
    tt_start_log_reach(reach);
    umask(0007);
    enum tt_err err = TT_OK;
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "sigaction");
    if (err == TT_OK)
        err = tt_start_make_storage_dir(config->storage.dir);
    if (err == TT_OK)
        err = tt_reach_enter(reach, TT_ROLE_AGENT);
    if (err == TT_OK)
        return tt_sync_run(config, once) == 0 ? EXIT_CLEAN : EXIT_FAILED;
    const struct tt_err_note note = tt_err_take(err);
    tt_log(TT_LOG_ERROR, "cannot start: %s", note.cause);
    return EXIT_FAILED;
}

int main(int argc, char **argv) {
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'}, {"test", no_argument, NULL, 't'},
        {"once", no_argument, NULL, 'o'},         {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
    };
    static struct tt_config config;
    static struct tt_reach reach;
    if (tt_start_tidy_fds(false) != TT_OK)
        return EXIT_FAILED;
    const char *path = tt_start_find_config();
    bool test_only = false;
    bool once = false;
    for (int option; (option = getopt_long(argc, argv, "c:thV", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c': path = optarg; break;
        case 't': test_only = true; break;
        case 'o': once = true; break;
        case 'h': print_usage(stdout); return EXIT_CLEAN;
        case 'V': puts("tintype-sync " TT_VERSION); return EXIT_CLEAN;
        default: fputs("try: tintype-sync -h\n", stderr); return EXIT_REFUSED;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "tintype-sync: what is \"%s\"? try: tintype-sync -h\n", argv[optind]);
        return EXIT_REFUSED;
    }
    if (tt_config_load(&config, path, stderr) != TT_OK)
        return EXIT_REFUSED;
    enum tt_err err = test_only ? tt_user_check(&config) : tt_user_become(TT_USER_SYNC, &config);
    bool is_refused = err == TT_ERR_CONFIG;
    if (err == TT_OK) {
        err = tt_sync_check(&config);
        is_refused = err != TT_OK;
    }
    if (err != TT_OK) {
        fprintf(stderr, "tintype-sync: %s\n", tt_err_take(err).cause);
        return is_refused ? EXIT_REFUSED : EXIT_FAILED;
    }
    err =
        tt_start_find_reach(&reach, &config, config.server.confinement == TT_CONFINEMENT_REQUIRED);
    if (err == TT_OK)
        err = tt_start_add_agent_paths(&reach, &config);
    if (err != TT_OK) {
        fprintf(stderr, "tintype-sync: server.confinement: %s\n", tt_err_take(err).cause);
        return EXIT_REFUSED;
    }
    int status = EXIT_CLEAN;
    if (test_only)
        puts("configuration ok");
    else
        status = run(&config, &reach, once);
    tt_reach_fini(&reach);
    return status;
}
