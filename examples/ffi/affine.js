// SPDX-License-Identifier: BSD-3-Clause
// A Gaussian in JavaScript as the model: by ask and tell, by callbacks, and the library's mixture beside it.
//
//     node affine.js GOLDEN LAYOUT      compares with the bits that affine.c printed, and structs with what C says
//     node affine.js begin|finish FILE  half a job each, as affine.c does
//
// ECMAScript rounds after every multiplication and addition: nothing is contracted.  Math.fround makes singles: a sum or
// product of two singles, rounded to double and then to single, is rounded as if once.
'use strict';
const fs = require('node:fs');
const covsamp = require('./covsamp.js');

const DIM = 4, MEAN = [0.5, -1, 0.25, 2], VARIANCE = [0.04, 0.3, 1.2, 2.5];
const U = [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [0.5, 0.5, -0.5, -0.5], [0.5, -0.5, -0.5, 0.5]];

let passed = 0, failed = 0;
function check(ok, what) {
    if (ok) passed++;
    else failed++;
    if (!ok) console.error('failed:', what);
}

// u . r in the type that `round` rounds to.
function dot(u, r, round) {
    let sum = round(u[0] * r[0]);
    for (let i = 1; i < DIM; i++) sum = round(sum + round(u[i] * r[i]));
    return sum;
}

// out = U gain U r, gain = sigma / (alpha^2 VARIANCE + sigma^2).
function rotate(q, r, out) {
    const round = out instanceof Float32Array ? Math.fround : (value) => value;
    const c = U.map((u, k) => {
        const gain = q.sigma / (q.alpha * q.alpha * VARIANCE[k] + q.sigma * q.sigma);
        return round(round(gain) * dot(u, r, round));
    });
    for (let i = 0; i < DIM; i++) out[i] = dot(U[i], c, round);
}

const affine = {
    mean(q) {
        q.x.forEach((x, b) => {
            const round = x instanceof Float32Array ? Math.fround : (value) => value;
            rotate(q, x.map((value, i) => value - round(round(q.alpha) * MEAN[i])), q.mean[b]);
        });
    },
    jvp(q) {
        q.v.forEach((v, k) => v.forEach((tangent, b) => rotate(q, tangent, q.product[k][b])));
    },
    answer(q) {
        if (q.mean) this.mean(q);
        if (q.product) this.jvp(q);
    },
};

function newMixture() {
    const diagonal = [[0.3, 0.2, 0.1, 0.4], [0.1, 0.4, 0.3, 0.2]], rest = [0.05, 0.02], covariances = [];
    for (let k = 0; k < 2; k++)
        for (let i = 0; i < DIM; i++)
            for (let j = 0; j < DIM; j++) covariances.push(i === j ? diagonal[k][i] : rest[k]);
    return new covsamp.Mixture(DIM, [2, 1], [-1, 0, 0.5, 1, 1, 1, 0, -1], covariances);
}

function newSampler(dtype) {
    const schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02);
    const config = new covsamp.Config({batch: 3, dim: DIM, dtype, covariance: 'krylov', krylov_steps: 2, seed: 2024,
        first_sample: 5});
    config.setSchedule(schedule, schedule.spaced(20));
    const sampler = new covsamp.Sampler(config);
    schedule.close();
    config.close();
    return sampler;
}

function bits(sampler) {
    return sampler.state.map((row) => {
        const wide = row instanceof Float64Array;
        return Array.from(wide ? new BigUint64Array(row.buffer) : new Uint32Array(row.buffer),
            (word) => word.toString(16).padStart(wide ? 16 : 8, '0'));
    }).flat().join(' ');
}

// What a call throws, or null.
function thrown(call) {
    try {
        call();
        return null;
    } catch (error) {
        return error;
    }
}

