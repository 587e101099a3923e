/* Upload: POST /images, from the request's body to the acknowledged image. */
#ifndef TINTYPE_WEB_UPLOAD_H
#define TINTYPE_WEB_UPLOAD_H

#include "web/request.h"

/* The handler; see routes.c. It ends the request itself, with any code of the table that answers a
 * request. */
enum tt_err tt_upload_handle(struct tt_request *request);

#endif
