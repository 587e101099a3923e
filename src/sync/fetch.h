/* Fetch: one file of an image comes out of S3 back into the spool. */
#ifndef TINTYPE_SYNC_FETCH_H
#define TINTYPE_SYNC_FETCH_H

#include "sync/cloud.h"
#include "tintype/s3.h"

struct tt_fetch;

/* Tells that a fetch is over, and free for another; sentence says in one line without secrets why
 * it failed. */
typedef void tt_fetch_done(void *context, const struct tt_fetch *fetch, enum tt_err err,
                           const char *sentence);

struct tt_fetch {
    bool in_use;
    struct tt_journal_row row;
    int number; /* of the file in the row */

    /* All private. */
    struct tt_context *context;
    struct tt_cloud *cloud;
    struct tt_cloud_exchange exchange; /* idle while the fetch waits for keys or for S3 */
    struct tt_staged staged;
    struct tt_arena arena;
    int64_t give_up_ms; /* Unix: it waits no longer */
    tt_fetch_done *done;
    void *done_context;
};

/* The fetch stays where it is until fini; context and cloud are borrowed. */
void tt_fetch_init(struct tt_fetch *fetch, struct tt_context *context, struct tt_cloud *cloud,
                   tt_fetch_done *done, void *done_context);
/* Drops what is under way, without done. To be called after tt_cloud_free. */
void tt_fetch_fini(struct tt_fetch *fetch);

/* Begins a fetch that is not in use. done is called once, perhaps from here. */
void tt_fetch_start(struct tt_fetch *fetch, const struct tt_journal_row *row, int number);
/* Goes on with a fetch in use: sends what still waits, and asks (tt_context_wake) for the turn it
 * needs next. */
void tt_fetch_turn(struct tt_fetch *fetch);

/* The object of one of a row's files, whose name is written to key. */
struct tt_s3_object tt_fetch_object(const struct tt_config *config,
                                    const struct tt_journal_row *row, int number,
                                    char key[TT_SPOOL_OBJECT_KEY_SIZE]);

#endif
