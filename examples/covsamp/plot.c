/* SPDX-License-Identifier: BSD-3-Clause */
/* A figure with two logarithmic axes needs some lines, circles and words.  SVG is text that says
 * just that: no library and no other program are needed, every browser and word processor shows it,
 * and a changed curve is a readable difference between two versions of a file. */
#include "plot.h"

#include <math.h>

#define WIDTH  760.0
#define HEIGHT 480.0
#define LEFT   76.0
#define RIGHT  196.0 /* holds the legend */
#define TOP    44.0
#define BOTTOM 56.0
#define ROW    20.0 /* of the legend */

/* Okabe & Ito's colours, told apart with any kind of sight; dashes are each where those of other
 * colours have gaps, so that curves on top of each other all show. */
static const char *const colours[PLOT_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                  "#e69f00", "#56b4e9", "#000000"};

struct axes {
    double x0, x1, y0, y1; /* logarithms to base 10 */
};

static int drawable(const struct plot_curve *c, int i)
{
    return c->x[i] > 0 && c->y[i] > 0 && isfinite(c->x[i]) && isfinite(c->y[i]);
}

static struct axes find_axes(const struct plot *plot)
{
    struct axes a = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int k = 0; k < plot->n_curves; k++)
        for (int i = 0; i < plot->curves[k].count; i++)
            if (drawable(&plot->curves[k], i)) {
                const double x = log10(plot->curves[k].x[i]), y = log10(plot->curves[k].y[i]);
                a.x0 = fmin(a.x0, x);
                a.x1 = fmax(a.x1, x);
                a.y0 = fmin(a.y0, y);
                a.y1 = fmax(a.y1, y);
            }
    if (!(a.x0 <= a.x1)) { /* nothing to draw */
        const struct axes unit = {0, 1, 0, 1};
        return unit;
    }
    a.x0 -= .05 * (a.x1 - a.x0) + .02;
    a.x1 += .05 * (a.x1 - a.x0) + .02;
    a.y0 = floor(a.y0);
    a.y1 = fmax(ceil(a.y1), a.y0 + 1);
    return a;
}

static double at_x(const struct axes *a, double x)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (log10(x) - a->x0) / (a->x1 - a->x0);
}

static double at_y(const struct axes *a, double y)
{
    const double share = (log10(y) - a->y0) / (a->y1 - a->y0);
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * fmin(fmax(share, -.02), 1.02);
}

/* Text with what XML reserves written out. */
static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else
            putc(*text, out);
    }
}

static void put_label(FILE *out, double x, double y, const char *anchor, const char *more,
                      const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, more);
    put_text(out, text);
    fputs("</text>\n", out);
}

static void put_line(FILE *out, double x0, double y0, double x1, double y1, const char *style)
{
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x0, y0, x1, y1,
            style);
}

static void put_frame(const struct plot *plot, const struct axes *a, FILE *out)
{
    const double right = WIDTH - RIGHT, bottom = HEIGHT - BOTTOM;
    char text[32];
    for (double e = a->y0; e <= a->y1; e++) {
        const double y = at_y(a, pow(10, e));
        put_line(out, LEFT, y, right, y, "stroke=\"#ddd\"");
        snprintf(text, sizeof text, "1e%.0f", e);
        put_label(out, LEFT - 8, y + 4, "end", "", text);
    }
    for (double x = 1; log10(x) <= a->x1; x *= 2) { /* people halve and double steps */
        if (log10(x) < a->x0)
            continue;
        put_line(out, at_x(a, x), TOP, at_x(a, x), bottom, "stroke=\"#ddd\"");
        snprintf(text, sizeof text, "%.0f", x);
        put_label(out, at_x(a, x), bottom + 18, "middle", "", text);
    }
    fprintf(out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
            "stroke=\"#444\"/>\n",
            LEFT, TOP, right - LEFT, bottom - TOP);
    put_label(out, .5 * (LEFT + right), TOP - 16, "middle", " font-size=\"15\"", plot->title);
    put_label(out, .5 * (LEFT + right), HEIGHT - 14, "middle", "", plot->x_label);
    snprintf(text, sizeof text, "rotate(-90 20 %.1f)", .5 * (TOP + bottom));
    fprintf(out, "<text x=\"20\" y=\"%.1f\" text-anchor=\"middle\" transform=\"%s\">",
            .5 * (TOP + bottom), text);
    put_text(out, plot->y_label);
    fputs("</text>\n", out);
}

