/* Query: the pairs of a query string. */
#ifndef TINTYPE_WEB_QUERY_H
#define TINTYPE_WEB_QUERY_H

#include "tintype/arena.h"
#include "tintype/err.h"

/* Hands each "name=value" of query to take, in order, percent-decoded and with + for a space; a
 * pair without "=" has the value "". The texts are UTF-8, and live as long as the arena. A code
 * other than TT_OK from take ends the parse with it. TT_ERR_MALFORMED, TT_ERR_NO_MEMORY. */
enum tt_err tt_query_parse(const char *query, struct tt_arena *arena,
                           enum tt_err (*take)(void *context, const char *name, const char *value),
                           void *context);

#endif
