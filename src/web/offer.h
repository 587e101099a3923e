/* Offer: GET /options, what the service takes and does by itself. */
#ifndef TINTYPE_WEB_OFFER_H
#define TINTYPE_WEB_OFFER_H

#include "tintype/buf.h"
#include "tintype/config.h"
#include "web/request.h"

/* Room for the offer, with as many presets and renditions as there can be. */
#define TT_OFFER_MAX_BYTES 4096

/* Appends what an upload may ask for, and what it gets when it asks for nothing; of configured
 * texts and files it tells only whether there are any. "defaults" has the options' own names, and
 * null for a side that is free. "watermark" tells whether there is one to switch on, and whether a
 * client's text is drawn. TT_ERR_NO_MEMORY. */
enum tt_err tt_offer_append(struct tt_buf *text, const struct tt_config *config);

/* The handler; see routes.c. It asks neither journal nor spool. */
enum tt_err tt_offer_handle(struct tt_request *request);

#endif
