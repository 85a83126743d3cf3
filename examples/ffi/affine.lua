-- SPDX-License-Identifier: BSD-3-Clause
-- A Gaussian in Lua as the model: by ask and tell, by callbacks, and the library's mixture beside it.
--
--     luajit affine.lua GOLDEN LAYOUT     compares with the bits that affine.c printed, and structs with what C says
--     luajit affine.lua begin|finish FILE  half a job each, as affine.c does
--
-- Lua's numbers are doubles, rounded after every operation; storing to a float rounds to single.  LuaJIT fuses a
-- multiplication and an addition on arm64 when it compiles: the model is interpreted there.
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local ffi = require "ffi"
local covsamp = require "covsamp"

local DIM = 4
local MEAN, VARIANCE = {0.5, -1, 0.25, 2}, {0.04, 0.3, 1.2, 2.5}
local U = {{0.5, 0.5, 0.5, 0.5}, {0.5, -0.5, 0.5, -0.5}, {0.5, 0.5, -0.5, -0.5}, {0.5, -0.5, -0.5, 0.5}}

local passed, failed = 0, 0
local function check(ok, what)
    if ok then
        passed = passed + 1
    else
        failed = failed + 1
        io.stderr:write("failed: ", what, "\n")
    end
end

local cell = ffi.new("float[1]")
local function single(value)
    cell[0] = value
    return tonumber(cell[0])
end
local function double(value)
    return value
end

local function dot(u, r, round)
    local sum = round(u[1] * r[1])
    for i = 2, DIM do sum = round(sum + round(u[i] * r[i])) end
    return sum
end

-- One sample: out = U gain U r, gain = sigma / (alpha^2 VARIANCE + sigma^2), r = x - alpha MEAN or a tangent.
local function rotate(q, x, at, shift, out)
    local round = q.dtype == covsamp.F32 and single or double
    local r, c = {}, {}
    for i = 1, DIM do
        r[i] = x[at + i - 1]
        if shift then r[i] = round(r[i] - round(round(q.alpha) * MEAN[i])) end
    end
    for k = 1, DIM do
        local gain = q.sigma / (q.alpha * q.alpha * VARIANCE[k] + q.sigma * q.sigma)
        c[k] = round(round(gain) * dot(U[k], r, round))
    end
    for i = 1, DIM do out[at + i - 1] = dot(U[i], c, round) end
end

local affine = {}
function affine.mean(q)
    local x, mean = covsamp.array(q, q.x), covsamp.array(q, q.mean)
    for b = 0, tonumber(q.batch) - 1 do rotate(q, x, b * tonumber(q.stride), true, mean) end
end
function affine.jvp(q)
    local v, product = covsamp.array(q, q.v), covsamp.array(q, q.product)
    for k = 0, tonumber(q.tangents) - 1 do
        for b = 0, tonumber(q.batch) - 1 do
            rotate(q, v, k * tonumber(q.tangent_stride) + b * tonumber(q.stride), false, product)
        end
    end
end
function affine:answer(q)
    if q.mean ~= nil then affine.mean(q) end
    if q.product ~= nil then affine.jvp(q) end
end
if jit.arch == "arm64" then
    for _, f in ipairs {dot, rotate, affine.mean, affine.jvp} do jit.off(f) end
end

