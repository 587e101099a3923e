/* Exif: the one thing of a picture's metadata that changes how it is shown. */
#ifndef TINTYPE_IMAGE_EXIF_H
#define TINTYPE_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The Orientation tag (0x0112) of the first directory of an Exif block, which is a TIFF structure
 * ("II*\0" or "MM\0*" first): 1 to 8, and 1 whenever the block is cut, damaged or silent. */
int tt_exif_orientation(const uint8_t *tiff, size_t length);

#endif
