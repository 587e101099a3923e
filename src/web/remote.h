/* Remote: bytes that are in the cloud, and not in the spool. Only tintype-sync has keys to them, so
 * it is asked for an address, or to bring them back. A file is named by its number in the row. */
#ifndef TINTYPE_WEB_REMOTE_H
#define TINTYPE_WEB_REMOTE_H

#include "web/request.h"

/* Answers with 307, to an address below delivery.cloudfront_url or to one that the agent signed.
 * The codes of tt_ask, TT_ERR_BUSY (no seat to wait in), TT_ERR_CLOUD_OBJECT (the cloud has lost
 * it), TT_ERR_NOT_FOUND (the row is gone meanwhile). */
enum tt_err tt_remote_redirect(struct tt_request *request, const struct tt_journal_row *row,
                               int number);

/* Has the agent bring the file back; the spool has it then, though perhaps not for long. The same
 * codes. */
enum tt_err tt_remote_fetch(struct tt_request *request, const struct tt_journal_row *row,
                            int number);

#endif
