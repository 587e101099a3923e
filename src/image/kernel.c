/* Kernel: Lanczos weights along one axis, rounded to integers that still sum to one.
 *
 * Here: the windowed sinc, its windows and their rounding. The pixels are in resample.c. */
#include "image/kernel.h"

#include <math.h>

#include "image/operations.h"

#define LOBES 3 /* Lanczos 3; Duchon, "Lanczos Filtering in One and Two Dimensions", 1979 */

/* C11 has no pi: that of libm is an extension. */
#define PI 3.14159265358979323846

/* Returns sinc(x) sinc(x/3), where sinc(x) = sin(pi x) / (pi x), for angle = pi x / 3 and its sine:
 * as sin(3a) = 3 sin(a) - 4 sin(a)^3, one sine serves both factors. */
static double lanczos(double angle, double sine) {
    if (fabs(angle) < 1e-6) /* 1 to 12 digits; the quotient of what is left of two numbers is not */
        return 1;
    if (fabs(angle) >= PI)
        return 0;
    return sine * sine * (3 - 4 * sine * sine) / (LOBES * angle * angle);
}

static bool axis_is_copy(double start, double end, int size_px) {
    return start == floor(start) && end - start == size_px;
}

/* Returns half the width of the window: when reducing, the kernel is stretched to the output's
 * pitch. */
static double half_window(double scale) {
    return LOBES * fmax(scale, 1);
}

static int round_up(int value, int multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

static int taps_max(int in_px, double start, double end, int size_px, int taps_multiple) {
    if (axis_is_copy(start, end, size_px))
        return taps_multiple;
    /* A window of width w, its ends rounded to whole pixels, covers at most floor(w) + 1; what is
     * added to w is more than floating point can lose on the way. */
    double taps = floor(2 * half_window((end - start) / size_px) + 1e-6) + 1;
    return round_up(taps < in_px ? (int)taps : in_px, taps_multiple);
}

/* A step leads from one pixel of a window to the next: it is the angle of lanczos(), and the
 * rotation by it, which takes a sine and a cosine along for two products each, where sin() costs
 * ten times that. Over the longest window that loses 3 of a double's 16 digits. */
struct step {
    double angle, sine, cosine;
};

static struct step find_step(double scale) {
    double angle = PI / (LOBES * fmax(scale, 1));
    return (struct step){.angle = angle, .sine = sin(angle), .cosine = cos(angle)};
}

/* Fills exact[] with the weights around centre, which sum to 1, and returns where they lie. */
static struct tt_kernel_span weigh_window(double centre, double scale, int in_px,
                                          const struct step *step, double *exact) {
    double half = half_window(scale);
    int first = (int)fmax(floor(centre - half + 0.5), 0);
    int last = (int)fmin(floor(centre + half + 0.5), in_px); /* one past */
    double start = (first + 0.5 - centre) * step->angle;
    double sine = sin(start);
    double cosine = cos(start);
    double sum = 0;
    for (int tap = 0; tap < last - first; tap++) {
        double next_sine = sine * step->cosine + cosine * step->sine;
        exact[tap] = lanczos(start + tap * step->angle, sine);
        sum += exact[tap];
        cosine = cosine * step->cosine - sine * step->sine;
        sine = next_sine;
    }
    for (int tap = 0; tap < last - first; tap++)
        exact[tap] /= sum;
    return (struct tt_kernel_span){.first = first, .count = last - first};
}

/* Rounds count weights. What rounding added or took goes to the largest weight, where it is
 * relatively least, so that an even area keeps its value. */
static enum tt_err round_weights(const double *exact, int count, int16_t *weights) {
    int32_t sum = 0;
    int32_t absolute_sum = 0;
    int largest = 0;
    for (int tap = 0; tap < count; tap++) {
        weights[tap] = (int16_t)lrint(exact[tap] * TT_KERNEL_ONE);
        sum += weights[tap];
        if (weights[tap] > weights[largest])
            largest = tap;
    }
    weights[largest] = (int16_t)(weights[largest] + TT_KERNEL_ONE - sum);
    for (int tap = 0; tap < count; tap++)
        absolute_sum += weights[tap] < 0 ? -weights[tap] : weights[tap];
    /* Lanczos 3 stays below 1.6; the resampler's sums rely on 2. */
    if (absolute_sum > 2 * TT_KERNEL_ONE)
        return tt_err_fail(TT_ERR_INTERNAL, "resampling weights of %d / %d in all", absolute_sum,
                           TT_KERNEL_ONE);
    return TT_OK;
}

static void fill_copy(struct tt_kernel *kernel, int start) {
    for (int i = 0; i < kernel->size_px; i++) {
        kernel->spans[i] = (struct tt_kernel_span){.first = start + i, .count = 1};
        kernel->weights[(int64_t)i * kernel->taps] = TT_KERNEL_ONE;
    }
}

enum tt_err tt_kernel_open(struct tt_kernel *kernel, int in_px, double start, double end,
                           int size_px, int taps_multiple, struct tt_arena *arena) {
    double scale = (end - start) / size_px;
    struct step step = find_step(scale);
    *kernel = (struct tt_kernel){
        .size_px = size_px,
        .taps = taps_max(in_px, start, end, size_px, taps_multiple),
        .is_copy = axis_is_copy(start, end, size_px),
    };
    double *exact = tt_arena_alloc_array(arena, (size_t)kernel->taps, sizeof *exact);
    kernel->spans = tt_arena_alloc_array(arena, (size_t)size_px, sizeof *kernel->spans);
    kernel->weights = tt_arena_alloc_array(arena, (size_t)size_px * (size_t)kernel->taps,
                                           sizeof *kernel->weights);
    if (!exact || !kernel->spans || !kernel->weights)
        return TT_ERR_NO_MEMORY;

    if (kernel->is_copy) {
        fill_copy(kernel, (int)start);
        return TT_OK;
    }
    for (int i = 0; i < size_px; i++) {
        kernel->spans[i] = weigh_window(start + (i + 0.5) * scale, scale, in_px, &step, exact);
        enum tt_err err = round_weights(exact, kernel->spans[i].count,
                                        kernel->weights + (int64_t)i * kernel->taps);
        if (err != TT_OK)
            return err;
    }
    return TT_OK;
}
