/* Reply: the answer's head and body, problem documents (RFC 9457), and nothing about what they
 * say. */
#ifndef TINTYPE_WEB_REPLY_H
#define TINTYPE_WEB_REPLY_H

#include <stdint.h>

#include "web/request.h"

#define TT_REPLY_HEADER_MAX_BYTES 20480 /* of one header's value, its NUL among them */

/* Adds a header line. Characters that would end the line are written as spaces. */
void tt_reply_header(struct tt_request *request, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends status, headers and a body (none for HEAD, but its length). media_type may be NULL where
 * length is 0. The request is answered then. */
void tt_reply_bytes(struct tt_request *request, int status, const char *media_type,
                    const void *bytes, size_t length);

/* Sends text in the same way. When text overflowed, nothing is sent: TT_ERR_INTERNAL. */
enum tt_err tt_reply_text(struct tt_request *request, int status, const char *media_type,
                          const struct tt_buf *text);

/* Sends length_bytes of a file from offset_bytes in the same way. A read that fails midway cuts the
 * answer short, which its Content-Length tells the client. */
void tt_reply_file(struct tt_request *request, int status, const char *media_type, int fd,
                   int64_t offset_bytes, int64_t length_bytes);

/* Sends the problem document of what the request ended with (tt_request_end), or the small HTML
 * page for whoever asked for one, with Retry-After where trying again can help. */
void tt_reply_problem(struct tt_request *request);

#endif
