/* Routes: from a request to its handler, through one table. */
#ifndef TINTYPE_WEB_ROUTES_H
#define TINTYPE_WEB_ROUTES_H

#include "web/request.h"

/* Answers the request and ends it (tt_request_end): by its handler, or with what stands against it
 * (404, 405, 403). Every request is answered, the failures as problem documents. */
void tt_routes_answer(struct tt_request *request);

#endif
