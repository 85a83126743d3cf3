# SPDX-License-Identifier: BSD-3-Clause
"""The C side of covsamp.py: struct layouts as covsamp.h has them, and the functions with their argument types."""
import ctypes
import operator
import sys
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

import numpy as np

DTYPES = {1: np.dtype(np.float32), 2: np.dtype(np.float64)}

# ---- Structs -------------------------------------------------------------------------------------
# As far as this module knows them; they grow at their end, and size says how far they go.

class Option(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("key", c_int32), ("type", c_int32), ("name", c_char_p), ("help", c_char_p),
                ("int_low", c_int64), ("int_high", c_int64), ("int_default", c_int64),
                ("real_low", c_double), ("real_high", c_double), ("real_default", c_double)]


class Stats(ctypes.Structure):
    _fields_ = ([("size", c_size_t)] +
                [(name, c_int64) for name in
                 ("steps", "mean_requests", "jvp_requests", "jvp_tangents", "products_used", "products_paid",
                  "ritz_values", "ritz_clamped", "breakdowns", "breakdowns_asymmetric", "steps_without")] +
                [("asymmetry", c_double), ("error_estimate", c_double),
                 ("vjp_requests", c_int64), ("vjp_tangents", c_int64), ("guide_requests", c_int64)])


class StepStats(ctypes.Structure):
    _fields_ = ([("size", c_size_t)] +
                [(name, c_int64) for name in ("step", "level", "samples", "products_used", "products_least",
                                              "products_most", "ritz_values", "ritz_clamped")] +
                [(name, c_double) for name in ("asymmetry", "error_estimate", "error_mean")])


def memory(owner, address, shape, strides, dtype, writable):
    """An array over the library's memory, which keeps the handle that owns it."""
    class_ = Memory()
    class_.owner = owner
    class_.__array_interface__ = {"version": 3, "data": (address, not writable), "shape": shape,
                                  "strides": strides, "typestr": dtype.str}
    return np.asarray(class_)


class Memory:
    __slots__ = ("owner", "__array_interface__")


def _array(field, tangents, writable):
    """A property of a request: the array behind a pointer, or None where the pointer is NULL."""
    def get(self):
        address = getattr(self, field) if getattr(Request, field).offset < self.size else None
        if not address:
            return None
        dtype = DTYPES[self.dtype]
        shape, strides = (self.batch, self.dim), (self.stride * dtype.itemsize, dtype.itemsize)
        if tangents:
            shape, strides = (self.tangents,) + shape, (self.tangent_stride * dtype.itemsize,) + strides
        return memory(self.handle, address, shape, strides, dtype, writable)
    return property(get)


class Request(ctypes.Structure):
    """What is to be computed.  x, v are read only; mean, product, ... are None unless they are asked for.  Shapes:
    [batch, dim], of v, product and transposed [tangents, batch, dim]."""
    _fields_ = ([("size", c_size_t), ("kind", c_int32), ("dtype", c_int32)] +
                [(name, c_int64) for name in ("batch", "dim", "stride", "tangents", "tangent_stride", "step", "steps",
                                              "level", "first_sample")] +
                [(name, c_uint64) for name in ("seed", "owner", "point")] +
                [(name, c_double) for name in ("time", "alpha", "sigma")] +
                [("stream", c_int32), ("branch", c_int32)] +
                [(name, c_void_p) for name in ("x_", "v_", "mean_", "product_", "noise_", "head_", "transposed_", "gradient_",
                                               "other_mean_", "other_product_", "other_transposed_", "other_head_", "ops_")] +
                [("products_follow", c_int32), ("reserved", c_int32)])
    handle = None  # of Python: keeps the memory
    x, v = _array("x_", False, False), _array("v_", True, False)
    mean, product = _array("mean_", False, True), _array("product_", True, True)
    noise, head, transposed = _array("noise_", False, True), _array("head_", False, True), _array("transposed_", True, True)
    gradient = _array("gradient_", False, True)
    other_mean, other_product = _array("other_mean_", False, True), _array("other_product_", True, True)
    other_transposed, other_head = _array("other_transposed_", True, True), _array("other_head_", False, True)

    def tangents_and_products(self):
        """Pairs of [batch, dim]: a tangent, and where its product goes.  None where no products are asked for."""
        product = self.product
        return [] if product is None else list(zip(self.v, product))


