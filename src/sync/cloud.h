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

/* Of the context only config is read here. It is borrowed, and outlives the cloud. NULL with
 * TT_ERR_CONFIG (as tt_cloud_check), TT_ERR_NO_MEMORY or TT_ERR_SYSTEM noted. */
struct tt_cloud *tt_cloud_new(struct tt_context *context);
/* Drops what is in flight without calling done, and wipes the keys. NULL is allowed. */
void tt_cloud_free(struct tt_cloud *cloud);

/* ---- what a service takes ---- */

/* Whether the configuration names a bucket, a table, a log group. */
bool tt_cloud_has(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Whether a request to the service may be started now: it is configured, takes requests, and has a
 * place in its window. */
bool tt_cloud_may_start(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Why the service is paused, or is being tried out after a pause; TT_OK when it is neither. */
enum tt_err tt_cloud_pause_reason(const struct tt_cloud *cloud, enum tt_aws_service service);
bool tt_cloud_is_paused(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Nothing is sent to the service before this time (Unix): it pauses, or asked to slow down. Not
 * after now_ms when it may be asked. */
int64_t tt_cloud_resumes_ms(const struct tt_cloud *cloud, enum tt_aws_service service);

/* Whatever waits for the clock is tried in the next turn. */
void tt_cloud_hurry(struct tt_cloud *cloud);

/* Keys are looked for anew before the next request. */
void tt_cloud_forget_keys(struct tt_cloud *cloud);

/* The time of this turn by the cloud's clock (Unix), where ours was found to be wrong by minutes.
 */
int64_t tt_cloud_now_ms(const struct tt_cloud *cloud);

/* ---- one request ---- */

/* outcome and answer are valid during the call alone. */
typedef void tt_cloud_done(void *context, const struct tt_aws_outcome *outcome,
                           const struct tt_http_answer *answer);

/* A request on its way. Part of the caller's struct, which must stay where it is until done was
 * called; zeroed before its first use. */
struct tt_cloud_exchange {
    bool in_flight;            /* set from tt_cloud_start until done is called */
    const char *forgiven_code; /* set by the caller: an answer that is no fault of the service's */

    /* All private. */
    struct tt_cloud *cloud;
    enum tt_aws_service service;
    int64_t signed_ms; /* by the cloud's clock as it was known then */
    int64_t skew_ms;   /* what was known of the clocks then */
    tt_cloud_done *done;
    void *context;
};

/* Keys and time to sign with, for use in this turn. TT_ERR_BUSY (nothing noted): keys are being
 * fetched, which brings another turn. TT_ERR_CLOUD_KEYS: none are to be had, and the service is
 * paused, of which the log says why; noted when they were looked for, which is not done again
 * before the pause is over, however many ask. */
enum tt_err tt_cloud_signer(struct tt_cloud *cloud, enum tt_aws_service service,
                            struct tt_aws_signer *signer);

/* Sends what was signed in this turn. Before done is called, now_ms has become the time of the
 * answer, and the outcome has been told to the service (its pause, its window, the log), a wrong
 * clock corrected for, refused keys forgotten. On failure done is never called.
 * TT_ERR_NO_MEMORY, TT_ERR_INTERNAL. */
enum tt_err tt_cloud_start(struct tt_cloud *cloud, enum tt_aws_service service,
                           struct tt_cloud_exchange *exchange,
                           const struct tt_http_request *request, tt_cloud_done *done,
                           void *context);

/* ---- for the loop ---- */

/* Requests started and not yet done, those for keys included. */
int tt_cloud_in_flight(const struct tt_cloud *cloud);

/* Waits as tt_http_run does, and calls done of what has ended. TT_ERR_SYSTEM. */
enum tt_err tt_cloud_run(struct tt_cloud *cloud, struct pollfd *fds, size_t fd_count,
                         int timeout_ms);

#endif
