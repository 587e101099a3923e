/* JSON that the service says. What clients say is read in body_json.c. */
#ifndef TINTYPE_WEB_JSON_H
#define TINTYPE_WEB_JSON_H

#include <jansson.h>

#include "tintype/buf.h"
#include "tintype/err.h"

/* Appends value, compact, and ends its life. TT_ERR_NO_MEMORY, also for NULL, which is what
 * jansson's makers return without memory; whether the text fits is for the buffer to say. */
enum tt_err tt_json_append(struct tt_buf *text, json_t *value);

#endif