// To the end by callbacks, cancelled by one, by cancel(), and stopped by an exception on the way: nothing is lost.
function byCallbacks(sampler, model) {
    const boom = new TypeError('boom');
    const visits = {};
    const progress = (q) => {
        const visit = visits[q.step] = (visits[q.step] ?? 0) + 1;
        if (q.step === 5 && visit === 1) throw boom;
        return q.step === 3 && visit === 1 ? covsamp.CANCELLED : covsamp.OK;
    };
    check(thrown(() => sampler.run(model, progress)) instanceof covsamp.Cancelled, 'a callback cancels');
    sampler.cancel();
    check(thrown(() => sampler.run(model, progress)) instanceof covsamp.Cancelled, 'cancel() cancels');
    check(thrown(() => sampler.run(model, progress)) === boom, 'an exception comes out as it was');
    check(thrown(() => sampler.run(model, progress)) === null, 'and the run goes on');
    check(sampler.stats.steps === 20, '20 steps');
}

function oneCase(name, model, golden) {
    const sampler = newSampler(name.slice(-3));
    for (const request of sampler) model.answer(request);
    check(bits(sampler) === golden[name], name + ' by ask and tell');
    sampler.restart(2024, 5);
    byCallbacks(sampler, model);
    check(bits(sampler) === golden[name], name + ' by callbacks');
    sampler.close();
    check(thrown(() => sampler.ask())?.message === 'Sampler is closed', 'a closed sampler says so');
}

function error() {
    const e = thrown(() => new covsamp.Config({krylov_steps: 0}));
    check(e instanceof covsamp.CovsampError && e.code === 'COVSAMP_E_RANGE' && e.message.includes('krylov_steps is 0'),
        'krylov_steps = 0 is an error with a sentence');
    console.log(e.message);
}

// Every field of the structs that the module has lies where C has it, and none is missing.
function layouts(path) {
    const lines = fs.readFileSync(path, 'utf8').split('\n');
    for (const [name, type] of Object.entries(covsamp.structs)) {
        const {sizeof, introspect} = covsamp.koffi;
        const own = [`${name} size 0 ${sizeof(type)}`];
        for (const member of Object.values(introspect(type).members))
            own.push(`${name} .${member.name} ${member.offset} ${sizeof(member.type)}`);
        check(own.join() === lines.filter((line) => line.startsWith(name + ' ')).join(), own.join());
    }
}

// Half a job: written after ten steps, or read and finished, by whatever language.
function half(what, path) {
    const sampler = newSampler('f64');
    if (what === 'begin') {
        for (let step = 0; step < 10; step++) sampler.step(affine);
        fs.writeFileSync(path, sampler.save());
    } else {
        sampler.load(fs.readFileSync(path));
        while (sampler.step(affine));
        console.log('affine_f64 ' + bits(sampler));
    }
    sampler.close();
}

// What a callback must not do: it is an error, and nothing is lost.
function misuse() {
    const sampler = newSampler('f64'), answer = (q) => affine.answer(q);
    const stopped = (kind, callback) => thrown(() => sampler.run({mean: callback, jvp: callback})) instanceof kind;
    for (const value of ['text', {}, 0.5, NaN, 2n ** 32n, 2 ** 32])
        check(stopped(TypeError, () => value), `a callback returned ${value}`);
    check(stopped(covsamp.CovsampError, () => sampler.ask()), 'a callback that re-enters');
    check(stopped(Error, () => sampler.close()), 'a callback that closes');
    sampler.run({mean: answer, jvp: answer});
    check(bits(sampler) === golden.affine_f64, 'and the run goes on');
    check(thrown(() => sampler.load(sampler.save().subarray(1))) instanceof covsamp.CovsampError, 'not a saved run');
    sampler.close();
}

const golden = {};

function main(goldenPath, layoutPath) {
    for (const line of fs.readFileSync(goldenPath, 'utf8').split('\n'))
        golden[line.split(' ')[0]] = line.split(' ').slice(1).join(' ');
    for (const option of covsamp.options()) console.log(option.name.padEnd(18), option.help);
    const mixture = newMixture();
    for (const dtype of ['f64', 'f32']) {
        oneCase('affine_' + dtype, affine, golden);
        oneCase('mixture_' + dtype, mixture, golden);
    }
    mixture.close();
    misuse();
    error();
    layouts(layoutPath);
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed === 0 ? 0 : 1;
}

(['begin', 'finish'].includes(process.argv[2]) ? half : main)(process.argv[2], process.argv[3]);
