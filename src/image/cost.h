/* Cost: how much CPU time a rendering will take, told from its plan. */
#ifndef TINTYPE_IMAGE_COST_H
#define TINTYPE_IMAGE_COST_H

#include <stdint.h>

#include "image/plan.h"

/* Returns milliseconds of CPU time: what a picture of the dearest usual kind of its format takes.
 */
int64_t tt_cost_ms(const struct tt_plan *plan, const struct tt_picture_header *header,
                   const struct tt_picture_output *outputs);

#endif
