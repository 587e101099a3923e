/* Heartbeat: the minute's event with the backlog's metrics, in CloudWatch's embedded metric format.
 * Pure. */
#ifndef TINTYPE_SYNC_HEARTBEAT_H
#define TINTYPE_SYNC_HEARTBEAT_H

#include <stdint.h>

#include "tintype/buf.h"
#include "tintype/journal_sync.h"

#define TT_HEARTBEAT_MAX_BYTES 4096

/* Appends one JSON text, which has fewer than TT_HEARTBEAT_MAX_BYTES with a node of up to 255
 * bytes. A node that is no UTF-8 is read as Latin-1. now_ms is this machine's time, and time_ms the
 * event's own, which is the cloud's. */
void tt_heartbeat_format(struct tt_buf *text, const char *node,
                         const struct tt_journal_backlog *backlog, int64_t now_ms, int64_t time_ms);

#endif
