/* Range: conditional requests and byte ranges (RFC 9110, sections 13 and 14), read from a request.
 */
#ifndef TINTYPE_WEB_RANGE_H
#define TINTYPE_WEB_RANGE_H

#include "web/request.h"

struct tt_range {
    bool partial; /* false: the whole, as no usable Range was sent */
    int64_t offset_bytes;
    int64_t length_bytes;
};

/* Tells whether If-None-Match names etag (or "*"), or, without one, whether If-Modified-Since is
 * not before the second of modified_ms. etag is a strong one, quotes included. */
bool tt_range_not_modified(const struct tt_request *request, const char *etag, int64_t modified_ms);

/* Reads the one range of a file of size_bytes that is asked for. Several ranges, other units,
 * malformed ones, an If-Range that does not hold and the method HEAD give the whole, as section
 * 14.2 allows or asks. TT_ERR_RANGE when it lies beyond the end. */
enum tt_err tt_range_parse(const struct tt_request *request, const char *etag, int64_t modified_ms,
                           int64_t size_bytes, struct tt_range *range);

#endif
