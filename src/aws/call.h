/* Calls: what the services' files share beside tt_aws_call_sign of tintype/aws.h. */
#ifndef TINTYPE_AWS_CALL_H
#define TINTYPE_AWS_CALL_H

#include "tintype/aws.h"
#include "tintype/buf.h"

/* Signs and fills *request for one operation of a service that speaks JSON: POST, the operation's
 * name in X-Amz-Target. body is borrowed by *request; put it into the arena. TT_ERR_NO_MEMORY,
 * TT_ERR_INTERNAL. */
enum tt_err tt_aws_call_json(struct tt_http_request *request, struct tt_arena *arena,
                             const struct tt_aws_signer *signer, const char *content_type,
                             const char *target, const char *body, size_t body_bytes);

/* Appends a URL that carries its own signature, valid for expires_seconds. Of call, headers and
 * payload are not read: host alone is signed. TT_ERR_NO_MEMORY, TT_ERR_INTERNAL; then *url holds
 * nothing of use. */
enum tt_err tt_aws_call_presign(struct tt_buf *url, struct tt_arena *arena,
                                const struct tt_aws_signer *signer, const struct tt_aws_call *call,
                                int expires_seconds);

#endif
