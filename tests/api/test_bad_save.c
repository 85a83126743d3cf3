/* SPDX-License-Identifier: BSD-3-Clause */
#include "saved.h"
int main(void) { return check_done(); }
