/* Retrieve: GET and DELETE of one image: its object, its bytes, its end. Handlers; see routes.c. */
#ifndef TINTYPE_WEB_RETRIEVE_H
#define TINTYPE_WEB_RETRIEVE_H

#include "web/request.h"

/* The image object, or its page for a browser. */
enum tt_err tt_retrieve_image(struct tt_request *request);
/* The bytes, whole or a range, 304, or 307 to where they are. */
enum tt_err tt_retrieve_processed(struct tt_request *request);
enum tt_err tt_retrieve_original(struct tt_request *request);
enum tt_err tt_retrieve_rendition(struct tt_request *request);
/* The row goes first, then the files: a crash between leaves files that the sweep removes. What the
 * cloud has is left to the agent, which the journal tells of it. */
enum tt_err tt_retrieve_delete(struct tt_request *request);

#endif
