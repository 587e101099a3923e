/* PNG row filters: which one a row gets, and its bytes (PNG specification, 9 and 12.7). */
#ifndef TINTYPE_IMAGE_PNG_FILTER_H
#define TINTYPE_IMAGE_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum tt_png_filter {
    TT_PNG_FILTER_NONE,
    TT_PNG_FILTER_SUB,
    TT_PNG_FILTER_UP,
    TT_PNG_FILTER_AVERAGE,
    TT_PNG_FILTER_PAETH,
};

/* Returns the filter with the least sum of magnitudes, and of equals the first. row and above have
 * row_bytes each; above is all zeros for the first row; channels is 1 to 4 and divides row_bytes.
 */
enum tt_png_filter tt_png_filter_choose(const uint8_t *row, const uint8_t *above, size_t row_bytes,
                                        size_t channels);

/* Writes the line: the filter's number and row_bytes filtered bytes, 1 + row_bytes in all. */
void tt_png_filter_apply(enum tt_png_filter filter, uint8_t *line, const uint8_t *row,
                         const uint8_t *above, size_t row_bytes, size_t channels);

#endif
