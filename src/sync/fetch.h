/* Fetch: one file of an image, out of S3 back into the spool. */
#ifndef TINTYPE_SYNC_FETCH_H
#define TINTYPE_SYNC_FETCH_H

#include "sync/cloud.h"
#include "tintype/s3.h"

struct tt_fetch;

/* A fetch is over, and free for another. sentence: why it failed, in one line, without secrets. */
typedef void tt_fetch_done(void *context, const struct tt_fetch *fetch, enum tt_err err,
                           const char *sentence);

struct tt_fetch {
    bool in_use;
    struct tt_journal_row row;
    int number; /* of the row's file */

    /* All private. */
    struct tt_context *context;
    struct tt_cloud *cloud;
    struct tt_cloud_exchange exchange; /* idle while the fetch waits for keys or for S3 */
    struct tt_staged staged;
    struct tt_arena arena;
    int64_t give_up_ms; /* while it waits */
    tt_fetch_done *done;
    void *done_context;
};

/* It stays where it is until fini. */
void tt_fetch_init(struct tt_fetch *fetch, struct tt_context *context, struct tt_cloud *cloud,
                   tt_fetch_done *done, void *done_context);
/* What is under way is dropped, without done. */
void tt_fetch_fini(struct tt_fetch *fetch);

/* Of one that is not in use. done is called once, perhaps from here. */
void tt_fetch_start(struct tt_fetch *fetch, const struct tt_journal_row *row, int number);
/* Of one in use: sends what still waits, and asks (tt_context_wake) for the turn it needs next. */
void tt_fetch_turn(struct tt_fetch *fetch);

/* The object of one of a row's files; key is where its name is put. */
struct tt_s3_object tt_fetch_object(const struct tt_config *config,
                                    const struct tt_journal_row *row, int number,
                                    char key[TT_SPOOL_OBJECT_KEY_SIZE]);

#endif
