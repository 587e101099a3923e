/* Retrieve: the handlers of GET and DELETE of one image; see routes.c. */
#ifndef TINTYPE_WEB_RETRIEVE_H
#define TINTYPE_WEB_RETRIEVE_H

#include "web/request.h"

/* Answers with the image object, or its page for a browser. */
enum tt_err tt_retrieve_image(struct tt_request *request);
/* Answer with the bytes, whole or a range, with 304, or with 307 to where they are. */
enum tt_err tt_retrieve_processed(struct tt_request *request);
enum tt_err tt_retrieve_original(struct tt_request *request);
enum tt_err tt_retrieve_rendition(struct tt_request *request);
/* Deletes the image. The row goes first, then the files, so a crash between leaves files that the
 * sweep removes. What the cloud has is left to the agent, which the journal tells of it. */
enum tt_err tt_retrieve_delete(struct tt_request *request);

#endif
