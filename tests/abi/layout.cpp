// SPDX-License-Identifier: BSD-3-Clause
// The structs as a C++ compiler lays them out: the headers are the same, and so is the program.
#include "layout.c"