/* Slopes -1 and -2 to compare with, from the left end of the highest and the lowest curve. */
static void put_guides(const struct plot *plot, const struct axes *a, FILE *out)
{
    double x0 = INFINITY, x1 = 0, high = 0, low = INFINITY;
    for (int k = 0; k < plot->n_curves; k++)
        for (int i = 0; i < plot->curves[k].count; i++)
            if (drawable(&plot->curves[k], i)) {
                x0 = fmin(x0, plot->curves[k].x[i]);
                x1 = fmax(x1, plot->curves[k].x[i]);
            }
    for (int k = 0; k < plot->n_curves; k++)
        for (int i = 0; i < plot->curves[k].count; i++)
            if (drawable(&plot->curves[k], i) && plot->curves[k].x[i] == x0) {
                high = fmax(high, plot->curves[k].y[i]);
                low = fmin(low, plot->curves[k].y[i]);
            }
    if (!(x1 > x0))
        return;
    fprintf(out, "<g stroke=\"#888\" stroke-dasharray=\"2 4\">\n");
    put_line(out, at_x(a, x0), at_y(a, high), at_x(a, x1), at_y(a, high * x0 / x1), "");
    x1 = fmin(x1, x0 * sqrt(low / pow(10, a->y0))); /* within the frame */
    put_line(out, at_x(a, x0), at_y(a, low), at_x(a, x1), at_y(a, low * pow(x0 / x1, 2)), "");
    fputs("</g>\n", out);
}

static void put_curve(const struct plot_curve *c, int number, const struct axes *a, FILE *out)
{
    const char *colour = colours[c->colour];
    const int length = c->dash == 1 ? 6 : c->dash == 2 ? 2 : 1;
    fprintf(out, "<g stroke=\"%s\" fill=\"%s\"", colour, colour);
    if (c->dash > 0)
        fprintf(out, " stroke-dasharray=\"%d %d\" stroke-dashoffset=\"%d\"", length,
                c->dash == 1 ? 12 : 6, -length * c->colour);
    fputs(">\n<polyline fill=\"none\" stroke-width=\"1.8\" points=\"", out);
    for (int i = 0; i < c->count; i++)
        if (drawable(c, i))
            fprintf(out, "%.1f,%.1f ", at_x(a, c->x[i]), at_y(a, c->y[i]));
    fputs("\"/>\n", out);
    for (int i = 0; i < c->count; i++) {
        if (!drawable(c, i))
            continue;
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", at_x(a, c->x[i]),
                at_y(a, c->y[i]), c->dash == 0 ? 3 : fmax(4 - .8 * c->colour, 1));
        if (c->deviation != NULL && c->deviation[i] > 0)
            put_line(out, at_x(a, c->x[i]), at_y(a, c->y[i] + c->deviation[i]), at_x(a, c->x[i]),
                     at_y(a, fmax(c->y[i] - c->deviation[i], 1e-300)), "");
    }
    const double x = WIDTH - RIGHT + 16, y = TOP + 10 + ROW * number;
    put_line(out, x, y, x + 26, y, "stroke-width=\"1.8\"");
    put_label(out, x + 34, y + 4, "start", " stroke=\"none\" fill=\"#000\"", c->name);
    fputs("</g>\n", out);
}

void plot_write(const struct plot *plot, FILE *out)
{
    const struct axes a = find_axes(plot);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
            "height=\"%.0f\" font-family=\"sans-serif\" font-size=\"13\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    put_frame(plot, &a, out);
    put_guides(plot, &a, out);
    for (int k = 0; k < plot->n_curves; k++)
        put_curve(&plot->curves[k], k, &a, out);
    const double y = TOP + 10 + ROW * (plot->n_curves + .5), x = WIDTH - RIGHT + 16;
    put_line(out, x, y, x + 26, y, "stroke=\"#888\" stroke-dasharray=\"2 4\"");
    put_label(out, x + 34, y + 4, "start", "", "slopes -1, -2");
    fputs("</svg>\n", out);
}
