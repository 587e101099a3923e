/* Range: reads conditional requests and byte ranges. The sections named are those of RFC 9110. */
#include "web/range.h"

#include <string.h>

#include "tintype/clock.h"
#include "tintype/text.h"

/* Entity tags hold no quotes, so finding the quoted text is finding the tag. The comparison is weak
 * (section 13.1.2): "W/" before it does not matter. */
static bool lists_etag(const char *list, const char *etag) {
    return strcmp(list + strspn(list, " \t"), "*") == 0 || strstr(list, etag) != NULL;
}

bool tt_range_not_modified(const struct tt_request *request, const char *etag,
                           int64_t modified_ms) {
    const char *none_match = tt_request_param(request, "HTTP_IF_NONE_MATCH");
    const char *since = tt_request_param(request, "HTTP_IF_MODIFIED_SINCE");
    if (none_match)
        return lists_etag(none_match, etag);
    int64_t since_ms;
    return since && tt_clock_parse_http(since, &since_ms) &&
           since_ms >= modified_ms - modified_ms % 1000;
}

/* Tells whether a Range may be honoured: without an If-Range, or with one that names this very
 * file. */
static bool range_applies(const struct tt_request *request, const char *etag, int64_t modified_ms) {
    const char *if_range = tt_request_param(request, "HTTP_IF_RANGE");
    int64_t time_ms;
    if (!if_range)
        return true;
    if (tt_clock_parse_http(if_range, &time_ms))
        return time_ms == modified_ms - modified_ms % 1000;
    return strcmp(if_range, etag) == 0;
}

/* Reads a number of digits alone from text[0..length); -1 for none or another character. */
static int64_t parse_position(const char *text, size_t length) {
    char digits[20];
    int64_t value;
    if (length == 0 || length >= sizeof digits)
        return -1;
    memcpy(digits, text, length);
    digits[length] = '\0';
    return tt_text_parse_int(digits, 0, INT64_MAX, &value) ? value : -1;
}

enum tt_err tt_range_parse(const struct tt_request *request, const char *etag, int64_t modified_ms,
                           int64_t size_bytes, struct tt_range *range) {
    *range = (struct tt_range){.length_bytes = size_bytes};
    const char *header = tt_request_param(request, "HTTP_RANGE");
    if (request->head_only || !header || strncasecmp(header, "bytes=", 6) != 0 ||
        strchr(header, ',') || !range_applies(request, etag, modified_ms))
        return TT_OK;
    const char *first_text = header + 6 + strspn(header + 6, " \t");
    const char *dash = strchr(first_text, '-');
    if (!dash)
        return TT_OK;
    size_t last_length = strcspn(dash + 1, " \t");
    int64_t first = parse_position(first_text, (size_t)(dash - first_text));
    int64_t last = parse_position(dash + 1, last_length);
    bool suffix = dash == first_text;
    bool open_ended = last_length == 0;
    if ((first < 0 && !suffix) || (last < 0 && !(open_ended && !suffix)) ||
        (!suffix && !open_ended && last < first))
        return TT_OK;
    if (suffix ? last == 0 || size_bytes == 0 : first >= size_bytes)
        return tt_err_refuse(TT_ERR_RANGE, "The file has %lld bytes.", (long long)size_bytes);
    if (suffix) {
        first = last < size_bytes ? size_bytes - last : 0;
        last = size_bytes - 1;
    } else if (open_ended || last >= size_bytes) {
        last = size_bytes - 1;
    }
    *range =
        (struct tt_range){.partial = true, .offset_bytes = first, .length_bytes = last - first + 1};
    return TT_OK;
}
