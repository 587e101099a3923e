/* Whose process a daemon is: src/main/user.c. The sources are included whole, as main is no part of
 * the library. A change of user cannot be taken back, so each case runs in a process of its own. */
#include "../../src/main/start.c"
#include "../../src/main/user.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#define NOBODY 65534 /* and its group, nogroup, on Debian */

static struct tt_config config;

static int make(void **state) {
    if (scratch_make(state) != 0)
        return -1;
    memset(&config, 0, sizeof config);
    snprintf(config.storage.dir, sizeof config.storage.dir, "%s/state", scratch);
    snprintf(config.server.listen, sizeof config.server.listen, "%.64s/run/socket", scratch);
    snprintf(config.server.user, sizeof config.server.user, "nobody");
    tt_err_take(TT_OK);
    return 0;
}

static bool has(const char *path, uid_t uid, gid_t gid, mode_t mode) {
    struct stat status;
    return stat(path, &status) == 0 && status.st_uid == uid && status.st_gid == gid &&
           (status.st_mode & 07777) == mode;
}

static int become_nobody(int daemon) {
    if (tt_user_become((enum tt_user_daemon)daemon, &config) != TT_OK)
        return 1;
    uid_t uids[3];
    gid_t gids[3];
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
        getresgid(&gids[0], &gids[1], &gids[2]) != 0)
        return 2;
    for (int i = 0; i < 3; i++)
        if (uids[i] != NOBODY || gids[i] != NOBODY)
            return 3;
    return setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 ? 4 : 0;
}

static void skip_for_others_than_root(void) {
    if (geteuid() != 0)
        skip();
}

static void root_becomes_the_user(void **state) {
    (void)state;
    skip_for_others_than_root();
    assert_int_equal(scratch_wait(scratch_fork(become_nobody, TT_USER_TINTYPED)), 0);
    assert_true(has(config.storage.dir, NOBODY, NOBODY, 02770));
    assert_true(has(scratch_path("run"), NOBODY, NOBODY, 0755));
}

static void the_agent_makes_the_storage_alone(void **state) {
    (void)state;
    skip_for_others_than_root();
    assert_int_equal(scratch_wait(scratch_fork(become_nobody, TT_USER_SYNC)), 0);
    assert_true(has(config.storage.dir, NOBODY, NOBODY, 02770));
    assert_int_equal(access(scratch_path("run"), F_OK), -1);
}

static int become_the_agents_user(int uid) {
    return tt_user_become(TT_USER_SYNC, &config) == TT_OK && geteuid() == (uid_t)uid ? 0 : 1;
}

/* The storage is tintyped's user's even where the agent makes it. */
static void the_agent_may_have_a_user_of_its_own(void **state) {
    (void)state;
    skip_for_others_than_root();
    snprintf(config.sync.user, sizeof config.sync.user, "www-data");
    const struct passwd *own = getpwnam("www-data");
    assert_non_null(own);
    assert_int_equal(scratch_wait(scratch_fork(become_the_agents_user, (int)own->pw_uid)), 0);
    assert_true(has(config.storage.dir, NOBODY, NOBODY, 02770));
}

static void what_exists_is_left_alone(void **state) {
    (void)state;
    skip_for_others_than_root();
    assert_int_equal(mkdir(config.storage.dir, 0700), 0);
    struct account nobody = {.name = "nobody", .uid = NOBODY, .gid = NOBODY};
    assert_int_equal(make_dirs(TT_USER_SYNC, &config, &nobody), TT_OK);
    assert_true(has(config.storage.dir, 0, 0, 0700));
}

/* Whoever owns the folder above could put a link in a new folder's place. */
static void a_link_is_not_given_away(void **state) {
    (void)state;
    char target[SCRATCH_PATH_SIZE];
    snprintf(target, sizeof target, "%s", scratch_path("target"));
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(symlink(target, config.storage.dir), 0);
    assert_int_equal(set_up_dir(config.storage.dir, 0777, (uid_t)-1, (gid_t)-1), TT_ERR_SYSTEM);
    tt_err_take(TT_ERR_SYSTEM);
    assert_true(has(target, geteuid(), getegid(), 0700));
}

static void check_refusal(const char *user, const char *words) {
    snprintf(config.server.user, sizeof config.server.user, "%s", user);
    assert_int_equal(tt_user_become(TT_USER_TINTYPED, &config), TT_ERR_CONFIG);
    assert_non_null(strstr(tt_err_take(TT_ERR_CONFIG).cause, words));
    assert_int_equal(access(config.storage.dir, F_OK), -1);
}

static void refusals(void **state) {
    (void)state;
    check_refusal("no-such-user", "there is no user \"no-such-user\"");
    check_refusal("root", "\"root\" is root");
    if (geteuid() == 0)
        check_refusal("", "started as root: set server.user");
    else
        check_refusal("daemon", "server.user is daemon");
}

static void the_check_looks_at_both_keys(void **state) {
    (void)state;
    assert_int_equal(tt_user_check(&config), TT_OK);
    snprintf(config.sync.user, sizeof config.sync.user, "no-such-user");
    assert_int_equal(tt_user_check(&config), TT_ERR_CONFIG);
    assert_non_null(strstr(tt_err_take(TT_ERR_CONFIG).cause, "sync.user"));
}

static int become_owner(int uid) {
    if (tt_user_become_owner(&config) != TT_OK)
        return 1;
    return geteuid() == (uid_t)uid && getuid() == (uid_t)uid ? 0 : 2;
}

static void the_operator_becomes_the_owner(void **state) {
    (void)state;
    int self = (int)geteuid();
    assert_int_equal(scratch_wait(scratch_fork(become_owner, self)), 0); /* where none is */
    assert_int_equal(mkdir(config.storage.dir, 0700), 0);
    assert_int_equal(scratch_wait(scratch_fork(become_owner, self)), 0);
    if (self == 0) {
        assert_int_equal(chown(config.storage.dir, 12345, 12345), 0);
        assert_int_equal(scratch_wait(scratch_fork(become_owner, 12345)), 0);
    }
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, make, scratch_remove)
    const struct CMUnitTest tests[] = {
        CASE(root_becomes_the_user),
        CASE(the_agent_makes_the_storage_alone),
        CASE(the_agent_may_have_a_user_of_its_own),
        CASE(what_exists_is_left_alone),
        CASE(a_link_is_not_given_away),
        CASE(refusals),
        CASE(the_check_looks_at_both_keys),
        CASE(the_operator_becomes_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
