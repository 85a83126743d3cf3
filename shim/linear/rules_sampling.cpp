// SPDX-License-Identifier: BSD-3-Clause
// Padding, pooling, up- and downsampling: linear, and the operator itself is the map.
#include "call.hpp"

namespace covsamp_shim
{

namespace
{

bool resampling(Call &call)
{
    if (!call.only(0))
        return false;
    call.run();
    call.replay(0, {}, /*any_type=*/false);
    return true;
}

// A constant at the edge has no tangent.
bool padding(Call &call)
{
    if (!call.only(0))
        return false;
    const bool constant = call.instruction().name == "aten::constant_pad_nd";
    const size_t value = constant ? 2 : 3; // pad(x, sizes, mode, value)
    call.run();
    const bool has_value = value < call.count() && !call.argument(value).isNone();
    call.replay(0, has_value ? Call::Changes{{value, c10::IValue(0.0)}} : Call::Changes{}, false);
    return true;
}

} // namespace

const RuleTable &sampling_rules()
{
    static const RuleTable table = [] {
        RuleTable rules{{"aten::constant_pad_nd", padding}, {"aten::pad", padding}};
        for (const char *name : {"aten::reflection_pad1d",
                                 "aten::reflection_pad2d",
                                 "aten::reflection_pad3d",
                                 "aten::replication_pad1d",
                                 "aten::replication_pad2d",
                                 "aten::replication_pad3d",
                                 "aten::upsample_nearest1d",
                                 "aten::upsample_nearest2d",
                                 "aten::upsample_nearest3d",
                                 "aten::_upsample_nearest_exact1d",
                                 "aten::_upsample_nearest_exact2d",
                                 "aten::_upsample_nearest_exact3d",
                                 "aten::upsample_linear1d",
                                 "aten::upsample_bilinear2d",
                                 "aten::upsample_trilinear3d",
                                 "aten::upsample_bicubic2d",
                                 "aten::_upsample_bilinear2d_aa",
                                 "aten::_upsample_bicubic2d_aa",
                                 "aten::avg_pool1d",
                                 "aten::avg_pool2d",
                                 "aten::avg_pool3d",
                                 "aten::adaptive_avg_pool1d",
                                 "aten::adaptive_avg_pool2d",
                                 "aten::adaptive_avg_pool3d",
                                 "aten::pixel_shuffle",
                                 "aten::pixel_unshuffle",
                                 "aten::channel_shuffle",
                                 "aten::im2col",
                                 "aten::col2im",
                                 "aten::cumsum"})
            rules[name] = resampling;
        return rules;
    }();
    return table;
}

} // namespace covsamp_shim
