/* List: GET /images, a page at a time. */
#ifndef TINTYPE_WEB_LIST_H
#define TINTYPE_WEB_LIST_H

#include "web/request.h"

/* The handler; see routes.c. */
enum tt_err tt_list_handle(struct tt_request *request);

#endif
