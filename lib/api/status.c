/* SPDX-License-Identifier: BSD-3-Clause */
/* Codes, names and sentences from one list, so that they cannot drift apart. */
#include <covsamp/covsamp.h>

#include <stddef.h>

#define STATUS_LIST(X)                                                                             \
    X(COVSAMP_OK, "Success.")                                                                      \
    X(COVSAMP_DONE, "Nothing is left to do.")                                                      \
    X(COVSAMP_CANCELLED, "Stopped on request; asking or running again goes on.")                   \
    X(COVSAMP_E_NULL, "A required pointer is NULL.")                                               \
    X(COVSAMP_E_RANGE, "A value is outside its allowed range.")                                    \
    X(COVSAMP_E_OPTION, "Unknown option, wrong type for it, or text that does not parse.")         \
    X(COVSAMP_E_STATE, "The call is not allowed in this state.")                                   \
    X(COVSAMP_E_NOMEM, "There is not enough memory, or a size overflows.")                         \
    X(COVSAMP_E_STRUCT_SIZE, "The size field of a struct is not usable.")                          \
    X(COVSAMP_E_UNSUPPORTED, "This combination is not available.")                                 \
    X(COVSAMP_E_MODEL, "The model reported a failure.")                                            \
    X(COVSAMP_E_NONFINITE, "The model's answer holds a NaN or an infinity.")                       \
    X(COVSAMP_E_LINALG, "An eigenvalue iteration did not converge.")                               \
    X(COVSAMP_E_OVERFLOW, "A state, or what follows from it, is too large for its type.")          \
    X(COVSAMP_E_DEVICE, "An operation of the caller's table of vector operations failed.")

static const struct {
    const char *name, *text;
    covsamp_status status;
} list[] = {
#define ENTRY(code, text) {#code, text, code},
    STATUS_LIST(ENTRY)
#undef ENTRY
};

static size_t find(covsamp_status status)
{
    size_t i = 0;
    while (i < sizeof list / sizeof list[0] && list[i].status != status)
        i++;
    return i;
}

const char *covsamp_status_name(covsamp_status status)
{
    size_t i = find(status);
    return i < sizeof list / sizeof list[0] ? list[i].name : "COVSAMP_E_UNKNOWN";
}

const char *covsamp_status_text(covsamp_status status)
{
    size_t i = find(status);
    return i < sizeof list / sizeof list[0] ? list[i].text : "A code this library does not know.";
}
