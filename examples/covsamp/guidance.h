/* SPDX-License-Identifier: BSD-3-Clause */
/* What draws samples towards a class: labels, a classifier, two branches of the network. */
#ifndef COVSAMP_GUIDANCE_H
#define COVSAMP_GUIDANCE_H

#include "setup.h"

/* Whether options ask for it, by --guidance, --cfg or --set. */
bool guidance_by_classifier(const covsamp_config *config);
bool guidance_free(const covsamp_config *config);
/* Opens the classifier and gives labels to it and to the network.  0 or an exit code after a
 * message. */
int guidance_make(struct setup *setup, const struct sample_request *request);

#endif