Answer = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p)


class Model(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("model_user", c_void_p), ("mean", Answer), ("jvp", Answer),
                ("mean_jvp", Answer), ("noise_user", c_void_p), ("noise", Answer), ("progress_user", c_void_p),
                ("progress", Answer), ("vjp", Answer), ("guide_user", c_void_p), ("guide", Answer)]


ROLES = ("mean", "jvp", "mean_jvp", "noise", "progress", "vjp", "guide")
STRUCTS = {"covsamp_option": Option, "covsamp_stats": Stats, "covsamp_step_stats": StepStats,
           "covsamp_request": Request, "covsamp_model": Model}

# ---- Functions -----------------------------------------------------------------------------------
# A letter an argument: p pointer, i int32, l int64, u uint64, d double, n size_t, s text.  ctypes would cut a number
# that is too large, and C a text with a zero in it: these refuse.

def _integer(base, low, high):
    class Integer(base):
        @classmethod
        def from_param(cls, value):
            number = operator.index(value)
            if not low <= number <= high:
                raise OverflowError("%d is not in %d ... %d" % (number, low, high))
            return base(number)
    return Integer


class _Text(c_char_p):
    @classmethod
    def from_param(cls, value):
        if b"\0" in value:
            raise ValueError("%r has a zero byte in it" % value)
        return c_char_p(value)


INT32 = _integer(c_int32, -2**31, 2**31 - 1)
_LETTERS = {"p": c_void_p, "i": INT32, "l": _integer(c_int64, -2**63, 2**63 - 1), "d": c_double, "n": c_size_t,
            "u": _integer(c_uint64, -2**63, 2**64 - 1), "s": _Text}  # u: the bits of a negative number
_STATUS = """
    schedule_new_linear plddpp  schedule_new_cosine pldpp  schedule_new_table plppppp  schedule_new_karras pldddpp
    schedule_new_flow plpp  schedule_at pdppp  schedule_spaced plipp  schedule_optimal pplpp
    config_new pp  config_set_int pil  config_set_real pid  config_set_by_name pss  config_get_int pip
    config_get_real pip  config_set_schedule pppl  config_set_table pipl
    sampler_new pp  sampler_restart pul  sampler_state ppp  sampler_set_state ppl  sampler_stats pp
    sampler_step_stats plp  sampler_ask pp  sampler_tell pi  sampler_answer p  sampler_run pp  sampler_step pp
    sampler_save ppnp  sampler_load ppn
    noise_normal ulilllp  mixture_new pllpppipp  mixture_answer pp  mixture_model pp"""
_OTHER = [("schedule_free", "p", None), ("config_free", "p", None), ("sampler_free", "p", None),
          ("mixture_free", "p", None), ("sampler_cancel", "p", None), ("schedule_levels", "p", c_int64),
          ("config_message", "p", c_char_p), ("sampler_message", "p", c_char_p), ("status_name", "i", c_char_p),
          ("status_text", "i", c_char_p), ("version_string", "", c_char_p), ("version_number", "", c_uint32),
          ("option_info", "i", POINTER(Option)), ("option_choice", "iip", c_char_p)]


library = ctypes.CDLL("libcovsamp.0.dylib" if sys.platform == "darwin" else "libcovsamp.so.0")


class C:
    """The library's functions without their prefix."""
    words = _STATUS.split()
    for name, letters, returns in [(n, a, c_int32) for n, a in zip(words[::2], words[1::2])] + _OTHER:
        function = getattr(library, "covsamp_" + name)
        function.argtypes, function.restype = [_LETTERS[letter] for letter in letters], returns
        locals()[name] = staticmethod(function)
