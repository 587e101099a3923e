/* The journal says which files may go; here they go, when their time has come. */
#include "sync/evict.h"

#include <stdlib.h>

#include "tintype/log.h"

#define ROWS_MAX 100  /* a turn lets go of no more */
#define LOOK_MS  1000 /* from a look that found fewer rows to the next */
#define REST_MS  5000 /* from a failure of the journal to the next look */

/* Files stay at least this long, whatever keep_local_seconds says, so that a file that was fetched
 * back is still there when its asker opens it. */
#define KEEP_MIN_MS 2000

void tt_evict_init(struct tt_evict *evict, struct tt_context *context,
                   const struct tt_cloud *cloud) {
    *evict = (struct tt_evict){.context = context, .cloud = cloud};
}

void tt_evict_hurry(struct tt_evict *evict) {
    evict->look_at_ms = 0;
}

static enum tt_err let_go(struct tt_context *context, int64_t keep_ms, int *count) {
    struct tt_journal_row *rows = calloc(ROWS_MAX, sizeof *rows);
    *count = 0;
    if (!rows)
        return tt_err_fail(TT_ERR_NO_MEMORY, "evict: no memory for rows");
    enum tt_err err =
        tt_journal_evict(context->journal, context->now_ms - keep_ms, ROWS_MAX, rows, count);
    for (int i = 0; err == TT_OK && i < *count; i++)
        if (tt_journal_row_remove_files(&rows[i], &context->spool) != TT_OK) {
            const struct tt_err_note note = tt_err_take(TT_ERR_STORAGE);
            tt_log(TT_LOG_WARNING, "files of evicted %s are left to the sweep: %s", rows[i].id,
                   note.cause);
        }
    free(rows);
    if (*count > 0)
        tt_log(TT_LOG_DEBUG, "%d images are now in the cloud alone", *count);
    return err;
}

/* Finds out when the next files are due; *next_ms is TT_NEVER_MS when there are none to go. */
static enum tt_err find_next(const struct tt_evict *evict, int64_t keep_ms, int64_t *next_ms) {
    struct tt_journal_backlog backlog;
    enum tt_err err = tt_journal_backlog(evict->context->journal,
                                         tt_cloud_has(evict->cloud, TT_AWS_DYNAMODB), &backlog);
    *next_ms = backlog.local_since_ms > 0 ? backlog.local_since_ms + keep_ms : TT_NEVER_MS;
    return err;
}

static enum tt_err look(struct tt_evict *evict, int64_t keep_ms, int64_t *next_ms) {
    int count;
    enum tt_err err = let_go(evict->context, keep_ms, &count);
    if (err != TT_OK)
        return err;
    if (count < ROWS_MAX)
        return find_next(evict, keep_ms, next_ms);
    evict->look_at_ms = *next_ms = evict->context->now_ms;
    return TT_OK;
}

void tt_evict_turn(struct tt_evict *evict) {
    struct tt_context *context = evict->context;
    int64_t keep_ms = context->config->storage.keep_local_seconds * 1000;
    int64_t next_ms;
    /* Without a bucket nobody could bring the files back. */
    if (context->stopping || keep_ms < 0 || !tt_cloud_has(evict->cloud, TT_AWS_S3))
        return;
    if (context->now_ms < evict->look_at_ms) {
        tt_context_wake(context, evict->look_at_ms);
        return;
    }
    evict->look_at_ms = context->now_ms + LOOK_MS;
    enum tt_err err = look(evict, keep_ms > KEEP_MIN_MS ? keep_ms : KEEP_MIN_MS, &next_ms);
    if (err != TT_OK) {
        const struct tt_err_note note = tt_err_take(err);
        tt_log(TT_LOG_ERROR, "files that the cloud has as well stay here: %s", note.cause);
        evict->look_at_ms = next_ms = context->now_ms + REST_MS;
    }
    tt_context_wake(context, next_ms > evict->look_at_ms ? next_ms : evict->look_at_ms);
}
