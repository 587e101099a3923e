/* Cloud: one signed request of any part, and all that it needs: connections, credentials,
 * addresses, whether its service takes requests now, and what its answer means for the service as a
 * whole. What an answer means for an image or an event is the part's own. */
#ifndef TINTYPE_SYNC_CLOUD_H
#define TINTYPE_SYNC_CLOUD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/context.h"
#include "tintype/aws.h"

struct tt_cloud; /* heap */

/* Whether the configuration gives the agent something to do, and an address for each service that
 * it names. TT_ERR_CONFIG, noted. */
enum tt_err tt_cloud_check(const struct tt_config *config);

/* The context is borrowed, and outlives the cloud; only its config is read here. NULL with
 * TT_ERR_CONFIG (as tt_cloud_check), TT_ERR_NO_MEMORY or TT_ERR_SYSTEM noted. */
struct tt_cloud *tt_cloud_new(struct tt_context *context);
/* Drops what is in flight without calling done, and wipes the keys. Parts are freed after it, as
 * requests in flight borrow their buffers and files. NULL is allowed. */
void tt_cloud_free(struct tt_cloud *cloud);

/* ---- what a service takes ---- */

/* Whether the configuration names a bucket, a table, a log group. */
bool tt_cloud_has(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Whether a request to the service may be started now: it is configured, takes requests, and has a
 * place in its window. */
bool tt_cloud_may_start(const struct tt_cloud *cloud, enum tt_aws_service service);

/* The time (Unix) from which one may be started, as tt_service_next_ms says. */
int64_t tt_cloud_next_ms(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Why the service is paused, or is being tried out after a pause; TT_OK when it is neither. */
enum tt_err tt_cloud_pause_reason(const struct tt_cloud *cloud, enum tt_aws_service service);
bool tt_cloud_is_paused(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Nothing is sent to the service before this time (Unix), as it pauses or asked to slow down; a
 * time that is past means that it may be asked. */
int64_t tt_cloud_resumes_ms(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Whatever waits for the clock is tried in the next turn. */
void tt_cloud_hurry(struct tt_cloud *cloud);

/* The next request looks for keys anew. */
void tt_cloud_forget_keys(struct tt_cloud *cloud);

/* now_ms by the cloud's clock, which is our own unless that was found to be wrong by minutes. */
int64_t tt_cloud_now_ms(const struct tt_cloud *cloud);

/* ---- one request ---- */

/* outcome and answer are valid during the call alone. */
typedef void tt_cloud_done(void *context, const struct tt_aws_outcome *outcome,
                           const struct tt_http_answer *answer);

/* A request on its way. It is part of the caller's struct, must stay where it is until done was
 * called, and is zeroed before its first use. */
struct tt_cloud_exchange {
    bool in_flight;            /* set from tt_cloud_start until done is called */
    const char *forgiven_code; /* set by the caller: an answer that is no fault of the service's */

    /* All private. */
    struct tt_cloud *cloud;
    enum tt_aws_service service;
    int64_t number;    /* counts the requests to the service */
    int64_t signed_ms; /* by the cloud's clock as it was known then */
    int64_t skew_ms;   /* what was known of the clocks then */
    tt_cloud_done *done;
    void *context;
};

/* Gives keys and time to sign with, for use in this turn. TT_ERR_BUSY (nothing noted): keys are
 * being fetched, which brings another turn. TT_ERR_CLOUD_KEYS: none are to be had, the service is
 * paused, and the log has told why. They are not looked for again before the pause is over, however
 * many ask. The failure is noted for the caller for whom they were looked for, and for no other. */
enum tt_err tt_cloud_signer(struct tt_cloud *cloud, enum tt_aws_service service,
                            struct tt_aws_signer *signer);

/* Sends what was signed in this turn. When done is called now_ms is the time of the answer, the
 * service's pause and window and the log know of the outcome, a wrong clock was corrected for, and
 * refused keys were forgotten. On failure done is never called. TT_ERR_NO_MEMORY, TT_ERR_INTERNAL.
 */
enum tt_err tt_cloud_start(struct tt_cloud *cloud, enum tt_aws_service service,
                           struct tt_cloud_exchange *exchange,
                           const struct tt_http_request *request, tt_cloud_done *done,
                           void *context);

/* ---- for the loop ---- */

/* Counts requests that were started and are not done yet, those for keys among them. */
int tt_cloud_in_flight(const struct tt_cloud *cloud);

/* Waits as tt_http_run does, and calls done of what has ended. TT_ERR_SYSTEM. */
enum tt_err tt_cloud_run(struct tt_cloud *cloud, struct pollfd *fds, size_t fd_count,
                         int timeout_ms);

#endif
