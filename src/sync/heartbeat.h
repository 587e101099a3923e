/* Heartbeat: the minute's event with the backlog's metrics, in CloudWatch's embedded metric format.
 * Pure. */
#ifndef TINTYPE_SYNC_HEARTBEAT_H
#define TINTYPE_SYNC_HEARTBEAT_H

#include <stdint.h>

#include "tintype/buf.h"
#include "tintype/journal_sync.h"

#define TT_HEARTBEAT_MAX_BYTES 4096

/* Appends one JSON text: below TT_HEARTBEAT_MAX_BYTES with a node of up to 255 bytes, whose bytes
 * beyond UTF-8 and control characters become '?'. now_ms is this machine's time, time_ms the
 * cloud's: the event's own. */
void tt_heartbeat_format(struct tt_buf *text, const char *node,
                         const struct tt_journal_backlog *backlog, int64_t now_ms, int64_t time_ms);

#endif
