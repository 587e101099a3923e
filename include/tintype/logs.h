/* CloudWatch Logs: its calls, as signed requests (CloudWatch Logs API Reference, protocol
 * application/x-amz-json-1.1). Bodies live in the arena. */
#ifndef TINTYPE_LOGS_H
#define TINTYPE_LOGS_H

#include <stdint.h>

#include "tintype/aws.h"

/* The bounds of PutLogEvents (CloudWatch Logs API Reference, PutLogEvents). */
#define TT_LOGS_BATCH_MAX_EVENTS  10000
#define TT_LOGS_BATCH_MAX_BYTES   1048576
#define TT_LOGS_EVENT_EXTRA_BYTES 26 /* counted beside each message */
#define TT_LOGS_EVENT_MAX_BYTES   262144
#define TT_LOGS_BATCH_MAX_SPAN_MS (INT64_C(24) * 3600 * 1000)
#define TT_LOGS_EVENT_MAX_AGE_MS  (INT64_C(14) * 24 * 3600 * 1000)

struct tt_logs_event {
    int64_t time_ms;
    const char *message; /* UTF-8, not empty */
};

/* How many of events[0..count), which are sorted by time, make one batch within the bounds above,
 * counted from the first: at least 1, unless count is 0. Pure. */
size_t tt_logs_batch_length(const struct tt_logs_event *events, size_t count);

/* PutLogEvents of events that are sorted by time and within one batch. This and the two below:
 * TT_ERR_NO_MEMORY, TT_ERR_INTERNAL. */
enum tt_err tt_logs_put_events(struct tt_http_request *request, struct tt_arena *arena,
                               const struct tt_aws_signer *signer, const char *group,
                               const char *stream, const struct tt_logs_event *events,
                               size_t count);
/* A group or stream that is there already is answered with ResourceAlreadyExistsException, which
 * tt_aws_answer_judge takes for success. */
enum tt_err tt_logs_create_group(struct tt_http_request *request, struct tt_arena *arena,
                                 const struct tt_aws_signer *signer, const char *group);
enum tt_err tt_logs_create_stream(struct tt_http_request *request, struct tt_arena *arena,
                                  const struct tt_aws_signer *signer, const char *group,
                                  const char *stream);

/* How many of count events a PutLogEvents that succeeded has refused, as too old, expired or too
 * new (rejectedLogEventsInfo). */
size_t tt_logs_rejected(const struct tt_http_answer *answer, size_t count);

#endif
