/* The agent: what its parts share. One process, one thread, one loop (agent.c): each turn looks at
 * the clock, lets every part start what it may, waits for something to happen, and records what
 * came of it. Parts never wait themselves.
 *
 *   job.c       an image to S3 and DynamoDB, or its removal there; request.c what is sent for it
 *   check.c     the one look at bucket and table when the agent starts
 *   ship.c      events to CloudWatch Logs; heartbeat.c, the minute's own
 *   serve.c     what workers ask: presigned addresses, and, with fetch.c, objects back
 *   evict.c     local files that may go
 *   exchange.c  one signed request of any of them, and what its answer means for its service */
#ifndef TINTYPE_SYNC_AGENT_H
#define TINTYPE_SYNC_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/service.h"
#include "tintype/aws.h"
#include "tintype/config.h"
#include "tintype/journal_sync.h"
#include "tintype/spool.h"

#define TT_NEVER_MS INT64_MAX

struct tt_agent {
    const struct tt_config *config;
    struct tt_journal *journal;
    struct tt_spool spool;
    struct tt_http *http;
    struct tt_aws_credentials *credentials;
    bool has_service[TT_AWS_SERVICE_COUNT]; /* the configuration names a bucket, table, log group */
    struct tt_aws_endpoint endpoints[TT_AWS_SERVICE_COUNT]; /* of those */
    struct tt_service services[TT_AWS_SERVICE_COUNT];
    int64_t failures_told_ms[TT_AWS_SERVICE_COUNT]; /* Unix: the next warning not before this */
    char node[TT_CONFIG_NODE_SIZE];                 /* sync.node, or the host's name */
    int64_t now_ms;                                 /* Unix, of this turn */
    int64_t skew_ms;     /* the cloud's clock less ours, when they disagree by minutes; else 0 */
    int64_t woken_ms;    /* Unix: a part asks for another turn no later than this */
    int64_t evict_at_ms; /* evict.c's own: its next look; Unix */
    bool once;           /* drain what is due, then end */
    bool stopping;       /* finish what is in flight, start nothing */
};

/* A request on its way. Part of the caller's struct, which must stay where it is until done was
 * called; zeroed before its first use. */
struct tt_exchange {
    struct tt_agent *agent; /* NULL when idle */
    enum tt_aws_service service;
    int64_t signed_ms;
    int64_t skew_ms;           /* agent->skew_ms of then */
    const char *forgiven_code; /* set by the caller: an answer that is no fault of the service's */
    void (*done)(void *context, const struct tt_aws_outcome *outcome,
                 const struct tt_http_answer *answer);
    void *context;
};

/* Whether a request to the service may be started now: it is configured, not paused, and has a
 * place in its window. */
bool tt_exchange_may_start(const struct tt_agent *agent, enum tt_aws_service service);

/* Keys and time to sign with. TT_ERR_BUSY: keys are being fetched, try in a later turn.
 * TT_ERR_CLOUD_KEYS: none to be had; the service is paused, and the log says why. */
enum tt_err tt_exchange_signer(struct tt_agent *agent, enum tt_aws_service service,
                               struct tt_aws_signer *signer);

/* Sends what was signed just now. Before done is called, the outcome has been told to the service
 * (its pause, its window, the log), the clock's skew corrected, refused keys forgotten. On failure
 * done is never called, and the cause is noted. TT_ERR_NO_MEMORY, TT_ERR_INTERNAL. */
enum tt_err tt_exchange_start(struct tt_exchange *exchange, struct tt_agent *agent,
                              enum tt_aws_service service, const struct tt_http_request *request,
                              void (*done)(void *context, const struct tt_aws_outcome *outcome,
                                           const struct tt_http_answer *answer),
                              void *context);

/* 64 random bits, for back-off. */
uint64_t tt_agent_random(void);

/* Asks for another turn at that time (Unix) at the latest. */
void tt_agent_wake(struct tt_agent *agent, int64_t time_ms);

#endif
