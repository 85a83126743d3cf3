/* SPDX-License-Identifier: BSD-3-Clause */
/* Curves over logarithmic axes as SVG. */
#ifndef COVSAMP_PLOT_H
#define COVSAMP_PLOT_H

#include "app.h"

#define PLOT_COLOURS 7

struct plot_curve {
    const char *name;
    const double *x, *y;
    const double *deviation; /* NULL: no error bars */
    int count;
    int colour, dash; /* 0 ... PLOT_COLOURS - 1; 0: a line, 1, 2, ...: dashes, ever shorter */
};

struct plot {
    const char *title, *x_label, *y_label;
    const struct plot_curve *curves;
    int n_curves;
};

/* Values that are not positive and finite have no place on such axes and are left out. */
void plot_write(const struct plot *plot, FILE *stream);

#endif
