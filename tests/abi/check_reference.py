#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs/reference.py --check on the headers, and on headers that say too little: would it have seen that?

check_reference.py FOLDER_OF_REFERENCE_PY HEADER...
"""
import contextlib
import io
import sys

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import reference  # noqa: E402

LESS = [  # what is taken out or changed, and what must be said of it
    ("/** NULL is fine.  Samplers made from it live on. */\n", "", "covsamp_config_free has no comment"),
    ("  Errors: E_NULL, E_OPTION, E_RANGE; the old value stays.", "", "covsamp_config_set_int says nothing of E_NULL"),
    ("alpha^2 below 1e-290, or as said), E_STRUCT_SIZE, E_NOMEM.", "alpha^2 below 1e-290).", "covsamp_schedule_new_flow says nothing of"),
    ("/** Errors: E_NULL, E_STRUCT_SIZE. */", "/** Errors: E_NULL. */", "covsamp_sampler_stats says nothing of E_STRUCT_SIZE"),
    ("Errors: E_NULL, E_OPTION. */", "Errors: E_NULL, E_OPTIONS. */", "no such error"),
    ("/** As covsamp_calibration_tell(). */", "/** As covsamp_calibration_said(). */", "covsamp_calibration_said(), which does not exist"),
    ("out[0 ... count - 1]:", "The", "covsamp_noise_normal does not say the shape of out"),
    ("back into *value", "back", "covsamp_config_get_int does not say the shape of value"),
    ("message: NULL or COVSAMP_MESSAGE_BYTES bytes, \"\"", "message: \"\"", "covsamp_schedule_new_flow does not say how long message is"),
    (" Static, never NULL. */", " */", "covsamp_status_name does not say how long What is returned lives"),
]


def said(texts):
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.redirect_stdout(out):
        bad = reference.Check(texts).all().done()
    return bad, out.getvalue()


def main():
    texts = [open(path, encoding="utf-8").read() for path in sys.argv[2:]]
    check = reference.Check(texts).all()
    for old, new, wanted in LESS:
        check.that(any(old in text for text in texts), "no longer in the headers: " + old)
        bad, out = said([text.replace(old, new) for text in texts])
        check.that(bad and wanted in out, "it does not see: " + wanted)
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
