/* An agent that ships the events of a journal, turn by turn. Include it first. */
#ifndef TINTYPE_TESTS_SYNC_SHIPPING_H
#define TINTYPE_TESTS_SYNC_SHIPPING_H

#include "sync/ship.h"

#include "sync_cloud.h"
#include "tintype/journal_event.h"

static struct tt_ship *ship;

static inline int setup(void **state) {
    if (open_journal(state) != 0)
        return -1;
    make_agent(IN_FLIGHT);
    agent.once = true; /* no heartbeat and no waiting, unless a test is about these */
    ship = tt_ship_new(&agent, cloud);
    return ship ? 0 : -1;
}

static inline int teardown(void **state) {
    tt_cloud_free(cloud);
    tt_ship_free(ship);
    free_agent();
    return close_journal(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static inline void add_event(int64_t time_ms, const char *message) {
    const struct tt_journal_note note = {time_ms, message};

    assert_int_equal(tt_journal_note_failure(journal, &note), TT_OK);
}

static inline void turn(void) {
    agent.woken_ms = TT_NEVER_MS;
    tt_ship_turn(ship);
    assert_string_equal(tt_err_cause(), "");
}

/* Turns until another request is sent. */
static inline void turn_until_sent(void) {
    int before = sent_count;

    for (int i = 0; i < 10 && sent_count == before; i++)
        turn();
    assert_int_equal(sent_count, before + 1);
}

/* The messages of the last request, which are a letter each, as "abc". */
static inline const char *letters(void) {
    static char found[64];
    size_t length = 0;
    const char *at = last_sent()->body;

    while ((at = strstr(at, "\"message\":\"")) && length + 1 < sizeof found) {
        at += strlen("\"message\":\"");
        found[length++] = *at;
    }
    found[length] = '\0';
    assert_string_equal(last_sent()->target, "PutLogEvents");
    return found;
}

static inline int64_t waiting(void) {
    return ask("SELECT count(*) FROM event");
}

/* Lets the agent send heartbeats, and answers the first. */
static inline void begin_after_heartbeat(void) {
    agent.once = false;
    turn_until_sent();
    answer_ok("{}");
}

#endif
