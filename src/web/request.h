/* Request: what a client asked, read once from the CGI variables into plain fields, and the answer
 * being made. Everything a handler needs hangs on it; nothing here does the work. */
#ifndef TINTYPE_WEB_REQUEST_H
#define TINTYPE_WEB_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/buf.h"
#include "tintype/config.h"
#include "tintype/journal.h"
#include "tintype/spool.h"
#include "tintype/stats.h"
#include "tintype/uuid.h"
#include "web/fcgi.h"
#include "web/renderer.h"

#define TT_WORKER_PIECE_BYTES 65536

/* What one worker holds open from its start to its end. */
struct tt_worker {
    const struct tt_config *config;
    struct tt_stats *stats;
    struct tt_place place;      /* where it waits or decodes */
    const struct tt_post *post; /* NULL where there is no master */
    struct tt_renderer renderer;
    struct tt_spool spool;
    struct tt_journal *journal;
    struct tt_fcgi *fcgi;
    struct tt_arena arena; /* reset after each request */
    char node[TT_CONFIG_NODE_SIZE];
    uint8_t *piece;    /* TT_WORKER_PIECE_BYTES, for bytes on their way through */
    uint8_t *gathered; /* TT_INTAKE_GATHER_BYTES, for the intake of an upload */
};

enum tt_method {
    TT_METHOD_GET,
    TT_METHOD_POST,
    TT_METHOD_DELETE,
    TT_METHOD_OPTIONS,
    TT_METHOD_OTHER
};
#define TT_METHOD_HANDLED 3 /* GET, POST and DELETE have handlers; HEAD is GET without its body */

#define TT_REQUEST_SEGMENTS 4

struct tt_request {
    struct tt_worker *worker;
    char request_id[TT_UUID_SIZE];
    const char *method_name; /* as sent */
    enum tt_method method;   /* HEAD counts as GET */
    bool head_only;
    const char *target; /* REQUEST_URI as sent, for the log */
    bool below_base;    /* the path lies below server.base_path */
    /* The path, below base_path where it lies there, cut at '/', each part percent-decoded. */
    const char *segments[TT_REQUEST_SEGMENTS];
    int segment_count;  /* TT_REQUEST_SEGMENTS + 1 when there are more */
    const char *query;  /* raw; "" when none */
    uint64_t client;    /* whoever is meant by the address: tt_auth_client */
    const char *scheme; /* "http" or "https" where it is known, else NULL: tt_auth_scheme */
    bool wants_html;    /* a browser's form or address bar, not a program */
    const char *id;     /* the {id} of the route, checked; NULL where it has none */
    const char *name;   /* its {name}, as it came; likewise */
    /* The answer. */
    struct tt_buf headers; /* CGI header lines */
    int status;            /* 0 until the head is out */
    int64_t started_ms;    /* monotonic */
    enum tt_err err;       /* what the work ended with; TT_OK before that */
    struct tt_err_note note;
};

/* Reads the request at hand from worker->fcgi. The request is usable, for a reply at least,
 * whatever comes back: TT_ERR_MALFORMED, TT_ERR_NOT_FOUND (a path that cannot be decoded),
 * TT_ERR_NO_MEMORY. */
enum tt_err tt_request_init(struct tt_request *request, struct tt_worker *worker);
void tt_request_fini(struct tt_request *request);

/* Ends the request's work with err, and takes the note of it into request->note, where the answer,
 * the log and the event of an upload find its texts; the detail is UTF-8 then. Of several calls the
 * first failure counts. A code that answers no request (a fork that failed, say) is the service's
 * own fault and becomes TT_ERR_INTERNAL. */
void tt_request_end(struct tt_request *request, enum tt_err err);

/* Returns a CGI variable ("HTTP_ACCEPT"); NULL when there is none. */
const char *tt_request_param(const struct tt_request *request, const char *name);

/* Tells the announced body length in bytes; -1 when none was announced. TT_ERR_MALFORMED. */
enum tt_err tt_request_body_length(const struct tt_request *request, int64_t *length_bytes);

#endif