local function new_mixture()
    local diagonal, rest, covariances = {{0.3, 0.2, 0.1, 0.4}, {0.1, 0.4, 0.3, 0.2}}, {0.05, 0.02}, {}
    for k = 1, 2 do
        for i = 1, DIM do
            for j = 1, DIM do covariances[#covariances + 1] = i == j and diagonal[k][i] or rest[k] end
        end
    end
    return covsamp.mixture(DIM, {2, 1}, {-1, 0, 0.5, 1, 1, 1, 0, -1}, covariances)
end

local function new_sampler(dtype)
    local schedule = covsamp.schedule_linear(1000, 1e-4, 0.02)
    local config = covsamp.config {batch = 3, dim = DIM, dtype = dtype, covariance = "krylov", krylov_steps = 2,
        seed = 2024, first_sample = 5}
    config:set_schedule(schedule, schedule:spaced(20))
    return covsamp.sampler(config)
end

local function bits(sampler, dtype)
    local x, stride = sampler:state()
    local words, found = ffi.cast("const uint32_t *", x), {}
    local high = ffi.abi("le") and 1 or 0
    for b = 0, 2 do
        for i = 0, DIM - 1 do
            local at = b * stride + i
            found[#found + 1] = dtype == "f32" and bit.tohex(words[at]) or
                bit.tohex(words[2 * at + high]) .. bit.tohex(words[2 * at + 1 - high])
        end
    end
    return table.concat(found, " ")
end

local function thrown(f, ...)
    local ok, e = pcall(f, ...)
    return not ok and e or nil
end

-- To the end by callbacks, cancelled by one, by cancel(), and stopped by an error on the way: nothing is lost.
local function by_callbacks(sampler, model)
    local boom, visits = {"boom"}, {}
    local function progress(q)
        local step = tonumber(q.step)
        visits[step] = (visits[step] or 0) + 1
        if step == 5 and visits[step] == 1 then error(boom) end
        return step == 3 and visits[step] == 1 and covsamp.CANCELLED or covsamp.OK
    end
    local e = thrown(sampler.run, sampler, model, progress)
    check(e and e.status == covsamp.CANCELLED, "a callback cancels")
    sampler:cancel()
    e = thrown(sampler.run, sampler, model, progress)
    check(e and e.status == covsamp.CANCELLED, "cancel() cancels")
    check(thrown(sampler.run, sampler, model, progress) == boom, "an error comes out as it was")
    check(thrown(sampler.run, sampler, model, progress) == nil, "and the run goes on")
    check(sampler:stats().steps == 20, "20 steps")
end

local function one_case(name, model, golden)
    local dtype = name:sub(-3)
    local sampler = new_sampler(dtype)
    for q in sampler:requests() do model:answer(q) end
    check(bits(sampler, dtype) == golden[name], name .. " by ask and tell")
    sampler:restart(2024, 5)
    by_callbacks(sampler, model)
    check(bits(sampler, dtype) == golden[name], name .. " by callbacks")
    sampler:close()
    check(thrown(sampler.ask, sampler) == "the handle is closed", "a closed sampler says so")
end

local function bad_value()
    local e = thrown(covsamp.config, {krylov_steps = 0})
    check(e and e.name == "COVSAMP_E_RANGE" and e.message:find("krylov_steps is 0", 1, true),
        "krylov_steps = 0 is an error with a sentence")
    print(e)
end

-- Every field of the structs that the module has lies where C has it, and none is missing.  ffi tells no field's size: C's
-- are 4 and 8, and one that were 8 here and 4 there would move the next, or the end of the struct.
local function layouts(path)
    local c, fields_in_c = {}, {}
    for line in io.lines(path) do
        local struct, field, offset, size = line:match("^(%S+) (%S+) (%S+) (%S+)")
        c[struct .. field] = {tonumber(offset), tonumber(size)}
        fields_in_c[struct] = (fields_in_c[struct] or -1) + 1
    end
    for struct, fields in pairs(covsamp.structs) do
        local names = {}
        for field in fields:gmatch("%S+") do names[#names + 1] = field end
        check(ffi.sizeof(struct) == c[struct .. "size"][2] and #names == fields_in_c[struct], "size of " .. struct)
        for i, field in ipairs(names) do
            local own, in_c = ffi.offsetof(struct, field), c[struct .. "." .. field]
            local behind = names[i + 1] and ffi.offsetof(struct, names[i + 1]) or ffi.sizeof(struct)
            check(own == in_c[1] and behind - own == in_c[2], struct .. "." .. field)
        end
    end
end

-- Half a job: written after ten steps, or read and finished, by whatever language.
local function half(what, path)
    local sampler, file = new_sampler("f64"), assert(io.open(path, what == "begin" and "wb" or "rb"))
    if what == "begin" then
        for _ = 1, 10 do sampler:step(affine) end
        assert(file:write(sampler:save()))
    else
        sampler:load(file:read("*a"))
        while sampler:step(affine) do end
        print("affine_f64 " .. bits(sampler, "f64"))
    end
    assert(file:close())
end

-- What a callback must not do: it is an error, and nothing is lost.
local function misuse(golden)
    local sampler = new_sampler("f64")
    local function stopped(callback) return thrown(sampler.run, sampler, {mean = callback, jvp = callback}) end
    for _, value in ipairs {"text", {}, true, 0.5, 0 / 0, 2 ^ 32} do
        check(tostring(stopped(function() return value end)):find("a callback returned", 1, true), tostring(value))
    end
    check(stopped(function() sampler:ask() end).name == "COVSAMP_E_STATE", "a callback that re-enters")
    check(stopped(function() sampler:close() end) == "the sampler is running", "a callback that closes")
    sampler:run(affine)
    check(bits(sampler, "f64") == golden.affine_f64, "and the run goes on")
    check(thrown(sampler.load, sampler, sampler:save():sub(2)).name == "COVSAMP_E_RANGE", "not a saved run")
end

local function main(golden_path, layout_path)
    local golden = {}
    for line in io.lines(golden_path) do
        local name, words = line:match("^(%S+) (.*)$")
        golden[name] = words
    end
    for _, option in ipairs(covsamp.options()) do print(("%-18s %s"):format(option.name, option.help)) end
    local mixture = new_mixture()
    for _, dtype in ipairs {"f64", "f32"} do
        one_case("affine_" .. dtype, affine, golden)
        one_case("mixture_" .. dtype, mixture, golden)
    end
    misuse(golden)
    bad_value()
    layouts(layout_path)
    print(("%d passed, %d failed"):format(passed, failed))
    os.exit(failed == 0)
end

(({begin = true, finish = true})[arg[1]] and half or main)(arg[1], arg[2])
