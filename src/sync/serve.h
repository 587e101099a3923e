/* Serve: the agent's end of the socket where workers ask (tintype/ask.h). */
#ifndef TINTYPE_SYNC_SERVE_H
#define TINTYPE_SYNC_SERVE_H

#include <poll.h>
#include <stddef.h>

#include "sync/cloud.h"

#define TT_SERVE_CLIENTS_MAX 64 /* connections at once; more wait in the backlog */
#define TT_SERVE_FETCHES_MAX 8  /* objects fetched back at once; more are answered TT_ERR_BUSY */

struct tt_serve; /* heap */

/* Opens the socket. Both are borrowed, and outlive it. NULL with TT_ERR_NO_MEMORY or TT_ERR_SYSTEM
 * noted. */
struct tt_serve *tt_serve_new(struct tt_context *context, struct tt_cloud *cloud);
/* Closes every connection and removes the socket's name. To be called after tt_cloud_free. NULL is
 * allowed. */
void tt_serve_free(struct tt_serve *serve);
/* Fills fds with what to wait for, TT_SERVE_CLIENTS_MAX + 1 at most, and returns how many. */
size_t tt_serve_fds(const struct tt_serve *serve, struct pollfd *fds);
/* Whatever waits for the clock is tried in the next turn. */
void tt_serve_hurry(struct tt_serve *serve);
/* Takes new questions, answers what can be answered, starts fetches. */
void tt_serve_turn(struct tt_serve *serve);
/* Whether no fetch is under way. */
bool tt_serve_is_idle(const struct tt_serve *serve);

#endif
