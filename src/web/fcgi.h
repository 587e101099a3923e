/* FastCGI: the one adaptor to libfcgi. A connection carries one request and is then closed,
 * whatever the web server asks for: a kept connection would pin a worker to one client. */
#ifndef TINTYPE_WEB_FCGI_H
#define TINTYPE_WEB_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/board.h"
#include "tintype/err.h"

struct tt_fcgi; /* one worker's end: the listening socket and the request at hand */

struct tt_fcgi_plan {
    int listen_fd; /* O_NONBLOCK, borrowed; many processes may share it */
    /* After SIGTERM, connections that wait already are still taken for linger_ms. So are those that
     * come no later than latecomer_ms after the one before, for a process that has no other beside
     * it on the socket; 0 for a process that has. */
    int64_t linger_ms;
    int latecomer_ms;
    int64_t idle_ms;            /* a peer is given up that sends, or takes, nothing for as long */
    int64_t request_ms;         /* from the connection to the last byte of the body */
    const struct tt_post *post; /* where it tells what it does; it may be NULL */
};

/* Makes the adaptor of one worker; NULL with TT_ERR_SYSTEM noted. SIGTERM is blocked on entry and
 * stays so but for the wait in tt_fcgi_accept. The adaptor handles SIGRTMIN, by which its timer
 * ends a read. A process has one adaptor at a time. */
struct tt_fcgi *tt_fcgi_new(const struct tt_fcgi_plan *plan);
/* NULL is allowed. */
void tt_fcgi_free(struct tt_fcgi *fcgi);

/* Waits for the next request and reads its variables; *leave is set instead when SIGTERM asked this
 * process to go. One of many waiting processes is woken by a connection. A connection that brings
 * no request, or not in time, is closed, and the wait goes on. TT_ERR_SYSTEM when the socket is of
 * no use any more. */
enum tt_err tt_fcgi_accept(struct tt_fcgi *fcgi, bool *leave);

/* Returns a CGI variable of the request, valid until finish; NULL when the web server passed none.
 */
const char *tt_fcgi_param(struct tt_fcgi *fcgi, const char *name);

/* Reads the next bytes of the body; *got is less than size only at its end, and 0 from then on.
 * TT_ERR_BODY_INCOMPLETE when the web server ended it early, TT_ERR_REQUEST_TIMEOUT when nothing
 * came for idle_ms or request_ms are over; nothing can be read after either. */
enum tt_err tt_fcgi_read(struct tt_fcgi *fcgi, uint8_t *bytes, size_t size, size_t *got);

/* Appends to the answer (header lines first, as CGI has them). A failure (the client is gone, or
 * took nothing for idle_ms) is remembered, and later writes are dropped. */
void tt_fcgi_write(struct tt_fcgi *fcgi, const void *bytes, size_t length);

/* Ends the request and closes its connection, which takes at most idle_ms more for a peer that
 * does not. Returns false when the answer could not be handed over whole. */
bool tt_fcgi_finish(struct tt_fcgi *fcgi);

#endif
