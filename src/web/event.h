/* Event: what CloudWatch Logs is told of one upload: one JSON text, its numbers described in the
 * embedded metric format. It is durable in the journal until the agent has shipped it. */
#ifndef TINTYPE_WEB_EVENT_H
#define TINTYPE_WEB_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/buf.h"
#include "tintype/config.h"
#include "tintype/journal.h"

/* Room for one event, every text at its longest and escaped. */
#define TT_EVENT_MAX_BYTES 16384

enum tt_event_stage { TT_EVENT_READ, TT_EVENT_RENDER, TT_EVENT_KEEP };
#define TT_EVENT_STAGE_COUNT 3

struct tt_event {
    const char *node;
    const char *request_id;
    const char *filename; /* "" when it is not known */
    enum tt_err err;      /* TT_OK, or a code that answers requests */
    int status;           /* HTTP */
    const char *detail;   /* of a failure: the client's sentence, UTF-8 */
    /* Of a failure, the row as far as it was filled, with its files at least begun; a hash that was
     * not finished is not shown. */
    const struct tt_journal_row *row;
    int64_t stage_ms[TT_EVENT_STAGE_COUNT]; /* -1: not reached */
    int64_t total_ms;
    int64_t time_ms; /* Unix */
};

/* Appends the event. False when there was no memory for it, or a text is not UTF-8; nothing is
 * noted. */
bool tt_event_append(struct tt_buf *text, const struct tt_event *event);

#endif
