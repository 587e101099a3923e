/* Offer: GET /options, what the service takes and does by itself. */
#ifndef TINTYPE_WEB_OFFER_H
#define TINTYPE_WEB_OFFER_H

#include "web/request.h"

/* The handler; see routes.c. Asks neither journal nor spool. */
enum tt_err tt_offer_handle(struct tt_request *request);

#endif
